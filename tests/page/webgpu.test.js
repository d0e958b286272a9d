// Which processor is chosen, and that the page always says so. A software
// adapter stands in for a graphics processor; it shows correctness, not speed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { card, choose, modelReady, offlineReady, photo, result, savedJson, siteList, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const hasGpuBuild = (await siteList()).lazy.some(({ url }) => url === "pkg/fovea_gpu_bg.wasm");

test("a software adapter is refused, and the page says why it runs on the CPU", async () => {
  const visitor = await visit({ args: SOFTWARE_GPU });
  const { page, server } = visitor;
  try {
    const { backend } = await modelReady(page);
    assert.match(backend, /cpu/);
    await page.waitForFunction(() => !/Trying/.test(document.querySelector("#runs-on").textContent));
    assert.match(await page.locator("#runs-on").textContent(), /software|No graphics processor/);
    assert.ok(!server.requests.some(({ path }) => path.includes("fovea_gpu")), "the GPU wasm was fetched for nothing");
  } finally {
    await visitor.close();
  }
});

test("asked for WebGPU where there is none, it runs on the CPU and says so", async () => {
  const visitor = await visit({ query: "?backend=webgpu" });
  const { page } = visitor;
  try {
    const { backend } = await modelReady(page);
    assert.match(backend, /cpu/);
    assert.match(await page.locator("#runs-on").textContent(), /CPU.*(No graphics processor|no WebGPU|software)/);
  } finally {
    await visitor.close();
  }
});

test("on WebGPU the probabilities are the CPU’s", { skip: !hasGpuBuild && "the site was built without WebGPU", timeout: 300_000 }, async (t) => {
  const visitor = await visit({ args: SOFTWARE_GPU, query: "?backend=webgpu&allow-software-gpu" });
  const { page } = visitor;
  try {
    const { backend } = await modelReady(page);
    const words = await page.locator("#runs-on").textContent();
    if (!/webgpu/i.test(backend)) return t.skip(`no adapter here: ${words}`);
    const drawing = photo("same.png", await drawnPng(page, 3, 42), "image/png");
    await choose(page, drawing);
    await result(card(page, "same.png"), 240_000);
    const [gpu] = await savedJson(page);
    await page.goto(`${visitor.server.origin}/?backend=cpu`);
    await modelReady(page);
    await choose(page, drawing);
    await result(card(page, "same.png"));
    const [cpu] = await savedJson(page);
    assert.match(gpu.backend, /webgpu/i);
    assert.equal(gpu.grade, cpu.grade);
    for (const [grade, probability] of cpu.probabilities.entries()) assert.ok(Math.abs(gpu.probabilities[grade] - probability) <= 1e-3, `${gpu.probabilities} / ${cpu.probabilities}`);
  } finally {
    await visitor.close();
  }
});

test("a first visit keeps its download small, the next one moves to WebGPU", { skip: !hasGpuBuild && "the site was built without WebGPU", timeout: 300_000 }, async (t) => {
  const visitor = await visit({ args: SOFTWARE_GPU, query: "?allow-software-gpu" });
  const { page, server } = visitor;
  const runsOn = () => page.locator("#runs-on").textContent();
  const settled = () => page.waitForFunction(() => !/Trying/.test(document.querySelector("#runs-on").textContent) && document.documentElement.dataset.backend !== "none", null, { timeout: 240_000 });
  try {
    await modelReady(page);
    await page.waitForFunction(() => /next visit|No graphics processor|no WebGPU/.test(document.querySelector("#runs-on").textContent));
    const words = await runsOn();
    if (!/next visit/.test(words)) return t.skip(`no adapter here: ${words}`);
    await offlineReady(page);
    assert.ok(!server.requests.some(({ path }) => path.includes("fovea_gpu")), "the GPU wasm came with the first visit");
    assert.ok(server.sent() < 26e6, `${(server.sent() / 1e6).toFixed(1)} MB`);
    await page.reload();
    await modelReady(page);
    await page.waitForFunction(() => /webgpu/i.test(document.documentElement.dataset.backend), null, { timeout: 240_000 });
    await settled();
    assert.match(await runsOn(), /WebGPU/);
  } finally {
    await visitor.close();
  }
});

// The library in somebody else's page, which asks nothing of the adapter before.
async function loadOnGpu(visitor, times) {
  await visitor.page.goto(`${visitor.server.origin}/manifest.webmanifest`);
  return visitor.page.evaluate(async (count) => {
    const library = await import("/pkg/fovea_gpu.js");
    await library.default();
    if (!(await navigator.gpu?.requestAdapter())) return null;
    const get = async (file) => (await fetch(`/model/${file}`)).arrayBuffer();
    const manifest = await get("model.json");
    const weights = await get(library.bundleInfo(manifest).weights.file);
    const ran = [];
    for (let n = 0; n < count; n++) ran.push(await library.Grader.load(manifest, weights, "webgpu").then(({ backend }) => backend, ({ code, message }) => `${code}: ${message}`));
    return ran;
  }, times);
}

test("a second model is loaded on WebGPU as the first was", { skip: !hasGpuBuild && "the site was built without WebGPU", timeout: 300_000 }, async (t) => {
  const visitor = await visit({ args: SOFTWARE_GPU, goto: false, serviceWorkers: "block" });
  try {
    const ran = await loadOnGpu(visitor, 2);
    if (!ran) return t.skip("no adapter here");
    assert.deepEqual(ran, ["webgpu", "webgpu"]);
  } finally {
    await visitor.close();
  }
});

test("an adapter that lacks what the library needs is refused, and nobody waits for it", { skip: !hasGpuBuild && "the site was built without WebGPU", timeout: 60_000 }, async (t) => {
  const visitor = await visit({ args: SOFTWARE_GPU, goto: false, serviceWorkers: "block" });
  try {
    await visitor.page.addInitScript(() => {
      const { has } = GPUSupportedFeatures.prototype;
      GPUSupportedFeatures.prototype.has = function (name) {
        return name !== "timestamp-query" && has.call(this, name);
      };
    });
    const ran = await loadOnGpu(visitor, 1);
    if (!ran) return t.skip("no adapter here");
    assert.deepEqual(ran, ["gpu-init: WebGPU could not start: the graphics processor lacks timestamp-query"]);
  } finally {
    await visitor.close();
  }
});
