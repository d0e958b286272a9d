// A bundle's ResNet-18 answering one photograph on the CPU in wasm, one thread:
// this project's build and onnxruntime-web's, taking turns in one process.
//
//   cargo xtask site --cpu-only
//   python benches/resnet18_to_onnx.py www/model resnet18.onnx
//   npm install --no-save --prefix DIR onnxruntime-web
//   node benches/onnxruntime_web.mjs target/site resnet18.onnx DIR PHOTO [ROUNDS]
//
// Node has Chromium's engine, not its page around it; where it does not know relaxed
// SIMD by itself, --experimental-wasm-relaxed-simd before the script makes it. All
// times are of the network alone, onnxruntime-web's with all of its graph
// optimisations.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { relaxedSimd } from "../www/js/simd.js";

const [site, onnx, modules, photo, rounds = "20"] = process.argv.slice(2);
if (!photo) {
  console.error("usage: onnxruntime_web.mjs SITE ONNX NODE_FOLDER PHOTO [ROUNDS]");
  process.exit(2);
}
const module = (...path) => import(pathToFileURL(resolve(...path)));

const description = readFileSync(join(site, "model/model.json"));
const manifest = JSON.parse(description);
const weights = readFileSync(join(site, "model", manifest.weights.file));
const bytes = readFileSync(photo);
const sides = []; // { name, loaded, measure, times }
for (const file of relaxedSimd() ? ["fovea_cpu", "fovea_cpu_relaxed"] : ["fovea_cpu"]) {
  const fovea = await module(site, `pkg/${file}.js`);
  fovea.initSync({ module: readFileSync(join(site, `pkg/${file}_bg.wasm`)) });
  const began = performance.now();
  const grader = await fovea.Grader.load(description, weights, "cpu");
  const measure = async () => (await grader.grade(bytes)).milliseconds.network;
  sides.push({ name: `Fovea, ${grader.backend}`, loaded: performance.now() - began, measure, times: [] });
}

const ort = await module(modules, "node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs");
ort.env.wasm.numThreads = 1;
const began = performance.now();
const session = await ort.InferenceSession.create(readFileSync(onnx), { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
const loaded = performance.now() - began;

const { size } = manifest.preprocessing;
const picture = Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(i));
sides.push({
  name: `onnxruntime-web ${ort.env.versions.web}`,
  loaded,
  async measure() {
    const start = performance.now();
    await session.run({ picture: new ort.Tensor("float32", picture, [1, 3, size, size]) });
    return performance.now() - start;
  },
  times: [],
});
// The engine compiles while the first of them run: those do not count.
const WARM_UP = 3;
for (let round = -WARM_UP; round < Number(rounds); round++) {
  for (const { measure, times } of sides) {
    const took = await measure();
    if (round >= 0) times.push(took);
  }
}
const sorted = (values) => [...values].sort((a, b) => a - b);
const median = (values) => sorted(values)[values.length >> 1];
for (const { name, times, loaded } of sides) {
  const [best] = sorted(times);
  console.log(`${name}: median ${median(times).toFixed(1)} ms, best ${best.toFixed(1)} ms; made ready in ${loaded.toFixed(0)} ms`);
}
const theirs = sides.pop();
for (const { name, times } of sides) {
  const ratios = sorted(times.map((ours, round) => theirs.times[round] / ours));
  const [low, middle, high] = [0.05, 0.5, 0.95].map((share) => ratios[Math.floor(share * (ratios.length - 1))].toFixed(2));
  console.log(`${size} px, ${rounds} rounds: onnxruntime-web's time over that of ${name}: ${middle} (${low} to ${high})`);
}
process.exit(0);
