// A new version waits until the visitor takes it, and never comes in under a
// running batch.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { withHead } from "./help/bundle.js";
import { allDone, card, choose, clearEverything, gradeDrawn, modelReady, offlineReady, photo, result, SITE, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";
import { publish } from "./help/publish.js";

let visitor;
let page;
let site;
before(async () => {
  site = await mkdtemp(join(tmpdir(), "fovea-site-"));
  await cp(SITE, site, { recursive: true });
  visitor = await visit({ site, query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  await offlineReady(page);
});
after(async () => {
  await visitor?.close();
  await rm(site, { recursive: true, force: true });
});

const version = () => page.evaluate(() => document.documentElement.dataset.version);
const take = () => page.getByRole("button", { name: "Use it now" });
const update = () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
// The browser takes what is asked while it looks for itself for one question, which may
// have begun before the version was there.
const offered = async () => {
  for (let n = 0; n < 6; n++) {
    await update();
    if (await take().waitFor({ timeout: 10_000 }).then(() => true, () => false)) return;
  }
  throw new Error("the new version is not offered");
};

test("a new version waits, says so, and reloading does not let it in", async () => {
  const old = await version();
  await publish(site, "f0f0f0f0f0f0f0f0");
  await offered();
  await page.reload();
  await modelReady(page);
  assert.equal(await version(), old);
});

test("it cannot be taken while photographs are being graded", async () => {
  await take().waitFor();
  const first = await page.locator("article").count();
  for (let n = 0; n < 3; n++) await page.getByRole("button", { name: "Try a drawn photograph" }).click();
  assert.equal(await take().isDisabled(), true);
  for (let n = 0; n < 3; n++) await result(page.locator("article").nth(first + n));
  assert.equal(await take().isDisabled(), false);
});

test("taken, it runs at once, offline too, and the old one is gone", async () => {
  // What was shared with a version that gave it the same place for every folder.
  await page.evaluate(async () => (await caches.open("fovea-shared")).put("shared/1", new Response("a photograph")));
  const reloaded = page.waitForEvent("load");
  await take().click();
  await reloaded;
  await modelReady(page);
  assert.equal(await version(), "f0f0f0f0f0f0f0f0");
  assert.equal(await page.locator("#update").isHidden(), true);
  await visitor.server.stop();
  await page.reload();
  await modelReady(page);
  assert.equal((await gradeDrawn(page)).status, "graded");
  const shells = await page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith("fovea-shell-")));
  assert.deepEqual(shells, ["fovea-shell-f0f0f0f0f0f0f0f0/"]);
  assert.equal(await page.evaluate(() => caches.has("fovea-shared")), false);
  await visitor.server.start();
});

test("a version that cannot be had whole leaves the running one alone", async () => {
  await publish(site, "abababababababab", "not the digest of anything");
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    const failed = new Promise((resolve) => registration.addEventListener("updatefound", () => registration.installing.addEventListener("statechange", (event) => event.target.state === "redundant" && resolve())));
    await registration.update();
    await failed;
  });
  await page.reload();
  await modelReady(page);
  assert.equal(await version(), "f0f0f0f0f0f0f0f0");
  assert.equal(await page.locator("#update").isHidden(), true);
  assert.equal((await gradeDrawn(page)).status, "graded");
});

test("a version whose model is out of reach grades by the model before it, says so, and takes its own when it can", async () => {
  const model = () => page.locator("#model").textContent();
  const before = await model();
  const { manifest, weights } = await withHead(null);
  manifest.weights.file = "newer.safetensors";
  await writeFile(join(site, "model/newer.safetensors"), weights);
  await writeFile(join(site, "model/model.json"), JSON.stringify(manifest));
  await publish(site, "cdcdcdcdcdcdcdcd");
  visitor.server.refuse = (path) => path === "model/newer.safetensors";
  await offered();
  const reloaded = page.waitForEvent("load");
  await take().click();
  await reloaded;
  await modelReady(page);
  assert.equal(await version(), "cdcdcdcdcdcdcdcd");
  assert.equal(await model(), before);
  assert.match(await page.locator("#loading-text").textContent(), /new model could not be loaded\. The server answered 503\. .* the previous model is in use/);
  await offlineReady(page);

  // Several, so that helpers come: they have no other model.
  for (let n = 0; n < 6; n++) await page.getByRole("button", { name: "Try a drawn photograph" }).click();
  await allDone(page);
  assert.deepEqual(await page.locator("article").evaluateAll((all) => [...new Set(all.map(({ dataset }) => dataset.status))]), ["graded"]);
  assert.match(await page.locator("article").last().textContent(), new RegExp(before.split(" ")[0]));

  await visitor.server.stop();
  await page.reload();
  await modelReady(page);
  assert.equal(await model(), before);
  await visitor.server.start();
  visitor.server.refuse = () => false;

  // A server that gives another file for it, as one on the way may that is behind.
  const another = Buffer.from(weights);
  another[another.length >> 1] ^= 0x10;
  for (const [file, why] of [
    [weights.subarray(0, 1000), /wrong length/],
    [another, /SHA-256/],
  ]) {
    await writeFile(join(site, "model/newer.safetensors"), file);
    await page.reload();
    await modelReady(page);
    assert.equal(await model(), before);
    const said = await page.locator("#loading-text").textContent();
    assert.match(said, why);
    assert.match(said, /the previous model is in use/);
  }
  await writeFile(join(site, "model/newer.safetensors"), weights);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction((old) => document.querySelector("#model").textContent !== old, before);
  await modelReady(page);
  assert.match(await model(), /headless/);
  assert.doesNotMatch(await page.locator("#loading-text").textContent(), /previous/);
  const kept = await page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith("fovea-model-")));
  assert.deepEqual(kept, [`fovea-model-${manifest.weights.sha256}`]);
});

test("where another window has meanwhile put the new model in the place of the one before, a new worker takes it", async () => {
  const model = () => page.locator("#model").textContent();
  const { manifest, weights } = await withHead([0, 0, 1]);
  manifest.weights.file = "newest.safetensors";
  await writeFile(join(site, "model/newest.safetensors"), weights);
  await writeFile(join(site, "model/model.json"), JSON.stringify(manifest));
  await publish(site, "dcdcdcdcdcdcdcdc");
  visitor.server.refuse = (path) => path === "model/newest.safetensors";
  await offered();
  const reloaded = page.waitForEvent("load");
  await take().click();
  await reloaded;
  await modelReady(page);
  assert.match(await model(), /headless/);
  visitor.server.refuse = () => false;
  const other = await visitor.context.newPage();
  await other.goto(visitor.address);
  await modelReady(other);
  await other.close();
  await gradeDrawn(page);
  await clearEverything(page);
  await modelReady(page);
  assert.match(await model(), /head-001/);
  assert.equal((await gradeDrawn(page)).status, "graded");
});

test("taken while results lie open, it asks before they go, and says what is so where they stay", async () => {
  await choose(page, photo("7_left.png", await drawnPng(page, 0, 3), "image/png"));
  await result(card(page, "7_left.png"));
  await publish(site, "efefefefefefefef");
  await offered();
  const asked = page.waitForEvent("dialog");
  await take().click({ noWaitAfter: true });
  const dialog = await asked;
  assert.equal(dialog.type(), "beforeunload");
  await dialog.dismiss();
  await page.getByRole("region", { name: "Update" }).getByText("A new version has taken over. Reload to use it here.").waitFor();
  assert.equal((await result(card(page, "7_left.png"))).status, "graded");
  assert.equal((await gradeDrawn(page)).status, "graded");
});
