// Calls into a worker that may die. Every call is a promise; when the worker
// crashes, is slow beyond its limit or is thrown away, each open call is
// rejected, and the bridge is of no more use: build another.

import { beginBound, canBeginOtherwise } from "./bound-worker.js";
import { Fault, fromMessage } from "./fault.js";

// So many milliseconds late, and a timer tells that the page slept: a phone puts it
// aside, a laptop is shut. The worker slept with it and is owed its time.
const SLEPT = 5000;

// Milliseconds in which a browser says that a policy kept the worker from beginning.
const REPORTED = 200;

export class Bridge {
  #script;
  #worker;
  #calls = new Map();
  #next = 1;
  #gone = null;
  #tell;
  #ended;
  #spoke = false;

  // `script` is the worker's, beside this file; `tell(event)` hears what the worker
  // says unasked, such as progress; `ended(fault, bridge)` that it is gone,
  // whatever it was doing.
  constructor({ script = "worker.js", tell = () => {}, ended = () => {} } = {}) {
    this.#tell = tell;
    this.#ended = ended;
    this.#script = new URL(script, import.meta.url);
    this.#begin();
  }

  get gone() {
    return this.#gone !== null;
  }

  // `transfer` lists buffers handed over rather than copied; past `limit`
  // milliseconds without a word the worker is taken for hung. `progress` hears how
  // far it is; an aborted `signal` gives the call up, which rejects as "cancelled".
  call(method, args = [], { transfer = [], limit = 0, progress = () => {}, signal } = {}) {
    if (this.#gone) return Promise.reject(this.#gone);
    if (signal?.aborted) return Promise.reject(new Fault("cancelled"));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const call = { resolve, reject, progress, limit, timer: 0, message: { id, method, args } };
      this.#wait(call);
      this.#calls.set(id, call);
      this.#worker.postMessage(call.message, transfer);
      signal?.addEventListener("abort", () => {
        if (!this.#calls.delete(id)) return;
        clearTimeout(call.timer);
        this.#worker.postMessage({ cancel: id });
        reject(new Fault("cancelled"));
      });
    });
  }

  // Ends the worker at once, whatever it is doing; its memory goes with it.
  dispose() {
    this.#end(new Fault("worker-disposed"));
  }

  #begin({ again = false } = {}) {
    this.#worker = beginBound(this.#script);
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      // Before the first word the script itself did not load; after it, it died.
      if (this.#spoke) this.#end(new Fault("worker-crashed"));
      else if (again) this.#end(new Fault("worker-start"));
      else setTimeout(() => this.#beginOtherwise(), REPORTED);
    };
    this.#worker.onmessageerror = () => this.#end(new Fault("worker-crashed"));
  }

  // What was asked of the first is asked of the second.
  #beginOtherwise() {
    if (this.#gone) return;
    if (!canBeginOtherwise()) return this.#end(new Fault("worker-start"));
    this.#begin({ again: true });
    for (const { message } of this.#calls.values()) this.#worker.postMessage(message);
  }

  // From now on.
  #wait(call) {
    clearTimeout(call.timer);
    if (!call.limit) return;
    const due = performance.now() + call.limit;
    call.timer = setTimeout(() => {
      if (performance.now() - due > SLEPT) this.#wait(call);
      else this.#end(new Fault("worker-slow"));
    }, call.limit);
  }

  #hear(data) {
    this.#spoke = true;
    if (data.event === "crashed") return this.#end(new Fault("worker-crashed"));
    if (data.event) return this.#tell(data);
    const call = this.#calls.get(data.id);
    if (!call) return;
    if (data.progress) {
      this.#wait(call);
      return call.progress(...data.progress);
    }
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
