// The dedicated worker that holds the wasm: it loads the model and grades. It
// answers { id, result | error } to { id, method, args }, tells { id, progress }
// meanwhile where there is any, gives up a call on { cancel: id }, and knows no page.
//
// A panic in wasm leaves its promise open for ever and the instance unusable,
// so anything uncaught is told to the page, which throws this worker away.

import { findGpu } from "./backend.js";
import { Fault, toMessage } from "./fault.js";
import { discard, fetchManifest, fetchWeights, keep } from "./model.js";
import { seal } from "./seal.js";

let library = null;
let grader = null;
let points = []; // what the model offers
const cancelled = new Set(); // calls by their id

// The model's own choice where it does not offer what is wished for.
const offered = (wish) => points.find(({ name }) => name === wish)?.name ?? null;

function loaded() {
  points = grader.operatingPoints;
  return { backend: grader.backend, bundle: grader.bundle, card: grader.card(), points };
}

const methods = {
  findGpu,

  // Brings in the wasm for a backend; what needs no model works from here on.
  async start(backend) {
    const file = backend === "webgpu" ? "fovea_gpu" : "fovea_cpu";
    let module;
    try {
      module = await import(new URL(`../pkg/${file}.js`, import.meta.url));
      await module.default();
    } catch (error) {
      throw new Fault(error instanceof WebAssembly.CompileError ? "worker-start" : "wasm-load");
    }
    library = module;
    return { scale: library.gradeScale(), library: library.libraryVersion() };
  },

  readNames: (names) => library.readNames(names),
  summarisePatients: (patients) => library.summarisePatients(patients),

  // A model from the visitor's disk: nothing is fetched and nothing kept.
  async loadOwn(manifest, weights) {
    grader = await library.Grader.load(manifest, weights, "cpu");
    seal();
    return loaded();
  },

  async loadModel(backend) {
    const manifest = await fetchManifest();
    const { weights } = library.bundleInfo(manifest);
    const progress = throttle((received, total) => self.postMessage({ event: "progress", received, total }));
    let { bytes, stored } = await fetchWeights(weights, { progress });
    self.postMessage({ event: "checking" });
    try {
      grader = await library.Grader.load(manifest, bytes, backend);
    } catch (error) {
      // What this device or a cache on the way kept may have gone bad: once more
      // from the source, unless it is the GPU that was found wanting.
      if (backend === "webgpu") throw error;
      await discard(weights);
      ({ bytes } = await fetchWeights(weights, { fresh: true, progress }));
      stored = false;
      grader = await library.Grader.load(manifest, bytes, backend);
    }
    const kept = stored || (await keep(weights, bytes));
    seal();
    return { ...loaded(), kept, downloaded: !stored };
  },

  draw(grade, seed) {
    return library.drawPhotograph(grade, seed);
  },

  grade(photo, wish) {
    return grader.grade(photo, offered(wish));
  },

  decide: (results, wish) => grader.decide(results, offered(wish)),

  explain(photo, side) {
    return grader.explain(photo, side);
  },

  // Between its steps the worker hears other calls, and that this one is given up.
  occlude(photo, side, { tell, isCancelled }) {
    return grader.occlude(photo, side, async (done, total) => {
      tell(done, total);
      await new Promise((resolve) => setTimeout(resolve));
      return !isCancelled();
    });
  },
};

self.onmessage = async ({ data: { id, method, args, cancel } }) => {
  if (cancel) return cancelled.add(cancel);
  const call = { tell: (...progress) => self.postMessage({ id, progress }), isCancelled: () => cancelled.has(id) };
  try {
    const result = await methods[method](...args, call);
    const transfer = result instanceof Uint8Array ? [result.buffer] : [];
    self.postMessage({ id, result }, transfer);
  } catch (error) {
    console.error(error);
    self.postMessage({ id, error: toMessage(error) });
  } finally {
    cancelled.delete(id);
  }
};

const crashed = (event) => {
  console.error(event.reason ?? event.message);
  self.postMessage({ event: "crashed" });
};
self.addEventListener("error", crashed);
self.addEventListener("unhandledrejection", crashed);

// At most some twenty words a second, and always the last one.
function throttle(say) {
  let last = 0;
  return (received, total) => {
    const now = performance.now();
    if (received < total && now - last < 50) return;
    last = now;
    say(received, total);
  };
}
