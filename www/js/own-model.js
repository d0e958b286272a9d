// A model of the visitor's own, opened from disk and marked as such for as long
// as it runs. The library checks it as it checks the shipped one.

import { byId, write } from "./dom.js";
import { explain, strings } from "./strings.js";

export class OwnModel {
  #engine;
  #announce;
  #told = () => "";

  constructor(engine, announce) {
    this.#engine = engine;
    this.#announce = announce;
    const manifest = byId("own-manifest");
    const weights = byId("own-weights");
    byId("own-use").addEventListener("click", () => this.use({ manifest: manifest.files[0], weights: weights.files[0] }));
    byId("own-back").addEventListener("click", () => this.#back());
    engine.addEventListener("change", () => this.show());
  }

  // Takes a model's two files out of what was dropped; null where they are not there.
  static among(found) {
    const files = found.map(({ file }) => file).filter(Boolean);
    const manifest = files.find(({ name }) => name.endsWith(".json"));
    const weights = files.find(({ name }) => name.endsWith(".safetensors"));
    return manifest && weights && files.length === 2 ? { manifest, weights } : null;
  }

  async use({ manifest, weights }) {
    if (!manifest || !weights) return this.#tell(() => strings.own.need);
    this.#tell(() => strings.own.checking);
    try {
      await this.#engine.useOwn({ manifest, weights });
      const { own } = this.#engine.state;
      this.#tell(() => strings.own.ready(own));
    } catch (error) {
      this.#tell(() => strings.own.refused(explain(error)));
    }
  }

  show() {
    const { own } = this.#engine.state;
    byId("own-mark").hidden = own === null;
    byId("own-back").hidden = own === null;
    write(byId("own-mark"), own === null ? "" : strings.own.mark(own));
    write(byId("own-told"), this.#told());
    document.documentElement.dataset.modelSource = own === null ? "shipped" : "own";
  }

  async #back() {
    byId("own-use").focus(); // the button that had the focus goes
    this.#tell(() => "");
    await this.#engine.useShipped();
    if (this.#engine.state.model === "ready") this.#tell(() => strings.own.back);
  }

  #tell(sentence) {
    this.#told = sentence;
    this.show();
    if (sentence()) this.#announce(sentence());
  }
}
