// "Where it looked": a button on a card, and the dialog it opens. Maps are
// computed by the library, in the worker, only when somebody asks for them; what
// they show and what they do not are the library's sentences.

import { gradeOf } from "./assessment.js";
import { el, write } from "./dom.js";
import { bytesOf } from "./file.js";
import { Occlusion } from "./occlusion.js";
import { explain, strings } from "./strings.js";
import { browserDiffers } from "./thumbnail.js";
import { Viewer, WHOLE } from "./viewer.js";

const PHOTO_SIDE = 1024; // pixels of the photograph's longer side, as the library shows it
const STRENGTH = 60; // per cent, at first

// Shown once the photograph is graded; its place is kept before. `picture` gives
// the photograph itself.
export function lookButton(item, engine, picture) {
  const button = el("button", { type: "button", class: "card__look", "data-empty": true }, el("span", {}), el("span", { class: "unseen" }));
  button.addEventListener("click", () => new Look(item, engine, picture).open());
  return button;
}

// Photographs restored from an earlier visit are small pictures only: no map can be made of those.
export function updateLookButton(button, { name, status, file, drawn }) {
  button.toggleAttribute("data-empty", status !== "graded" || !(file || drawn));
  const [label, more] = button.children;
  write(label, strings.look.open);
  write(more, ` ${strings.look.openFor(name)}`);
}

// What a map shows and what it does not: the library's sentences, or their translation
// where the map is about the grade on the card. By another model than graded the
// photograph it may be about another.
export function mapWords({ method, shows, place, caveats, placeCode, cells }, assessment, { scale }) {
  const { library } = strings.look;
  if (!library) return { shows, place, caveats };
  const { label } = gradeOf(assessment, scale);
  const covered = method === "occlusion" ? [library.covered] : [];
  const isOfGrade = shows.includes(`“${assessment.gradeLabel}”`);
  return { shows: isOfGrade ? library.shows[method](label) : shows, place: library.place[placeCode], caveats: [...library.caveats(strings.f.count(cells)), ...covered] };
}

class Look {
  #item;
  #engine;
  #picture;
  #urls = [];
  #closed = false;
  #dialog;
  #viewer;
  #occlusion;
  #maps = new Map(); // explanations by their method
  #parts = {};

  constructor(item, engine, picture) {
    this.#item = item;
    this.#engine = engine;
    this.#picture = picture;
    this.#build();
  }

