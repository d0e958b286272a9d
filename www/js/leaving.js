// What would be lost: asked before everything is cleared, and, by the browser in
// its own words, before the page is left. Drawn examples are no loss.

import { byId, write } from "./dom.js";
import { isDone } from "./queue.js";
import { strings } from "./strings.js";

export class Leaving {
  #queue;
  #saved = new WeakSet();
  #dialog = byId("clear-ask");

  // `kept()` tells whether the work stays on this device.
  constructor(queue, kept) {
    this.#queue = queue;
    window.addEventListener("beforeunload", (event) => {
      if (!kept() && this.#unsaved().length) event.preventDefault();
    });
    byId("clear-no").addEventListener("click", () => this.#dialog.close());
    byId("clear-yes").addEventListener("click", () => this.#dialog.close("yes"));
  }

  // Everything as it stands now is in a file.
  saved() {
    for (const item of this.#queue.items) if (isDone(item)) this.#saved.add(item);
  }

  changed(item) {
    this.#saved.delete(item);
  }

  // Resolves to whether everything may be cleared.
  async mayClear() {
    const real = this.#queue.items.filter(({ drawn }) => !drawn).length;
    if (!real) return true;
    write(byId("clear-says"), strings.clearing(real, this.#unsaved().length));
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
    await new Promise((resolve) => this.#dialog.addEventListener("close", resolve, { once: true }));
    return this.#dialog.returnValue === "yes";
  }

  // Results in no file, and photographs that still wait for theirs.
  #unsaved() {
    return this.#queue.items.filter((item) => !item.drawn && !["error", "cancelled"].includes(item.status) && !this.#saved.has(item));
  }
}
