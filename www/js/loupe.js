// A loupe: a round window over the same place of every pane, three times as large.

import { el } from "./dom.js";
import { lay } from "./viewer.js";

const TIMES = 3;
const SHARE = 0.42; // of the pane's shorter side

export class Loupe {
  #lenses = []; // { pane, element, images }

  constructor() {
    this.at = { x: 0.5, y: 0.5 };
  }

  get on() {
    return this.#lenses.length > 0;
  }

  // On, it begins in the middle of what is seen.
  toggle(panes, centre) {
    if (this.on) {
      for (const { element } of this.#lenses) element.remove();
      this.#lenses = [];
      return;
    }
    this.at = { ...centre };
    this.#lenses = panes.map((pane) => {
      const images = pane.images.map(() => el("img", { alt: "" }));
      const element = el("div", { class: "loupe", "aria-hidden": "true" }, ...images);
      pane.element.append(element);
      return { pane, element, images };
    });
    this.refresh();
  }

  moveBy(across, down) {
    this.at = { x: this.at.x + across, y: this.at.y + down };
  }

  // Shows what the pictures beneath it show.
  refresh() {
    for (const { pane, images } of this.#lenses) {
      for (const [index, image] of images.entries()) {
        const under = pane.images[index];
        if (image.src !== under.src) image.src = under.src;
        image.hidden = under.hidden;
        image.style.opacity = under.style.opacity;
      }
    }
  }

  // `scaleOf(width, height)` is a pane's pixels a unit, `centre` what it shows in
  // its middle.
  draw(scaleOf, centre) {
    if (!this.on) return;
    this.at = { x: Math.min(1, Math.max(0, this.at.x)), y: Math.min(1, Math.max(0, this.at.y)) };
    for (const { pane, element, images } of this.#lenses) {
      const { clientWidth: width, clientHeight: height } = pane.element;
      const scale = scaleOf(width, height);
      const side = Math.round(Math.min(width, height) * SHARE);
      element.style.width = element.style.height = `${side}px`;
      element.style.left = `${width / 2 + (this.at.x - centre.x) * scale - side / 2}px`;
      element.style.top = `${height / 2 + (this.at.y - centre.y) * scale - side / 2}px`;
      const inner = element.clientWidth;
      lay(images, pane.places, scale * TIMES, inner / 2 - this.at.x * scale * TIMES, inner / 2 - this.at.y * scale * TIMES);
    }
  }
}
