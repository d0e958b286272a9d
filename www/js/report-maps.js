// The maps of the print sheet, made when a report is asked for: what the network
// saw of each photograph, and over it where its evidence lay. Made small, as they
// are printed, and let go with the photographs.

import { gradedBy } from "./assessment.js";
import { el } from "./dom.js";
import { mapWords } from "./explain.js";
import { bytesOf } from "./file.js";
import { strings } from "./strings.js";

const SIDE = 320; // pixels; a map is printed 32 mm high
// A map takes about as long as grading did, and a day's work holds hundreds.
const MOST = 40;

export class ReportMaps {
  #queue;
  #engine;
  #made = new Map(); // by photograph: what to show, or null where no map can be made
  #stopped = false;

  constructor({ queue, engine }) {
    this.#queue = queue;
    this.#engine = engine;
    queue.addEventListener("cleared", () => this.forget());
    // Maps are those of one model.
    engine.addEventListener("change", () => engine.state.model !== "ready" && this.forget());
  }

  // Those to make one of before printing: the ones to refer first, where there are many.
  missing() {
    const { state } = this.#engine;
    const graded = this.#queue.items.filter(({ status, file, drawn, assessment }) => status === "graded" && (file || drawn) && gradedBy(state, assessment));
    const first = graded.sort((a, b) => Number(b.assessment.referable) - Number(a.assessment.referable)).slice(0, MOST);
    return first.filter((item) => !this.#made.has(item));
  }

  // Makes them, one after the other; `told` hears how many are done.
  async make(told) {
    this.#stopped = false;
    const items = this.missing();
    // Cleared meanwhile, nothing of the photograph is to stay; and by a model that took
    // over meanwhile a map would be about another answer.
    const wanted = (item) => !item.dropped && gradedBy(this.#engine.state, item.assessment);
    for (const [done, item] of items.entries()) {
      if (this.#stopped) return;
      if (!wanted(item)) continue;
      told(done, items.length);
      const map = await this.#of(item).catch(() => null);
      if (wanted(item)) this.#made.set(item, map);
      else release(map);
    }
  }

  // The rest is printed without.
  stop() {
    this.#stopped = true;
  }

  // The picture for a sheet, what it shows, and what such a map is not: the same of
  // every photograph, for the sheet to say once.
  figure(item) {
    const map = this.#made.get(item);
    if (!map) return null;
    const { shows, place, caveats } = mapWords(map.words, item.assessment, this.#engine.state);
    const words = (sentences) => el("p", { class: "sheet__words" }, sentences.join(" "));
    return { picture: el("div", { class: "sheet__picture sheet__map" }, map.view, map.over), words: words([shows, place]), caveats: words(caveats) };
  }

  forget() {
    this.stop();
    for (const map of this.#made.values()) release(map);
    this.#made.clear();
  }

  async #of(item) {
    const { file, drawn } = item;
    const photo = !file && drawn ? await this.#engine.draw(drawn.grade, drawn.seed, { orFail: true }) : await bytesOf(await this.#queue.picture(item));
    const { view, viewMap, method, shows, place, caveats, placeCode, cells } = await this.#engine.explain(photo, SIDE);
    const picture = async (bytes, alt) => {
      const image = el("img", { alt, src: URL.createObjectURL(new Blob([bytes], { type: "image/png" })) });
      await image.decode();
      return image;
    };
    const words = { method, shows, place, caveats, placeCode, cells };
    return { words, view: await picture(view, strings.look.viewAlt), over: await picture(viewMap, strings.look.mapAlt) };
  }
}

function release(map) {
  for (const image of map ? [map.view, map.over] : []) URL.revokeObjectURL(image.src);
}
