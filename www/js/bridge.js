// Calls into a worker that may die. Every call is a promise; when the worker
// crashes, is slow beyond its limit or is thrown away, each open call is
// rejected, and the bridge is of no more use: build another.

import { Fault, fromMessage } from "./fault.js";

export class Bridge {
  #worker;
  #calls = new Map();
  #next = 1;
  #gone = null;
  #tell;
  #ended;
  #spoke = false;

  // `tell(event)` hears what the worker says unasked, such as progress;
  // `ended(fault, bridge)` that it is gone, whatever it was doing.
  constructor({ tell = () => {}, ended = () => {} } = {}) {
    this.#tell = tell;
    this.#ended = ended;
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "fovea" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      // Before the first word the script itself did not load; after it, it died.
      this.#end(new Fault(this.#spoke ? "worker-crashed" : "worker-start"));
    };
    this.#worker.onmessageerror = () => this.#end(new Fault("worker-crashed"));
  }

  get gone() {
    return this.#gone !== null;
  }

  // `transfer` lists buffers handed over rather than copied; past `limit`
  // milliseconds the worker is taken for hung.
  call(method, args = [], { transfer = [], limit = 0 } = {}) {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = limit ? setTimeout(() => this.#end(new Fault("worker-slow")), limit) : 0;
      this.#calls.set(id, { resolve, reject, timer });
      this.#worker.postMessage({ id, method, args }, transfer);
    });
  }

  // Ends the worker at once, whatever it is doing; its memory goes with it.
  dispose() {
    this.#end(new Fault("worker-disposed"));
  }

  #hear(data) {
    this.#spoke = true;
    if (data.event === "crashed") return this.#end(new Fault("worker-crashed"));
    if (data.event) return this.#tell(data);
    const call = this.#calls.get(data.id);
    if (!call) return;
    if (data.error?.fatal) return this.#end(new Fault("worker-crashed"));
    this.#calls.delete(data.id);
    clearTimeout(call.timer);
    if (data.error) call.reject(fromMessage(data.error));
    else call.resolve(data.result);
  }

  #end(fault) {
    if (this.#gone) return;
    this.#gone = fault;
    this.#worker.terminate();
    for (const { reject, timer } of this.#calls.values()) {
      clearTimeout(timer);
      reject(fault);
    }
    this.#calls.clear();
    this.#ended(fault, this);
  }
}
