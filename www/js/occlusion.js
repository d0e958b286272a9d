// The occlusion map on demand: a button, how far it is, and a way to stop it.

import { el, write } from "./dom.js";
import { explain, strings } from "./strings.js";

export class Occlusion {
  #ask;
  #made;
  #stop = null;
  #parts = {};

  // `ask({ progress, signal })` resolves to the explanation; `made` is handed it.
  constructor(ask, made) {
    this.#ask = ask;
    this.#made = made;
    const words = strings.look;
    const parts = this.#parts;
    parts.start = el("button", { type: "button", disabled: true, "aria-describedby": "occlude-hint" }, words.occlude);
    parts.hint = el("p", { id: "occlude-hint", class: "look__hint" }, words.occludeHint);
    parts.text = el("p", { id: "occlude-text" });
    parts.bar = el("progress", { "aria-labelledby": "occlude-text" });
    parts.cancel = el("button", { type: "button", class: "quiet" }, words.occludeCancel);
    parts.running = el("div", { class: "look__running", hidden: true }, parts.text, parts.bar, parts.cancel);
    parts.told = el("p", { class: "look__told", role: "status" });
    parts.start.addEventListener("click", () => this.#start());
    parts.cancel.addEventListener("click", () => this.#stop?.abort());
    this.element = el("div", { class: "look__occlude" }, parts.start, parts.hint, parts.running, parts.told);
  }

  enable() {
    this.#parts.start.disabled = false;
  }

  // Whatever runs is given up.
  close() {
    this.#stop?.abort();
  }

  async #start() {
    const { start, bar, cancel, told } = this.#parts;
    const words = strings.look;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    write(told, "");
    bar.removeAttribute("value");
    this.#show(true);
    this.#count(0, 0);
    cancel.focus();
    try {
      const explanation = await this.#ask({ signal, progress: (done, total) => this.#count(done, total) });
      this.element.hidden = true;
      this.#made(explanation);
    } catch (fault) {
      this.#show(false);
      write(told, signal.aborted ? words.occludeCancelled : explain(fault));
      if (start.isConnected) start.focus();
    }
  }

  #count(done, total) {
    const { text, bar } = this.#parts;
    if (total) {
      bar.max = total;
      bar.value = done;
    }
    write(text, strings.look.occluding(done, total));
  }

  #show(running) {
    this.#parts.running.hidden = !running;
    this.#parts.start.hidden = running;
    this.#parts.hint.hidden = running;
  }
}
