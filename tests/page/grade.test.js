// The way of a photograph: in, graded, read, saved, cleared.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFile } from "node:fs/promises";
import { card, choose, clearEverything, gradeDrawn, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
});
after(() => visitor?.close());

// What a screen reader is given to say, a moment after it happened.
const said = (words) => page.waitForFunction((expected) => document.querySelector("[role=status]").textContent.includes(expected), words, { timeout: 5000 });

test("there is a way to the results once there are any", async () => {
  const first = async () => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("Tab");
    return page.evaluate(() => document.activeElement.id);
  };
  assert.equal(await first(), "language");
  await gradeDrawn(page);
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator("#skip").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "results-heading");
  await clearEverything(page);
  assert.ok(await page.locator("#skip").isHidden());
});

test("a drawn photograph is graded and says that it is drawn", async () => {
  const graded = await gradeDrawn(page);
  assert.equal(graded.status, "graded", graded.reason);
  assert.match(graded.grade, /^[0-4]$/);
  assert.match(graded.referable, /^(true|false)$/);
  assert.ok(graded.bundle.length > 0);
  assert.ok(graded.heading.startsWith(`${graded.grade} · `), graded.heading);
  assert.ok(graded.referral.length > 10);
  assert.equal(graded.bars.length, 5);
  assert.match(await page.locator("article").first().textContent(), /Drawn example, not a patient/);
});

test("the result can be read without seeing it", async () => {
  const article = page.locator("article").first();
  const chosen = article.locator(".bar[data-chosen]");
  assert.equal(await chosen.count(), 1);
  assert.match(await chosen.textContent(), /\(graded\)/);
  await said(await article.locator(".card__grade").textContent());
  assert.equal(await page.locator("input[type=file][multiple]").count(), 1);
});

test("what runs, and the model, stand at the foot and in each result", async () => {
  const backend = await page.evaluate(() => document.documentElement.dataset.backend);
  assert.match(backend, /cpu/);
  assert.ok((await page.locator("#runs-on").textContent()).includes("CPU"));
  const article = page.locator("article").first();
  await article.getByText("How this was graded").click();
  const provenance = await article.locator("details").textContent();
  assert.ok(provenance.includes(backend));
  assert.match(provenance, /[0-9a-f]{64}/);
  assert.match(provenance, /\d+ ms/);
});

test("results are saved on this device as JSON and CSV, formulas defused", async () => {
  await choose(page, photo('=HYPERLINK("x"),left.png', await drawnPng(page, 2, 11), "image/png"));
  await result(card(page, '=HYPERLINK("x"),left.png'));
  const rows = await savedJson(page);
  assert.equal(rows.length, 2);
  assert.equal(rows[1].file, '=HYPERLINK("x"),left.png');
  for (const row of rows) {
    assert.deepEqual(Object.keys(row).filter((key) => ["file", "status", "grade", "probabilities", "referable", "bundle", "error"].includes(key)).length, 7);
    assert.ok(Math.abs(row.probabilities.reduce((sum, p) => sum + p, 0) - 1) < 1e-3);
  }
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save results (CSV)" }).click();
  const csv = await readFile(await (await download).path(), "utf8");
  const lines = csv.trim().split("\r\n");
  assert.equal(lines.length, 3);
  assert.ok(lines[2].startsWith(`"'=HYPERLINK(""x""),left.png",false,graded,`), lines[2]);
});

test("clear everything leaves nothing, and the page goes on working", async () => {
  await clearEverything(page);
  assert.equal(await page.locator("article").count(), 0);
  await said("every result are gone");
  await modelReady(page);
  const graded = await gradeDrawn(page);
  assert.equal(graded.status, "graded", graded.reason);
  assert.deepEqual(visitor.errors, []);
});

test("everything is done by keyboard", async () => {
  await page.locator("#picker").focus();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "draw");
  const before = await page.locator("article").count();
  await page.keyboard.press("Enter");
  await result(page.locator("article").nth(before));
  const reached = [];
  while (!reached.includes("clear")) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.id));
    assert.ok(reached.length < 10, reached.join(", "));
  }
  assert.deepEqual(reached, ["choose-folder", "save-csv", "save-json", "print", "clear"]);
});
