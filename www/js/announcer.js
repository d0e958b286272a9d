// What a screen reader is told unasked. What was done is read in full. Results may
// come by the thousand: a few are read, the rest are counted.

import { byId, el } from "./dom.js";
import { strings } from "./strings.js";

const TOGETHER = 150; // milliseconds in which sentences are gathered
const BETWEEN = 5000; // milliseconds from one reading of results to the next
const READ = 3; // results read in full at a time
const LEFT = 4; // readings that stay for whoever goes over the page

export class Announcer {
  #deeds = [];
  #results = [];
  #more = 0;
  #due = 0;

  say(sentence) {
    if (this.#deeds.includes(sentence)) return;
    this.#deeds.push(sentence);
    if (this.#deeds.length === 1) setTimeout(() => this.#read(this.#deeds.splice(0)), TOGETHER);
  }

  // That a photograph came to its end.
  tell(sentence) {
    if (this.#results.length === READ) {
      this.#more += 1;
      return;
    }
    this.#results.push(sentence);
    if (this.#results.length === 1) setTimeout(() => this.#readResults(), Math.max(TOGETHER, this.#due - performance.now()));
  }

  // Results that are gone from the page.
  forget() {
    this.#results = [];
    this.#more = 0;
  }

  #readResults() {
    if (!this.#results.length) return;
    const more = this.#more > 0 && strings.moreDone(this.#more);
    this.#more = 0;
    this.#due = performance.now() + BETWEEN;
    this.#read([...this.#results.splice(0), more].filter(Boolean));
  }

  // Beside what was read before: written over it, that might not have been heard yet.
  #read(sentences) {
    if (!sentences.length) return;
    const region = byId("announcer");
    region.append(el("span", {}, `${sentences.join(" ")} `));
    while (region.children.length > LEFT) region.firstElementChild.remove();
  }
}
