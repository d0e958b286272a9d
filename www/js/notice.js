// One line over the page, for those who see it, of what was done or left out. It
// moves nothing; the next takes its place.

import { byId, write } from "./dom.js";

const PASSING = 10_000; // milliseconds

export class Notice {
  #sentence = () => "";
  #timer = 0;

  constructor() {
    byId("notice-close").addEventListener("click", () => {
      this.hide();
      byId(byId("results").hidden ? "picker" : "results-heading").focus(); // the button that had the focus is gone
    });
  }

  // `sentence()` gives the words, in the language of the moment. What asks for
  // something `stays` until it is closed; the rest goes by itself.
  tell(sentence, { stays = false } = {}) {
    this.#sentence = sentence;
    this.show();
    byId("notice").hidden = false;
    clearTimeout(this.#timer);
    if (!stays) this.#timer = setTimeout(() => this.#pass(), PASSING);
  }

  show() {
    write(byId("notice-text"), this.#sentence());
  }

  // Where `sentence` is named, only if that is what stands there.
  hide(sentence = this.#sentence) {
    if (sentence !== this.#sentence) return;
    clearTimeout(this.#timer);
    byId("notice").hidden = true;
  }

  // Not from under whoever is at it.
  #pass() {
    if (!byId("notice").matches(":hover, :focus-within")) return this.hide();
    this.#timer = setTimeout(() => this.#pass(), PASSING);
  }
}
