// "Where it looked": a button on a card, and the dialog it opens. The map is
// computed by the library, in the worker, only when somebody asks for it; what
// it shows and what it does not are the library's sentences.

import { gradeOf } from "./assessment.js";
import { el, write } from "./dom.js";
import { Fault } from "./fault.js";
import { explain, strings } from "./strings.js";

const PHOTO_SIDE = 640; // pixels of the photograph's longer side
const STRENGTH = 60; // per cent, at first

// Shown once the photograph is graded; its place is kept before.
export function lookButton(item, engine) {
  const button = el("button", { type: "button", class: "card__look", "data-empty": true }, el("span", {}), el("span", { class: "unseen" }));
  button.addEventListener("click", () => new Look(item, engine).open());
  return button;
}

// Photographs restored from an earlier visit are small pictures only: no map can be made of those.
export function updateLookButton(button, { name, status, file, drawn }) {
  button.toggleAttribute("data-empty", status !== "graded" || !(file || drawn));
  const [label, more] = button.children;
  write(label, strings.look.open);
  write(more, ` ${strings.look.openFor(name)}`);
}

class Look {
  #item;
  #engine;
  #urls = [];
  #closed = false;
  #dialog;
  #parts = {};

  constructor(item, engine) {
    this.#item = item;
    this.#engine = engine;
    this.#build();
  }

  async open() {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    try {
      await this.#show(await this.#ask());
    } catch (fault) {
      if (!this.#closed) write(this.#parts.status, explain(fault));
    }
  }

  async #ask() {
    return this.#engine.explain(await this.#bytes(), PHOTO_SIDE);
  }

  async #bytes() {
    const { file, drawn } = this.#item;
    if (!file && drawn) return this.#engine.draw(drawn.grade, drawn.seed);
    try {
      return new Uint8Array(await file.arrayBuffer());
    } catch {
      throw new Fault("file-gone");
    }
  }

  // The library's sentences, or their translation.
  #words({ shows, place, caveats, placeCode, cells }) {
    const { library } = strings.look;
    if (!library) return { shows, place, caveats };
    const { label } = gradeOf(this.#item.assessment, this.#engine.state.scale);
    return { shows: library.shows(label), place: library.place[placeCode], caveats: library.caveats(strings.f.count(cells)) };
  }

  async #show({ photo, photoMap, view, viewMap, ...said }) {
    const { shows, place, caveats } = this.#words(said);
    const { images, status, place: where, words, strength } = this.#parts;
    const pictures = { photo, photoMap, view, viewMap };
    for (const [name, bytes] of Object.entries(pictures)) {
      if (this.#closed) return;
      const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      this.#urls.push(url);
      images[name].src = url;
      await images[name].decode();
    }
    if (this.#closed) return;
    for (const image of Object.values(images)) image.hidden = false;
    write(status, shows);
    write(where, place);
    words.replaceChildren(...caveats.map((sentence) => el("li", {}, sentence)));
    strength.disabled = false;
    strength.focus();
    this.#dialog.dataset.shown = "true";
  }

  #build() {
    const { id, name, assessment } = this.#item;
    const parts = this.#parts;
    const picture = (alt) => el("img", { alt, hidden: true });
    parts.images = { photo: picture(strings.photoAlt(name)), photoMap: picture(strings.look.mapAlt), view: picture(strings.look.viewAlt), viewMap: picture(strings.look.mapAlt) };
    const stack = (under, over, caption) =>
      el("figure", { class: "look__figure" }, el("div", { class: "look__stack" }, parts.images[under], parts.images[over]), el("figcaption", {}, caption));
    parts.status = el("p", { class: "look__shows", role: "status" }, strings.look.working);
    parts.place = el("p", { class: "look__shows" });
    parts.words = el("ul", { class: "look__words" });
    parts.strength = el("input", { type: "range", id: "look-strength", min: 0, max: 100, step: 5, value: STRENGTH, disabled: true });
    parts.value = el("output", { for: "look-strength" });
    parts.strength.addEventListener("input", () => this.#updateStrength());
    const close = el("button", { type: "button", class: "look__close" }, strings.look.close);
    close.addEventListener("click", () => this.#dialog.close());

    this.#dialog = el(
      "dialog",
      { class: "look", "aria-labelledby": "look-heading", "data-photo": id },
      el(
        "header",
        { class: "look__head" },
        el("div", {}, el("h2", { id: "look-heading" }, strings.look.open), el("p", { class: "look__name", dir: "auto" }, name), el("p", { class: "look__name" }, gradeOf(assessment, this.#engine.state.scale).label ?? "")),
        close,
      ),
      el("div", { class: "look__pictures" }, stack("photo", "photoMap", strings.look.photo), stack("view", "viewMap", strings.look.view)),
      el("div", { class: "look__strength" }, el("label", { for: "look-strength" }, strings.look.strength), parts.strength, parts.value),
      parts.status,
      parts.place,
      parts.words,
    );
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#forget());
    this.#updateStrength();
  }

  #updateStrength() {
    const { strength, value, images } = this.#parts;
    for (const name of ["photoMap", "viewMap"]) images[name].style.opacity = strength.value / 100;
    const percent = strings.f.percent(`${strength.value}\u00a0%`);
    write(value, percent);
    strength.setAttribute("aria-valuetext", percent);
  }

  // Nothing of the photograph stays behind a closed dialog.
  #forget() {
    this.#closed = true;
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#dialog.remove();
  }
}
