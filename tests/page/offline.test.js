// After one visit everything works with no network and no server at all; what a
// visit transfers is counted.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clearEverything, gradeDrawn, modelReady, offlineReady, visit } from "./help/page.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
});
after(() => visitor?.close());

test("a first visit transfers less than 26 MB", async () => {
  await modelReady(page);
  await offlineReady(page);
  const sent = visitor.server.sent();
  assert.ok(sent > 1e6, `${sent} bytes is too little to be true`);
  assert.ok(sent < 26e6, `${(sent / 1e6).toFixed(1)} MB`);
});

test("a second visit transfers nothing but a revalidation", async () => {
  const from = visitor.server.requests.length;
  await page.close();
  page = await visitor.context.newPage();
  await page.goto(visitor.address);
  await modelReady(page);
  await offlineReady(page);
  await page.waitForTimeout(1500);
  const fetched = visitor.server.requests.slice(from);
  assert.equal(visitor.server.sent(from), 0, JSON.stringify(fetched));
  for (const { path, status } of fetched) assert.equal(status, 304, path);
});

test("without a network and a server the page opens and grades", async () => {
  await visitor.context.setOffline(true);
  await visitor.server.stop();
  await page.reload();
  await modelReady(page);
  await offlineReady(page);
  const graded = await gradeDrawn(page);
  assert.equal(graded.status, "graded", graded.reason);
  await visitor.server.start();
  await visitor.context.setOffline(false);
});

const bringsIn = () => page.workers()[0].evaluate(() => import("data:text/javascript,").then(() => true, () => false));

test("what the browser cleared is stored again by the next visit", async () => {
  const stored = () => page.evaluate(async () => (await caches.keys()).sort());
  const before = await stored();
  await page.evaluate(async () => {
    for (const name of await caches.keys()) await caches.delete(name);
  });
  await clearEverything(page); // begins a new worker, whose script is not kept any more
  await modelReady(page);
  assert.equal(await bringsIn(), false, "a worker that no policy binds");
  await page.reload();
  await modelReady(page);
  await page.waitForFunction(async () => {
    const shell = (await caches.keys()).find((name) => name.startsWith("fovea-shell-"));
    return Boolean(shell && (await (await caches.open(shell)).match("precache.json")));
  });
  assert.deepEqual(await stored(), before);
  await visitor.server.stop();
  await page.reload();
  await modelReady(page);
  await visitor.server.start();
});

test("removing the page from the device really removes it", async () => {
  // A device that is full is a reason to.
  await page.evaluate(() => {
    for (let size = 2 ** 22; size >= 1; size /= 2) {
      try {
        for (let n = 0; ; n += 1) localStorage.setItem(`full-${size}-${n}`, "x".repeat(size));
      } catch {
        // Less than that is left.
      }
    }
  });
  await page.getByRole("button", { name: "Remove Fovea from this device" }).click();
  await page.waitForSelector("html[data-offline=removed]", { state: "attached" });
  const left = await page.evaluate(async () => ({ caches: await caches.keys(), workers: (await navigator.serviceWorker.getRegistrations()).length }));
  assert.deepEqual(left, { caches: [], workers: 0 });
  await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("full-")).forEach((key) => localStorage.removeItem(key)));

  // Nor does a new worker put the model back.
  await gradeDrawn(page);
  await clearEverything(page);
  await modelReady(page);
  assert.equal((await gradeDrawn(page)).status, "graded");
  assert.deepEqual(await page.evaluate(() => caches.keys()), []);
  assert.equal(await bringsIn(), false, "a worker that no policy binds");
});

test("removed while its model is still on the way, nothing is stored after", async () => {
  const other = await visit({ query: "?backend=cpu", goto: false });
  try {
    let send;
    const held = new Promise((resolve) => (send = resolve));
    other.server.hold = (path) => (path.endsWith(".safetensors") ? held : undefined);
    await other.page.goto(other.address);
    await other.page.waitForFunction(() => document.querySelector("#loading-text").textContent.startsWith("Loading"));
    await other.page.waitForTimeout(1000);
    await other.page.getByRole("button", { name: "Remove Fovea from this device" }).click();
    await other.page.waitForSelector("html[data-offline=removed]", { state: "attached" });
    send();
    await modelReady(other.page);
    await other.page.waitForTimeout(3000);
    const left = await other.page.evaluate(async () => ({ caches: await caches.keys(), workers: (await navigator.serviceWorker.getRegistrations()).length }));
    assert.deepEqual(left, { caches: [], workers: 0 });
    assert.match(await other.page.locator("#offline").textContent(), /^Removed/);
  } finally {
    await other.close();
  }
});

test("removed by one window, it is stored by no other either, and that says so", async () => {
  const two = await visit({ query: "?backend=cpu" });
  try {
    await modelReady(two.page);
    await offlineReady(two.page);
    const other = await two.context.newPage();
    await other.goto(two.address);
    await modelReady(other);
    await two.page.getByRole("button", { name: "Remove Fovea from this device" }).click();
    await two.page.waitForSelector("html[data-offline=removed]", { state: "attached" });
    await other.locator("#offline").getByText(/^Removed/).waitFor();
    await gradeDrawn(other);
    await clearEverything(other); // begins a new worker
    await modelReady(other);
    assert.equal((await gradeDrawn(other)).status, "graded");
    const left = await other.evaluate(async () => ({ caches: await caches.keys(), workers: (await navigator.serviceWorker.getRegistrations()).length, choices: Object.keys(localStorage) }));
    assert.deepEqual(left, { caches: [], workers: 0, choices: [] });
    assert.equal(await other.workers()[0].evaluate(() => import("data:text/javascript,").then(() => true, () => false)), false);
  } finally {
    await two.close();
  }
});
