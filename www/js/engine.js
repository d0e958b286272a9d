// The grader as the page knows it: which backend runs, whether the model is
// there, and a worker that is replaced when it dies. The CPU comes first, so
// that a photograph never waits for the larger GPU download; WebGPU takes over
// once it has proved itself in this browser, and steps back when it fails.
//
// While photographs wait for the CPU, helpers grade beside the first worker.
//
// Whatever is set aside, and why, stays in `state` and so on the page.

import { Bridge } from "./bridge.js";
import { bytesOf } from "./file.js";
import { Fault } from "./fault.js";
import { Helpers } from "./helpers.js";
import { forgetModels } from "./model.js";
import { isLeft } from "./place.js";

// Milliseconds after which a worker is taken for hung.
const GRADE_LIMIT = 180_000;
const GPU_START_LIMIT = 120_000;

export class Engine extends EventTarget {
  // `only` is "cpu", "webgpu" or null; `allowSoftware` lets tests use a
  // software adapter.
  constructor({ only = null, allowSoftware = false } = {}) {
    super();
    this.only = only;
    this.allowSoftware = allowSoftware;
    this.point = null; // the operating point wished for
    this.state = {
      model: "loading", // loading | ready | error
      step: "starting", // starting | receiving | checking
      received: 0,
      total: 0,
      error: null,
      kind: null, // cpu | webgpu
      backend: "none", // as the library names it
      gpu: null, // name of the adapter in use
      trying: false, // WebGPU is being tried behind the CPU
      setAside: null, // { reason, detail }: why WebGPU does not run
      bundle: null,
      settings: null, // of the model, as results name them
      card: null,
      points: [], // operating points the model offers
      scale: null,
      library: null, // its version
      kept: null, // the model is stored on this device
      downloaded: null, // the model was fetched on this visit
      own: null, // name of a model of the visitor's own, while it runs
      older: null, // { code, detail, message }: why the page's own model is not here, while the one before it runs
      hands: 1, // photographs graded at once
      mostHands: 1 + this.#helpers.most, // and at most, while many wait
    };
  }

  #bridge = null;
  #early = null; // a worker whose library has started, its model still on the way
  #ownFiles = null; // { manifest, weights }: files of the visitor's own model
  #open = new Set(); // calls under way
  #helpers = new Helpers(() => this.#set({ hands: 1 + this.#helpers.ready.length, mostHands: 1 + this.#helpers.most }));
  #grading = new Set(); // bridges with a photograph

