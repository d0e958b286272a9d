// A new version waits until the visitor takes it, and never comes in under a
// running batch.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gradeDrawn, modelReady, offlineReady, result, SITE, visit } from "./help/page.js";
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

test("a new version waits, says so, and reloading does not let it in", async () => {
  const old = await version();
  await publish(site, "f0f0f0f0f0f0f0f0");
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  await take().waitFor({ timeout: 30_000 });
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
