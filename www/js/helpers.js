// Further workers that grade beside the first while photographs wait, each with its
// own copy of the model. They need neither threads in wasm nor a page isolated from
// others, so they work wherever the page does.

// A worker holds the model (some 50 MB) and the photograph it reads.
const FEW = 2;
const MANY = 4;
const ROOMY = 8; // GB from which a browser may be given MANY; not every one tells

// How many photographs are graded at once on a device of so many processors and so
// much memory. One processor is left to the page, except where there are only two:
// what the page does meanwhile is little.
export function mostHands({ hardwareConcurrency: cores = 1, deviceMemory: memory = 0 } = navigator) {
  if (cores <= 2) return cores;
  return Math.min(cores - 1, memory >= ROOMY ? MANY : FEW);
}

export class Helpers {
  #changed;
  #most;
  #all = new Set();
  #ready = [];

  // `changed()` hears that another number of them can grade.
  constructor(changed, most = mostHands() - 1) {
    this.#changed = changed;
    this.#most = most;
  }

  get most() {
    return this.#most;
  }

  // Bridges to those that can grade.
  get ready() {
    return this.#ready;
  }

  // Brings in as many as `waiting` photographs are worth. `prepare()` answers a
  // bridge, and a promise that resolves once it can grade.
  bring(waiting, prepare) {
    while (this.#all.size < Math.min(this.#most, waiting)) {
      const { bridge, prepared } = prepare();
      this.#all.add(bridge);
      prepared.then(
        () => this.#all.has(bridge) && this.#grade(...this.#ready, bridge),
        () => this.lose(bridge),
      );
    }
  }

  // One that died or could not be had, more likely for want of memory than by its
  // photograph: from then on the first worker is alone. Others end what they have.
  lose(bridge) {
    if (!this.#all.delete(bridge)) return;
    this.#most = 0;
    bridge.dispose();
    this.#ready = [];
    this.#changed();
  }

  // They go, with everything in their memory, once `calls` have ended.
  dismiss(calls = []) {
    const going = [...this.#all];
    this.#all.clear();
    this.#grade();
    Promise.allSettled(calls).then(() => going.forEach((bridge) => bridge.dispose()));
  }

  #grade(...bridges) {
    if (bridges.length === this.#ready.length) return;
    this.#ready = bridges;
    this.#changed();
  }
}
