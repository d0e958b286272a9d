// Work that stays over a reload where that was allowed, and only there;
// photographs handed over by the system.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { card, choose, clearEverything, modelReady, offlineReady, photo, result, SITE, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  await offlineReady(page);
});
after(() => visitor?.close());

const png = async (name, grade, seed) => photo(name, await drawnPng(page, grade, seed), "image/png");
const bases = () => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
const again = async () => {
  await page.reload();
  await modelReady(page);
};

test("unasked, nothing survives a reload and nothing is stored", async () => {
  await choose(page, await png("9_left.png", 0, 3));
  await result(card(page, "9_left.png"));
  assert.equal(await page.getByLabel("Keep this work on this device").isChecked(), false);
  assert.deepEqual(await bases(), []);
  await again();
  assert.equal(await page.locator("article").count(), 0);
});

test("allowed, results, small pictures and what is still waiting survive", async () => {
  await choose(page, await png("9_left.png", 2, 2));
  const before = await result(card(page, "9_left.png"));
  await page.getByLabel("Keep this work on this device").check();
  await card(page, "9_left.png").getByLabel("Patient in 9_left.png").fill("Nine");
  await card(page, "9_left.png").getByLabel("Patient in 9_left.png").press("Tab");
  const more = [];
  for (let n = 0; n < 5; n++) more.push(await png(`more ${n}.png`, 0, 3));
  await choose(page, ...more);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(1500);
  await again();
  assert.equal(await page.locator("article").count(), 6);
  const after = await result(card(page, "9_left.png"));
  assert.equal(after.heading, before.heading);
  assert.deepEqual(after.bars, before.bars);
  assert.equal(await page.getByLabel("Patient in 9_left.png").inputValue(), "Nine");
  await card(page, "9_left.png").locator("img").waitFor();
  for (let n = 0; n < 5; n++) assert.equal((await result(card(page, `more ${n}.png`))).status, "graded");
});

test("one click erases it", async () => {
  await page.getByLabel("Keep this work on this device").uncheck();
  // Asked again and again here: a predicate that answers with a promise is not waited for.
  const stored = () => page.evaluate(async () => (await indexedDB.databases()).length);
  for (const end = Date.now() + 10_000; (await stored()) > 0 && Date.now() < end; ) await page.waitForTimeout(50);
  assert.equal(await stored(), 0);
  await again();
  assert.equal(await page.locator("article").count(), 0);
});

test("clearing everything erases what was kept, too", async () => {
  await choose(page, await png("10_left.png", 0, 3));
  await page.getByLabel("Keep this work on this device").check();
  await result(card(page, "10_left.png"));
  await page.waitForTimeout(500);
  await clearEverything(page);
  await page.waitForTimeout(500);
  await again();
  assert.equal(await page.locator("article").count(), 0);
});

test("a photograph shared with the installed page is graded, and never reaches the server", async () => {
  const { share_target: share, file_handlers: handlers } = JSON.parse(await readFile(join(SITE, "manifest.webmanifest"), "utf8"));
  assert.ok(handlers.length > 0);
  const from = visitor.server.requests.length;
  const bytes = (await drawnPng(page, 2, 2)).toString("latin1");
  const landed = await page.evaluate(
    async ([data, action, field]) => {
      const form = new FormData();
      form.append(field, new File([Uint8Array.from(data, (letter) => letter.charCodeAt(0))], "galería left.png", { type: "image/png" }));
      return (await fetch(action, { method: "POST", body: form })).url;
    },
    [bytes, share.action, share.params.files[0].name],
  );
  await page.goto(landed);
  await modelReady(page);
  assert.equal((await result(card(page, "galería left.png"))).status, "graded");
  assert.equal(new URL(page.url()).search, "");
  assert.deepEqual(visitor.server.requests.slice(from).filter(({ method }) => method !== "GET"), []);
  assert.ok(!(await page.evaluate(() => caches.keys())).includes("fovea-shared"));
});
