// The dedicated worker that holds the wasm: it loads the model and grades, and
// knows no page.

import { answer } from "./answer.js";
import { findGpu } from "./backend.js";
import { Fault } from "./fault.js";
import { discard, fetchManifest, fetchWeights, keep, recall, recallOlder } from "./model.js";
import { seal } from "./seal.js";
import { relaxedSimd } from "./simd.js";

let library = null;
let grader = null;
let points = []; // what the model offers

// Faults by which a model cannot be had now: nothing came of it, or another file.
const OUT_OF_REACH = ["model-network", "model-stalled", "model-http", "model-length", "weights-hash"];

// The model's own choice where it does not offer what is wished for.
const offered = (wish) => points.find(({ name }) => name === wish)?.name ?? null;

function loaded() {
  points = grader.operatingPoints;
  return { backend: grader.backend, bundle: grader.bundle, settings: grader.settings, card: grader.card(), points };
}

answer({
  findGpu,

  // Brings in the wasm for a backend; what needs no model works from here on.
  async start(backend) {
    if (backend === "webgpu") library = await bring("fovea_gpu");
    // Without a network the plain one may be what is there: kept before the browser
    // learnt the other.
    else if (relaxedSimd()) library = await bring("fovea_cpu_relaxed").catch(() => bring("fovea_cpu"));
    else library = await bring("fovea_cpu");
    return { scale: library.gradeScale(), library: library.libraryVersion() };
  },

  readNames: (names) => library.readNames(names),
  summarisePatients: (patients) => library.summarisePatients(patients),

  // Whether the browser refuses this worker what its policy does not allow. (What is
  // tried here asks nobody: it would be brought in from its own address.)
  bound: () => import("data:text/javascript,").then(() => false, () => true),

  // A model from the visitor's disk: nothing is fetched and nothing kept.
  async loadOwn(manifest, weights) {
    grader = await library.Grader.load(manifest, weights, "cpu");
    seal();
    return loaded();
  },

  // The model as this device keeps it, the one in use or (`older`) the one before
  // it; nothing is downloaded.
  async loadKept({ older }) {
    const manifest = await fetchManifest();
    await load(older ? await recallOlder(library.bundleInfo(manifest).weights) : manifest, "cpu");
    seal();
    return loaded();
  },

  // Where this page's own model is out of reach, the one that an earlier version
  // left here; `older` tells why then. What was downloaded stays here where `keeping`.
  async loadModel(backend, keeping) {
    const manifest = await fetchManifest();
    const { weights } = library.bundleInfo(manifest);
    try {
      return await loadNewest(manifest, weights, backend, keeping);
    } catch (fault) {
      if (!OUT_OF_REACH.includes(fault.code)) throw fault;
      await load(await recallOlder(weights), backend).catch(() => {
        throw fault;
      });
      seal();
      return { ...loaded(), kept: true, downloaded: false, older: { code: fault.code, detail: fault.detail, message: fault.message } };
    }
  },

  draw(grade, seed) {
    return library.drawPhotograph(grade, seed);
  },

  smallPicture: (photo, side) => library.smallPicture(photo, side),

  grade(photo, wish) {
    return grader.grade(photo, offered(wish));
  },

  refuse: (error) => grader.refuse(error),

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
});

async function loadNewest(manifest, weights, backend, keeping) {
  const progress = throttle((received, total) => self.postMessage({ event: "progress", received, total }));
  let { bytes, stored } = await fetchWeights(weights, { keeping, progress });
  self.postMessage({ event: "checking" });
  try {
    grader = await library.Grader.load(manifest, bytes, backend);
  } catch (error) {
    // What this device or a cache on the way kept may have gone bad: once more
    // from the source, unless it is the GPU that was found wanting.
    if (backend === "webgpu") throw error;
    await discard(weights);
    ({ bytes } = await fetchWeights(weights, { fresh: true, keeping, progress }));
    stored = false;
    grader = await library.Grader.load(manifest, bytes, backend);
  }
  const kept = keeping && ((await keep(weights, manifest, stored ? null : bytes)) || stored);
  seal();
  return { ...loaded(), kept, downloaded: !stored };
}

// A model by its manifest (null: there is none) and the weights kept on this device.
async function load(manifest, backend) {
  const bytes = manifest && (await recall(library.bundleInfo(manifest).weights));
  if (!bytes) throw new Fault("model-network");
  grader = await library.Grader.load(manifest, bytes, backend);
}

async function bring(file) {
  try {
    const module = await import(new URL(`../pkg/${file}.js`, import.meta.url));
    await module.default();
    return module;
  } catch (error) {
    throw new Fault(error instanceof WebAssembly.CompileError ? "worker-start" : "wasm-load");
  }
}

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
