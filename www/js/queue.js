// The photographs and their results, graded one at a time in the order they
// came. Holds files, which are references, and results; the bytes of a
// photograph live only while it is being graded.

import { Fault } from "./fault.js";

// More than any photograph a camera writes, less than what a tab can hold. The
// library has its own, lower limit and says so itself; this one only keeps a
// film dropped by mistake out of memory.
const MOST_BYTES = 512 * 2 ** 20;

let nextId = 1;

export class Queue extends EventTarget {
  #engine;
  #waiting = [];
  #running = false;

  constructor(engine) {
    super();
    this.#engine = engine;
    this.items = [];
  }

  // `photo` is { name, file } or { name, drawn: { grade, seed } }.
  add(photo) {
    const item = { id: nextId++, file: null, drawn: null, ...photo, status: "queued", assessment: null, fault: null, dropped: false };
    this.items.push(item);
    this.#waiting.push(item);
    this.#tell(item, "added");
    this.#run();
    return item;
  }

  again(item) {
    Object.assign(item, { status: "queued", assessment: null, fault: null });
    this.#waiting.push(item);
    this.#tell(item);
    this.#run();
  }

  // Forgets everything; what is under way ends with the worker.
  async clear() {
    for (const item of this.items) item.dropped = true;
    this.items = [];
    this.#waiting = [];
    this.dispatchEvent(new Event("cleared"));
    await this.#engine.renew();
  }

  get done() {
    return this.items.filter(isDone).length;
  }

  get busy() {
    return this.items.some((item) => !isDone(item));
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting.length) {
      await this.#engine.ready();
      const item = this.#waiting.shift();
      if (item) await this.#grade(item);
    }
    this.#running = false;
  }

  async #grade(item, secondTry = false) {
    item.status = "working";
    this.#tell(item);
    try {
      const bytes = await this.#read(item);
      if (item.dropped) return;
      item.assessment = await this.#engine.grade(bytes);
      item.status = item.assessment.status;
    } catch (fault) {
      if (item.dropped) return;
      // A GPU that fell over says nothing about the photograph: once more on the CPU.
      if (fault.code?.startsWith("worker-") && fault.detail === "webgpu" && !secondTry) return this.#grade(item, true);
      item.status = "error";
      item.fault = fault;
    }
    if (!item.dropped) this.#tell(item);
  }

  async #read(item) {
    if (item.drawn) {
      const drawing = await this.#engine.draw(item.drawn.grade, item.drawn.seed).catch((fault) => {
        throw fault.code?.startsWith("worker-") ? fault : new Fault("draw-failed");
      });
      item.file = new Blob([drawing], { type: "image/png" });
      this.#tell(item, "drawn");
      return drawing;
    }
    if (item.file.size > MOST_BYTES) throw new Fault("file-too-large", MOST_BYTES);
    try {
      return new Uint8Array(await item.file.arrayBuffer());
    } catch {
      throw new Fault("file-gone");
    }
  }

  #tell(item, type = "changed") {
    this.dispatchEvent(Object.assign(new Event(type), { item }));
  }
}

export function isDone(item) {
  return item.status !== "queued" && item.status !== "working";
}
