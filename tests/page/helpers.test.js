// Many photographs on the CPU are graded by several workers, and as by one.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { shipped } from "./help/bundle.js";
import { allDone, choose, clearEverything, modelReady, offlineReady, photo, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

const PHOTOS = 24;
const MOST = 3;

// A device with room for three, whatever runs this test.
const THREE = () => {
  Object.defineProperty(Navigator.prototype, "hardwareConcurrency", { get: () => 4 });
  Object.defineProperty(Navigator.prototype, "deviceMemory", { get: () => 8 });
};

let visitor;
let page;
let photos;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", goto: false });
  page = visitor.page;
  await page.addInitScript(THREE);
  await page.goto(visitor.address);
  await modelReady(page);
  photos = [];
  for (let n = 0; n < PHOTOS; n++) photos.push(photo(`photo ${n}.png`, await drawnPng(page, n % 5, n), "image/png"));
});
after(() => visitor?.close());
beforeEach(async () => {
  if (await page.locator("#results").isVisible()) await clearEverything(page);
  await modelReady(page);
});

const graders = () => page.workers().filter((one) => one.url().includes("worker.js"));
const running = () => page.locator("#runs-on").textContent();
const several = (where = page) => where.waitForFunction((most) => document.querySelector("#runs-on").textContent.includes(`${most} photographs at once`), MOST, { timeout: 60_000 });
// A worker that is told to go takes a moment.
const alone = async () => {
  for (let n = 0; graders().length > 1 && n < 40; n++) await page.waitForTimeout(50);
  assert.equal(graders().length, 1);
};
const done = (where = page) =>
  where.waitForFunction((count) => document.querySelectorAll("article:not([data-status=queued], [data-status=working])").length === count, PHOTOS, { timeout: 120_000 });
const answers = async () => (await savedJson(page)).map(({ file, status, probabilities, bundle }) => ({ file, status, probabilities, bundle }));

test("helpers come for a batch, have no network, answer as the first worker does, and go", async () => {
  await choose(page, ...photos);
  await several();
  assert.equal(graders().length, MOST);
  for (const worker of graders()) assert.equal(await worker.evaluate(() => typeof fetch), "undefined");
  await done();
  await page.waitForFunction(() => !document.querySelector("#runs-on").textContent.includes("at once"));
  await alone();
  const together = await answers();
  assert.deepEqual(new Set(together.map(({ status }) => status)), new Set(["graded"]));

  await clearEverything(page);
  await modelReady(page);
  for (const one of photos) {
    await choose(page, one);
    await allDone(page);
    assert.equal(graders().length, 1);
  }
  assert.deepEqual(await answers(), together);
});

test("clearing everything throws the helpers away, whatever they are at", async () => {
  await choose(page, ...photos);
  await several();
  await clearEverything(page);
  await modelReady(page);
  await alone();
  assert.equal(await page.locator("article").count(), 0);
  assert.doesNotMatch(await running(), /at once/);
});

test("helpers run a model of the visitor's own where one runs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fovea-helped-"));
  const { manifest, weights } = await shipped();
  manifest.name = "ward-seven";
  const files = { manifest: join(folder, "model.json"), weights: join(folder, "mine.safetensors") };
  await writeFile(files.manifest, JSON.stringify(manifest));
  await writeFile(files.weights, weights);
  try {
    await page.locator("#own").evaluate((details) => (details.open = true));
    await page.locator("#own-manifest").setInputFiles(files.manifest);
    await page.locator("#own-weights").setInputFiles(files.weights);
    await page.getByRole("button", { name: "Check and use it" }).click();
    await page.waitForSelector("html[data-model-source=own]", { state: "attached", timeout: 60_000 });
    await choose(page, ...photos);
    await several();
    await done();
    for (const { status, bundle } of await answers()) {
      assert.equal(status, "graded");
      assert.match(bundle, /ward-seven/);
    }
    await page.getByRole("button", { name: "Back to Fovea’s own model" }).click();
    await page.waitForSelector("html[data-model-source=shipped]", { state: "attached", timeout: 60_000 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("helpers of a new version, of the same weights and other settings, leave the old one's work alone", async () => {
  // As when another window took that version: its service worker answers this one, too.
  const swap = (manifest) =>
    page.evaluate(async (text) => {
      const cache = await caches.open((await caches.keys()).find((name) => name.startsWith("fovea-shell-")));
      await cache.put(new URL("model/model.json", location.href), new Response(text));
    }, JSON.stringify(manifest));
  const { manifest } = await shipped();
  await offlineReady(page);
  await swap({ ...manifest, calibration: { ...manifest.calibration, temperature: 2 } });
  try {
    await choose(page, ...photos);
    await done();
    assert.equal(new Set((await savedJson(page)).map(({ settings }) => settings)).size, 1);
  } finally {
    await swap(manifest);
    await page.reload();
  }
});

test("a helper that dies costs no photograph, and the first worker goes on alone", async () => {
  const [first] = graders();
  await choose(page, ...photos);
  await several();
  const helper = graders().find((one) => one !== first);
  await helper.evaluate(() => {
    self.onmessage = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
  });
  await done();
  assert.deepEqual(new Set((await answers()).map(({ status }) => status)), new Set(["graded"]));
  assert.doesNotMatch(await running(), /at once/);
  await clearEverything(page);
  await modelReady(page);
  await choose(page, ...photos);
  await done();
  assert.equal(graders().length, 1);
});

test("where the model cannot be kept, nobody downloads it again: the first worker is alone", async () => {
  const clinic = await visit({ query: "?backend=cpu", host: "fovea.clinic", goto: false });
  try {
    await clinic.page.addInitScript(THREE);
    await clinic.page.goto(clinic.address);
    await modelReady(clinic.page);
    await choose(clinic.page, ...photos);
    await done(clinic.page);
    assert.equal(clinic.page.workers().length, 1);
    assert.equal(clinic.server.requests.filter(({ path }) => path.endsWith(".safetensors")).length, 1);
  } finally {
    await clinic.close();
  }
});
