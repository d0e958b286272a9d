// How far the queue is, and its brakes: over the page rather than in it, so that
// nothing moves when it comes and goes.

import { byId, write } from "./dom.js";
import { strings } from "./strings.js";

// One or two photographs are done before anyone could read this.
const WORTH_SHOWING = 3;

export class Progress {
  #queue;
  #from = 0; // photographs done when this batch began
  #shown = false;

  constructor(queue) {
    this.#queue = queue;
    byId("queue-pause").addEventListener("click", () => this.toggle());
    byId("queue-cancel").addEventListener("click", () => queue.cancel());
  }

  toggle() {
    if (!this.#queue.busy) return;
    if (this.#queue.paused) this.#queue.resume();
    else this.#queue.pause();
  }

  show() {
    const { items, done: ended, paused, left } = this.#queue;
    const waiting = items.length - ended;
    if (!waiting) this.#from = ended;
    const done = ended - this.#from;
    const all = done + waiting;
    const shown = waiting > 0 && (this.#shown || paused || waiting >= WORTH_SHOWING);
    if (this.#shown && !shown && byId("queue").contains(document.activeElement)) byId("results-heading").focus();
    this.#shown = shown;
    byId("queue").hidden = !shown;
    if (!shown) return;
    const rest = paused ? strings.paused : left === null ? "" : strings.timeLeft(left);
    write(byId("queue-text"), [strings.progress(done, all), rest].filter(Boolean).join(" · "));
    byId("queue-bar").max = all;
    byId("queue-bar").value = done;
    write(byId("queue-pause"), paused ? strings.page.resume : strings.page.pause);
  }
}