  async open() {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    try {
      await this.#show(await this.#engine.explain(await this.#bytes(), PHOTO_SIDE));
    } catch (fault) {
      if (!this.#closed) write(this.#parts.status, explain(fault));
    }
  }

  async #bytes() {
    const { file, drawn } = this.#item;
    if (!file && drawn) return this.#engine.draw(drawn.grade, drawn.seed, { orFail: true });
    return bytesOf(await this.#picture());
  }

  async #show(explanation) {
    if (this.#closed) return;
    const { images, strength } = this.#parts;
    await Promise.all(["photo", "view"].map((name) => this.#put(images[name], explanation[name])));
    await this.#showMap(explanation);
    if (this.#closed) return;
    for (const image of Object.values(images)) image.hidden = false;
    this.#viewer.place(places(explanation));
    this.#occlusion.enable();
    strength.disabled = false;
    strength.focus({ preventScroll: true }); // on a phone the pictures come first
    this.#dialog.dataset.shown = "true";
    this.#sharpen(explanation);
  }

  async #showMap(explanation) {
    const { images, status, place: where, words } = this.#parts;
    this.#maps.set(explanation.method, explanation);
    await Promise.all(["photoMap", "viewMap"].map((name) => this.#put(images[name], explanation[name])));
    if (this.#closed) return;
    const { shows, place, caveats } = mapWords(explanation, this.#item.assessment, this.#engine.state);
    write(status, shows);
    write(where, place);
    words.replaceChildren(...caveats.map((sentence) => el("li", {}, sentence)));
    this.#dialog.dataset.method = explanation.method;
    this.#viewer.refresh();
  }

  // The second map is there: from here on there is a choice between the two.
  async #showSecond(explanation) {
    if (this.#closed) return;
    await this.#showMap(explanation);
    const { choice } = this.#parts;
    choice.hidden = false;
    const radio = choice.querySelector("[value=occlusion]");
    radio.checked = true;
    radio.focus({ preventScroll: true });
    this.#viewer.pictures.scrollIntoView({ block: "nearest" });
  }

  async #put(image, bytes) {
    image.src = this.#address(new Blob([bytes], { type: "image/png" }));
    await image.decode();
  }

  // The file itself, where the browser reads it as the library does: there is more
  // to be seen in it than in the copy.
  async #sharpen({ photoSize: { width, height } }) {
    if (!this.#item.file || this.#closed) return;
    const whole = new Image();
    try {
      const photo = await this.#picture();
      if (await browserDiffers(photo)) return; // a map would lie over another place
      whole.src = this.#address(photo);
      await whole.decode();
    } catch {
      return; // TIFF, and what only the library reads
    }
    if (this.#closed || whole.naturalWidth !== width || whole.naturalHeight !== height) return;
    this.#parts.images.photo.src = whole.src;
    this.#viewer.refresh();
  }

  #address(blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    if (this.#closed) this.#letGo();
    return url;
  }

  #build() {
    const { id, name, assessment } = this.#item;
    const parts = this.#parts;
    const words = strings.look;
    const picture = (alt) => el("img", { alt, hidden: true, draggable: "false" });
    const images = (parts.images = { photo: picture(strings.photoAlt(name)), photoMap: picture(words.mapAlt), view: picture(words.viewAlt), viewMap: picture(words.mapAlt) });
    this.#viewer = new Viewer([
      { caption: words.photo, images: [images.photo, images.photoMap] },
      { caption: words.view, images: [images.view, images.viewMap] },
    ]);
    this.#occlusion = new Occlusion(
      async (options) => this.#engine.occlude(await this.#bytes(), PHOTO_SIDE, options),
      (explanation) => this.#showSecond(explanation),
    );
    parts.status = el("p", { class: "look__shows", role: "status" }, words.working);
    parts.place = el("p", { class: "look__shows" });
    parts.words = el("ul", { class: "look__words" });
    parts.strength = el("input", { type: "range", id: "look-strength", min: 0, max: 100, step: 5, value: STRENGTH, disabled: true });
    parts.value = el("output", { for: "look-strength" });
    parts.strength.addEventListener("input", () => this.#updateStrength());
    parts.choice = el("fieldset", { class: "look__choice", hidden: true }, el("legend", {}, words.map), ...Object.keys(words.method).map((method) => this.#choice(method)));
    const close = el("button", { type: "button", class: "look__close" }, words.close);
    close.addEventListener("click", () => this.#dialog.close());

    this.#dialog = el(
      "dialog",
      { class: "look", "aria-labelledby": "look-heading", "data-photo": id },
      el(
        "header",
        { class: "look__head" },
        el("div", {}, el("h2", { id: "look-heading" }, words.open), el("p", { class: "look__name", dir: "auto" }, name), el("p", { class: "look__name" }, gradeOf(assessment, this.#engine.state.scale).label ?? "")),
        close,
      ),
      this.#viewer.pictures,
      this.#viewer.bar,
      el("div", { class: "look__strength" }, el("label", { for: "look-strength" }, words.strength), parts.strength, parts.value),
      parts.choice,
      parts.status,
      parts.place,
      parts.words,
      this.#occlusion.element,
    );
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#forget());
    this.#updateStrength();
  }

  #choice(method) {
    const radio = el("input", { type: "radio", name: "look-map", value: method });
    radio.addEventListener("change", () => this.#showMap(this.#maps.get(method)));
    return el("label", {}, radio, ` ${strings.look.method[method]}`);
  }

  #updateStrength() {
    const { strength, value, images } = this.#parts;
    for (const name of ["photoMap", "viewMap"]) images[name].style.opacity = strength.value / 100;
    const percent = strings.f.percent(`${strength.value}\u00a0%`);
    write(value, percent);
    strength.setAttribute("aria-valuetext", percent);
    this.#viewer.refresh();
  }

  // Nothing of the photograph stays behind a closed dialog.
  #forget() {
    this.#closed = true;
    this.#occlusion.close();
    this.#viewer.close();
    this.#maps.clear();
    this.#letGo();
    this.#dialog.remove();
  }

  #letGo() {
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
  }
}

// The photograph keeps its shape; its retina is as large as the one the network saw.
function places({ photoSize, placed }) {
  const seen = { width: placed.width * photoSize.width, height: placed.height * photoSize.height };
  const unit = (seen.width + seen.height) / 2; // pixels of the photograph
  const photo = {
    x: 0.5 - (placed.x * photoSize.width + seen.width / 2) / unit,
    y: 0.5 - (placed.y * photoSize.height + seen.height / 2) / unit,
    width: photoSize.width / unit,
    height: photoSize.height / unit,
  };
  return [
    [photo, photo],
    [WHOLE, WHOLE],
  ];
}
