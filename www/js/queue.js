// The photographs and their results, begun in the order they came, as many at a
// time as the engine has hands. Holds files, which are references, and results;
// the bytes of a photograph live only while it is being graded.

import { Dicom, isDicom } from "./dicom.js";
import { Fault } from "./fault.js";
import { bytesOf } from "./file.js";
import { Pace } from "./pace.js";

// More than any photograph a camera writes, less than what a tab can hold. The
// library has its own, lower limit and says so itself; this one only keeps a
// film dropped by mistake out of memory.
export const MOST_BYTES = 512 * 2 ** 20;

// So many photographs waiting are worth the moment that helpers take to come.
const WORTH_HELP = 2;

let nextId = 1;

export class Queue extends EventTarget {
  #engine;
  #waiting = [];
  #running = 0; // photographs being graded
  #pace = new Pace();
  #dicom = new Dicom();

  constructor(engine) {
    super();
    this.#engine = engine;
    this.items = [];
    this.paused = false;
    engine.addEventListener("change", () => this.#run());
  }

  // `photo` is { name, path, file } or { name, drawn: { grade, seed, number } }; one that
  // comes with its status was graded before, and is only shown.
  add(photo) {
    const item = {
      id: nextId++,
      file: null,
      drawn: null,
      path: null, // with the folders it lay in, where they are known
      patient: null, // null until its name has been read
      side: null, // right | left | null
      pair: null, // by what its name pairs it, once that is read; nothing where it tells no side
      byHand: false, // side and patient were corrected by the visitor
      typed: false, // the patient was
      told: null, // { side, frames }: what a DICOM file says of itself
      thumb: null, // a small picture
      added: Date.now(),
      gradedAt: null,
      status: "queued",
      assessment: null,
      fault: null,
      own: false, // graded by a model of the visitor's own
      dropped: false,
      ...photo,
    };
    this.items.push(item);
    this.#tell(item, "added");
    if (item.status === "queued") this.#enqueue(item);
    return item;
  }

  again(item) {
    if (!isDone(item)) return;
    Object.assign(item, { status: "queued", assessment: null, fault: null, gradedAt: null });
    this.#tell(item);
    this.#enqueue(item);
  }

  pause() {
    this.paused = true;
    this.#pace.rest();
    this.dispatchEvent(new Event("progress"));
  }

  resume() {
    this.paused = false;
    this.dispatchEvent(new Event("progress"));
    this.#run();
  }

  // What has not begun is not graded; what is under way ends as usual.
  cancel() {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.paused = false;
    for (const item of waiting) {
      item.status = "cancelled";
      this.#tell(item);
    }
    this.dispatchEvent(new Event("progress"));
  }

  // Everything that ended without an answer, once more.
  retry() {
    for (const item of this.items.filter(canRetry)) this.again(item);
  }

  // Forgets everything; what is under way ends with the worker.
  async clear() {
    for (const item of this.items) item.dropped = true;
    this.items = [];
    this.#waiting = [];
    this.paused = false;
    this.#pace = new Pace();
    this.#dicom.forget();
    this.dispatchEvent(new Event("cleared"));
    await this.#engine.renew();
  }

  // The photograph as grader and browser read it: its file, or the picture in a
  // DICOM file, taken out anew each time, so that none waits in memory.
  async picture(item) {
    const { file } = item;
    if (!file) throw new Fault("file-gone");
    if (file.size > MOST_BYTES) throw new Fault("file-too-large", MOST_BYTES);
    if (!(await isDicom(file))) return file;
    const { picture, error, side, frames } = await this.#dicom.open(file);
    if (!item.told && !item.dropped) {
      item.told = { side, frames };
      if (side && !item.byHand) item.side = side; // surer than its name
      this.#tell(item);
    }
    if (error) throw Object.assign(new Fault(error.code, null, error.message), { refusal: error });
    return picture;
  }

  get done() {
    return this.items.filter(isDone).length;
  }

  get busy() {
    return this.items.some((item) => !isDone(item));
  }

  // Milliseconds the rest will take; null until that can be told.
  get left() {
    return this.#pace.left(this.items.length - this.done, this.#engine.state.hands);
  }

  #enqueue(item) {
    this.#waiting.push(item);
    this.#run();
  }

  #run() {
    const free = () => !this.#running || this.#running < this.#engine.state.hands;
    while (this.#waiting.length && !this.paused && free()) this.#work();
  }

  async #work() {
    this.#running += 1;
    await this.#engine.ready();
    const item = this.paused ? null : this.#waiting.shift();
    if (item) {
      if (this.#waiting.length >= WORTH_HELP) this.#engine.reinforce(this.#waiting.length);
      const ended = this.#pace.begin();
      await this.#grade(item);
      ended();
    }
    this.#running -= 1;
    if (item) this.dispatchEvent(new Event("progress"));
    this.#run();
    if (!this.#running) this.#engine.relieve();
  }

  async #grade(item, secondTry = false) {
    item.status = "working";
    this.#tell(item);
    try {
      const { assessment, own } = await this.#assess(item);
      if (item.dropped) return;
      Object.assign(item, { assessment, own, status: assessment.status });
    } catch (fault) {
      if (item.dropped) return;
      // A GPU or a helper that fell over says nothing about the photograph: once more
      // on the CPU, by the first worker.
      if (fault.code?.startsWith("worker-") && fault.detail !== "cpu" && !secondTry) return this.#grade(item, true);
      item.status = "error";
      item.fault = fault;
    }
    item.gradedAt = Date.now();
    if (!item.dropped) this.#tell(item);
  }

  // With whose model it was; another may take over before the answer is there.
  async #assess(item) {
    let ask;
    try {
      const bytes = await this.#read(item);
      ask = () => this.#engine.grade(bytes);
    } catch (fault) {
      if (!fault.refusal) throw fault;
      ask = () => this.#engine.refuse(fault.refusal);
    }
    await this.#engine.ready();
    const own = this.#engine.state.own !== null;
    return { assessment: item.dropped ? null : await ask(), own };
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
    return bytesOf(await this.picture(item));
  }

  #tell(item, type = "changed") {
    this.dispatchEvent(Object.assign(new Event(type), { item }));
  }
}

export function isDone({ status }) {
  return status !== "queued" && status !== "working";
}

export function canRetry({ status, fault }) {
  return status === "cancelled" || (status === "error" && fault !== null);
}
