// Pictures of the same eye side by side, zoomed and moved together, so that what
// is seen in one can be found in the other.
//
// Everything is placed in units of what the network saw: (0, 0) is its upper left
// corner and (1, 1) its lower right, in every pane.

import { el, write } from "./dom.js";
import { listen } from "./gestures.js";
import { Loupe } from "./loupe.js";
import { strings } from "./strings.js";

const MOST = 12; // times
const STEP = 1.4; // a press of a button
const STRIDE = 0.15; // of the pane, a press of an arrow key

export const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

export class Viewer {
  #panes = [];
  #loupe = new Loupe();
  #centre = { x: 0.5, y: 0.5 };
  #zoom = 1;
  #parts = {};
  #sizes = new ResizeObserver(() => this.#draw());

  // `panes`: a list of { caption, images }; later ones lie over the first.
  constructor(panes) {
    this.pictures = el("div", { class: "look__pictures" }, ...panes.map((pane) => this.#pane(pane)));
    this.bar = this.#build();
    this.#draw();
  }

  // Where each pane's pictures lie, in units: a list of rectangles a pane.
  place(panes) {
    for (const [index, places] of panes.entries()) this.#panes[index].places = places;
    for (const control of [...this.bar.querySelectorAll("button")]) control.disabled = false;
    this.#draw();
  }

  // A picture shows something else now.
  refresh() {
    this.#loupe.refresh();
    this.#draw();
  }

  close() {
    this.#sizes.disconnect();
  }

  // Zooms about a place, given in units, which stays where it is.
  zoomBy(factor, about = this.#centre) {
    const before = this.#zoom;
    this.#zoom = Math.min(MOST, Math.max(this.#least(), before * factor));
    const kept = before / this.#zoom;
    this.#centre = { x: about.x + (this.#centre.x - about.x) * kept, y: about.y + (this.#centre.y - about.y) * kept };
    this.#draw();
    return this.#zoom !== before;
  }

  // Moves what is seen, by shares of the pane.
  moveBy(across, down) {
    if (this.#loupe.on) this.#loupe.moveBy(across / this.#zoom, down / this.#zoom);
    else this.#centre = { x: this.#centre.x + across / this.#zoom, y: this.#centre.y + down / this.#zoom };
    this.#draw();
  }

  // The loupe goes to a place, where it is on.
  pointAt(place) {
    if (!this.#loupe.on) return;
    this.#loupe.at = place;
    this.#draw();
  }

  fit() {
    this.#zoom = 1;
    this.#centre = { x: 0.5, y: 0.5 };
    this.#draw();
  }

  zoomIn = () => this.zoomBy(STEP);
  zoomOut = () => this.zoomBy(1 / STEP);

  toggleLoupe = () => {
    this.#loupe.toggle(this.#panes, this.#centre);
    this.#parts.loupe.setAttribute("aria-pressed", String(this.#loupe.on));
    this.#draw();
  };

  get loupeOn() {
    return this.#loupe.on;
  }

  // True where there is more to be seen than fits.
  get zoomed() {
    return this.#zoom > 1;
  }

  // The place under a point of a pane, both from its upper left corner.
  placeAt(element, x, y) {
    const { width, height } = element.getBoundingClientRect();
    const scale = this.#scale(width, height);
    return { x: this.#centre.x + (x - width / 2) / scale, y: this.#centre.y + (y - height / 2) / scale };
  }

  #scale = (width, height) => Math.min(width, height) * this.#zoom;

  #pane({ caption, images }) {
    const element = el("div", { class: "pane", tabindex: "0", role: "group", "aria-label": caption, "aria-describedby": "look-hint" }, ...images);
    const pane = { element, images, places: images.map(() => WHOLE) };
    this.#panes.push(pane);
    this.#sizes.observe(element);
    listen(element, this, STRIDE);
    return el("figure", { class: "look__figure" }, element, el("figcaption", {}, caption));
  }

  #build() {
    const words = strings.look;
    const parts = this.#parts;
    const button = (label, sign, does) => {
      const made = el("button", { type: "button", "aria-label": sign ? label : null, disabled: true }, sign ?? label);
      made.addEventListener("click", does);
      return made;
    };
    parts.zoom = el("output", { class: "look__zoom" });
    parts.loupe = button(words.loupe, null, this.toggleLoupe);
    parts.loupe.setAttribute("aria-pressed", "false");
    return el(
      "div",
      { class: "look__bar", role: "group", "aria-label": words.viewing },
      button(words.zoomOut, "−", this.zoomOut),
      parts.zoom,
      button(words.zoomIn, "+", this.zoomIn),
      button(words.fit, null, () => this.fit()),
      parts.loupe,
      el("p", { class: "look__hint" }, words.hint, " ", el("span", { id: "look-hint", class: "look__keys" }, words.hintKeys)),
    );
  }

  // Small enough for the whole of every picture.
  #least() {
    const widest = this.#panes.flatMap(({ places }) => places).map(({ width, height }) => Math.max(width, height));
    return 1 / Math.max(1, ...widest);
  }

  // Nothing is moved so far that there is only ground to see.
  #keepInside() {
    const all = this.#panes.flatMap(({ places }) => places);
    for (const [axis, size] of [["x", "width"], ["y", "height"]]) {
      const from = Math.min(...all.map((place) => place[axis]));
      const to = Math.max(...all.map((place) => place[axis] + place[size]));
      const half = 0.5 / this.#zoom;
      const least = Math.min(from + half, 0.5);
      const most = Math.max(to - half, 0.5);
      this.#centre[axis] = Math.min(most, Math.max(least, this.#centre[axis]));
    }
  }

  #draw() {
    this.#keepInside();
    for (const { element, images, places } of this.#panes) {
      const { clientWidth: width, clientHeight: height } = element;
      const scale = this.#scale(width, height);
      lay(images, places, scale, width / 2 - this.#centre.x * scale, height / 2 - this.#centre.y * scale);
      element.toggleAttribute("data-zoomed", this.zoomed || this.#loupe.on);
    }
    this.#loupe.draw((width, height) => this.#scale(width, height), this.#centre);
    if (this.#parts.zoom) write(this.#parts.zoom, strings.f.percent(`${Math.round(this.#zoom * 100)}\u00a0%`));
  }
}

// Puts pictures where they belong: `scale` pixels a unit, the origin at (left, top).
export function lay(images, places, scale, left, top) {
  for (const [index, image] of images.entries()) {
    const { x, y, width, height } = places[index];
    image.style.left = `${left + x * scale}px`;
    image.style.top = `${top + y * scale}px`;
    image.style.width = `${width * scale}px`;
    image.style.height = `${height * scale}px`;
  }
}
