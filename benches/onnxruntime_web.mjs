// A bundle's ResNet-18 answering one photograph on the CPU in wasm, one thread:
// this project's build and onnxruntime-web's, taking turns in one process.
//
//   cargo xtask site --cpu-only
//   python benches/resnet18_to_onnx.py www/model resnet18.onnx
//   npm install --no-save --prefix DIR onnxruntime-web
//   node benches/onnxruntime_web.mjs target/site resnet18.onnx DIR PHOTO [ROUNDS]
//
// Node has Chromium's engine, not its page around it. Both times are of the
// network alone, onnxruntime-web's with all of its graph optimisations.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [site, onnx, modules, photo, rounds = "20"] = process.argv.slice(2);
if (!photo) {
  console.error("usage: onnxruntime_web.mjs SITE ONNX NODE_FOLDER PHOTO [ROUNDS]");
  process.exit(2);
}
const module = (...path) => import(pathToFileURL(resolve(...path)));

const fovea = await module(site, "pkg/fovea_cpu.js");
fovea.initSync({ module: readFileSync(join(site, "pkg/fovea_cpu_bg.wasm")) });
const description = readFileSync(join(site, "model/model.json"));
const manifest = JSON.parse(description);
const weights = readFileSync(join(site, "model", manifest.weights.file));
let began = performance.now();
const grader = await fovea.Grader.load(description, weights, "cpu");
const loaded = [performance.now() - began];

const ort = await module(modules, "node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs");
ort.env.wasm.numThreads = 1;
began = performance.now();
const session = await ort.InferenceSession.create(readFileSync(onnx), { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
loaded.push(performance.now() - began);

const { size } = manifest.preprocessing;
const picture = Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(i));
const bytes = readFileSync(photo);
const sides = [
  async () => (await grader.grade(bytes)).milliseconds.network,
  async () => {
    const start = performance.now();
    await session.run({ picture: new ort.Tensor("float32", picture, [1, 3, size, size]) });
    return performance.now() - start;
  },
];
const times = [[], []];
// The engine compiles while the first of them run: those do not count.
const WARM_UP = 3;
for (let round = -WARM_UP; round < Number(rounds); round++) {
  for (const [side, measure] of sides.entries()) {
    const took = await measure();
    if (round >= 0) times[side].push(took);
  }
}
const sorted = (values) => [...values].sort((a, b) => a - b);
const median = (values) => sorted(values)[values.length >> 1];
for (const [side, name] of ["Fovea", `onnxruntime-web ${ort.env.versions.web}`].entries()) {
  const [best] = sorted(times[side]);
  console.log(`${name}: median ${median(times[side]).toFixed(1)} ms, best ${best.toFixed(1)} ms; made ready in ${loaded[side].toFixed(0)} ms`);
}
const ratios = sorted(times[0].map((ours, round) => times[1][round] / ours));
const [low, middle, high] = [0.05, 0.5, 0.95].map((share) => ratios[Math.floor(share * (ratios.length - 1))].toFixed(2));
console.log(`${size} px, ${rounds} rounds: onnxruntime-web's time over Fovea's ${middle} (${low} to ${high})`);
process.exit(0);