  async start() {
    this.#set({ model: "loading", step: "starting", received: 0, total: 0, error: null });
    try {
      if (this.#ownFiles) return await this.#startOwn();
      if (this.only === "webgpu" && (await this.#tryGpu())) return;
      await this.#startCpu();
      if (this.state.own) return;
      if (this.only === "cpu") this.#set({ setAside: { reason: "asked" } });
      // A first visit has downloaded enough with the model; where that is kept,
      // the larger GPU file waits for the next.
      const later = this.state.downloaded && this.state.kept;
      if (this.only === null) this.#tryGpu({ later });
    } catch (error) {
      // A model of the visitor's own may have come before this one failed.
      if (this.state.model !== "ready") this.#fail(error);
    }
  }

  // Resolves once a model is ready, however many attempts that takes; `orFail`, for what
  // somebody is looking at meanwhile, rejects with why where there is none.
  ready({ orFail = false } = {}) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const { model, error } = this.state;
        if (model !== "ready" && !(orFail && model === "error")) return;
        this.removeEventListener("change", check);
        if (model === "ready") resolve();
        else reject(error);
      };
      this.addEventListener("change", check);
      check();
    });
  }

  // Asks the library for what needs no model; waits for no download, and asks
  // again where a worker is replaced meanwhile.
  async consult(method, ...args) {
    for (;;) {
      const bridge = await this.#speaking();
      try {
        return await bridge.call(method, args);
      } catch (error) {
        if (!bridge.gone) throw error;
      }
    }
  }

  // A model from the visitor's disk, checked by the library like any other. It
  // takes over when it has passed; the one in use stays when it has not.
  useOwn(files) {
    return this.#startOwn(files);
  }

  // Back to the model the page came with.
  async useShipped() {
    this.#ownFiles = null;
    this.#set({ own: null, setAside: null });
    await this.start();
  }

  #speaking() {
    const live = () => [this.#bridge, this.#early].find((bridge) => bridge && !bridge.gone);
    if (live()) return Promise.resolve(live());
    return new Promise((resolve) => {
      const check = () => {
        if (!live()) return;
        this.removeEventListener("change", check);
        resolve(live());
      };
      this.addEventListener("change", check);
    });
  }

  // The photograph's buffer goes over to a worker. A fault carries in `detail` where
  // it happened: the kind of backend, or "helper".
  async grade(photo) {
    await this.ready();
    const bridge = [this.#bridge, ...this.#helpers.ready].find((one) => !this.#grading.has(one)) ?? this.#bridge;
    this.#grading.add(bridge);
    try {
      return await this.#call(bridge, "grade", [photo, this.point], { transfer: [photo.buffer], limit: GRADE_LIMIT });
    } finally {
      this.#grading.delete(bridge);
    }
  }

  // Brings in helpers for so many photographs that wait. `state.hands` tells when
  // they are there.
  reinforce(waiting) {
    const { model, kind, kept, own } = this.state;
    if (model !== "ready" || kind !== "cpu" || !(kept || own)) return;
    this.#helpers.bring(waiting, () => this.#prepareHelper());
  }

  // Sends the helpers away, with everything in their memory.
  relieve() {
    this.#helpers.dismiss();
  }

  // Whether the browser itself keeps the worker's photographs from other hosts.
  bound() {
    return this.#ask("bound", [], { limit: GRADE_LIMIT });
  }

  // The result for a photograph that the library could not read.
  refuse(error) {
    return this.#ask("refuse", [error], { limit: GRADE_LIMIT });
  }

  // Where a photograph's grade came from, as the library's `Grader.explain`
  // promises it; `side` is the photograph's longer side in pixels.
  explain(photo, side) {
    return this.#ask("explain", [photo, side], { transfer: [photo.buffer], limit: GRADE_LIMIT, orFail: true });
  }

  // The same by occlusion, which takes long: `progress(done, total)` hears of it.
  occlude(photo, side, { progress, signal }) {
    return this.#ask("occlude", [photo, side], { transfer: [photo.buffer], limit: GRADE_LIMIT, progress, signal, orFail: true });
  }

  // Bytes of a PNG that shows the photograph in small, for what only the library
  // reads. Waits for no model; the photograph's buffer goes over.
  async smallPicture(photo, side) {
    return this.#call(await this.#speaking(), "smallPicture", [photo, side], { transfer: [photo.buffer], limit: GRADE_LIMIT });
  }

  // A decision for each result at the operating point wished for, or null.
  decide(results) {
    return this.#ask("decide", [results, this.point], { limit: GRADE_LIMIT });
  }

  // Bytes of a PNG drawn for this grade.
  draw(grade, seed, { orFail = false } = {}) {
    return this.#ask("draw", [grade, seed], { limit: GRADE_LIMIT, orFail });
  }

  // Throws the workers away with everything in their memory, and starts one anew.
  async renew() {
    if (this.state.model !== "ready") return;
    this.#bridge.dispose();
    this.relieve();
    await this.#revive();
  }

  async #ask(method, args, { orFail, ...options }) {
    await this.ready({ orFail });
    return this.#call(this.#bridge, method, args, options);
  }

  async #call(bridge, method, args, options) {
    const where = bridge === this.#bridge ? this.state.kind : "helper";
    const call = bridge.call(method, args, options);
    this.#open.add(call);
    try {
      return await call;
    } catch (error) {
      throw bridge.gone ? new Fault(error.code, where) : error;
    } finally {
      this.#open.delete(call);
    }
  }

  // A worker that dies while in use is replaced at once, busy or not.
  #lost(fault, bridge) {
    if (bridge !== this.#bridge || fault.code === "worker-disposed") return;
    if (this.state.kind === "webgpu") this.#set({ setAside: { reason: "crashed" } });
    this.#revive();
  }

  async #revive() {
    this.#set({ model: "loading", step: "starting", received: 0, total: 0, backend: "none" });
    try {
      if (this.#ownFiles) return await this.#startOwn();
      if (this.state.kind === "webgpu" && !this.state.setAside && (await this.#tryGpu())) return;
      await this.#startCpu(this.state.older);
    } catch (error) {
      this.#fail(error);
    }
  }

  // With the `older` model where that is in use: a network that was out of reach is
  // not asked again each time a worker is replaced.
  async #startCpu(older = null) {
    const bridge = this.#build((event) => this.#hear(event));
    try {
      const started = await bridge.call("start", ["cpu"]);
      this.#early = bridge;
      this.#set(started);
      const kept = older && (await bridge.call("loadKept", [{ older: true }]).catch(() => null)); // another window may have the new one by now
      const loaded = kept ? { ...kept, older } : await this.#loadShipped(bridge, "cpu");
      // WebGPU, tried meanwhile, may have been quicker, or a model of the visitor's own.
      if (this.state.model === "ready") return bridge.dispose();
      this.#adopt(bridge, { kind: "cpu", gpu: null, own: null, ...loaded });
    } catch (error) {
      bridge.dispose();
      throw error.code === "worker-crashed" ? new Fault("worker-start") : error;
    }
  }

  async #startOwn(files = this.#ownFiles) {
    const bridge = this.#build(() => {});
    try {
      const started = await bridge.call("start", ["cpu"]);
      const loaded = await this.#loadOwn(bridge, files);
      this.#ownFiles = files;
      this.#set(started);
      this.#adopt(bridge, { kind: "cpu", gpu: null, setAside: { reason: "own" }, own: loaded.bundle, ...loaded });
    } catch (error) {
      bridge.dispose();
      throw error;
    }
  }

  // A worker with the model that is in use, and no other: the site's may have been
  // replaced meanwhile, or its settings fixed anew.
  #prepareHelper() {
    const { bundle, settings } = this.state;
    const files = this.#ownFiles;
    const bridge = new Bridge({ ended: () => this.#helpers.lose(bridge) });
    const prepare = async () => {
      await bridge.call("start", ["cpu"], { limit: GRADE_LIMIT });
      const loaded = files ? await this.#loadOwn(bridge, files) : await bridge.call("loadKept", [{ older: this.state.older !== null }], { limit: GRADE_LIMIT });
      if (loaded.bundle !== bundle || loaded.settings !== settings) throw new Fault("model-network");
    };
    return { bridge, prepared: prepare() };
  }

  // True when WebGPU runs from now on; else `setAside` says why not.
  async #tryGpu({ later = false } = {}) {
    const behind = this.state.model === "ready";
    const bridge = this.#build((event) => behind || this.#hear(event));
    this.#set({ trying: true });
    try {
      const found = await bridge.call("findGpu", [{ allowSoftware: this.allowSoftware }], { limit: GPU_START_LIMIT });
      if (!found.ok) {
        this.#set({ setAside: { reason: found.reason, detail: found.detail } });
        bridge.dispose();
        return false;
      }
      if (later) {
        this.#set({ setAside: { reason: "next-visit" } });
        bridge.dispose();
        return false;
      }
      const started = await bridge.call("start", ["webgpu"], { limit: GPU_START_LIMIT });
      const loaded = await this.#loadShipped(bridge, "webgpu", { limit: behind ? GPU_START_LIMIT : 0 });
      // The visitor chose a model of their own meanwhile.
      if (this.#ownFiles) {
        bridge.dispose();
        return false;
      }
      this.#set(started);
      this.#adopt(bridge, { kind: "webgpu", gpu: found.name, setAside: null, own: null, ...loaded });
      return true;
    } catch (error) {
      bridge.dispose();
      const crashed = error.code === "worker-crashed" || error.code === "worker-slow";
      this.#set({ setAside: { reason: "failed", detail: crashed ? new Fault("gpu-start") : error } });
      return false;
    } finally {
      this.#set({ trying: false });
    }
  }

  // A worker that was asked before nothing was to stay here may have kept it after.
  async #loadShipped(bridge, backend, options) {
    const loaded = await bridge.call("loadModel", [backend, !isLeft()], options).finally(() => isLeft() && forgetModels().catch(() => {}));
    return { ...loaded, kept: loaded.kept && !isLeft() };
  }

  async #loadOwn(bridge, files) {
    const [manifest, weights] = await Promise.all([files.manifest, files.weights].map(bytesOf));
    return bridge.call("loadOwn", [manifest, weights], { transfer: [manifest.buffer, weights.buffer] });
  }

  #build(tell) {
    return new Bridge({ tell, ended: (fault, bridge) => this.#lost(fault, bridge) });
  }

  // Swaps the worker between photographs, never under one.
  #adopt(bridge, state) {
    const old = this.#bridge;
    this.#bridge = bridge;
    const open = [...this.#open];
    if (old) Promise.allSettled(open).then(() => old.dispose());
    this.#helpers.dismiss(open);
    this.#set({ model: "ready", error: null, older: null, ...state });
  }

  #hear(event) {
    if (event.event === "progress") this.#set({ step: "receiving", received: event.received, total: event.total });
    if (event.event === "checking") this.#set({ step: "checking" });
  }

  #fail(error) {
    this.#set({ model: "error", error, kind: null, backend: "none" });
  }

  #set(change) {
    Object.assign(this.state, change);
    this.dispatchEvent(new Event("change"));
  }
}
