// The operating point: what is on the page is decided again, never graded again,
// and each result says where it was decided.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { open, shipped, withHead } from "./help/bundle.js";
import { allDone, card, choose, clearEverything, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

const { manifest } = await shipped();
let { thresholds } = manifest;
const line = (name) => (name === "screening" ? thresholds.referable : thresholds.further.find((one) => one.name === `referable, ${name}`).point);

// Drawings of healthy eyes, and two of which a model grades one at least as moderate.
const HEALTHY = [
  ["1_right.png", 0, 6],
  ["1_left.png", 0, 7],
  ["2_right.png", 0, 13],
];
const OTHERS = [
  ["2_left.png", 1, 12],
  ["3_left.png", 3, 8],
];

let visitor;
let page;
let folder;
// The file of such an eye that the last line leaves below it.
let below;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-points-"));
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  const drawn = async (eyes) => {
    const photos = [];
    for (const [name, grade, seed] of eyes) photos.push(photo(name, await drawnPng(page, grade, seed), "image/png"));
    return photos;
  };
  const eyes = await drawn([...HEALTHY, ...OTHERS]);
  // Without the head for oedema, whose risk refers at every line, and without doubt:
  // what is close to a line is looked at again, and its score another then.
  const model = await withHead(null);
  delete model.manifest.doubt;
  await open(page, folder, model);
  await choose(page, ...eyes);
  await allDone(page);
  thresholds = between(await savedJson(page));
  await clearEverything(page);
  await page.waitForFunction(() => !document.querySelector("article"));
  model.manifest.thresholds = thresholds;
  await open(page, folder, model);
  await choose(page, ...eyes);
  await allDone(page);
});
after(async () => {
  await visitor?.close();
  await rm(folder, { recursive: true, force: true });
});

// The shipped model's lines with the first two of referral moved in between the
// scores of the healthy eyes, wherever a model puts those, so that the points differ,
// and the last above the score of an eye it grades as moderate.
function between(rows) {
  const scores = rows.filter(({ file }) => HEALTHY.some(([name]) => name === file)).map(score).sort((a, b) => a - b);
  const moved = structuredClone(manifest.thresholds);
  moved.referable.threshold = (scores[0] + scores[1]) / 2;
  const further = (name) => moved.further.find((one) => one.name === `referable, ${name}`).point;
  further("balanced").threshold = (scores[1] + scores[2]) / 2;
  const moderate = rows.filter(({ file, grade }) => grade >= 2 && OTHERS.some(([name]) => name === file)).sort((a, b) => score(a) - score(b));
  below = moderate[0].file;
  further("specific").threshold = (score(moderate[0]) + 1) / 2;
  return moved;
}
const score = (row) => row.probabilities.slice(2).reduce((sum, p) => sum + p, 0);

const referred = () => page.locator("article").evaluateAll((cards) => cards.map(({ dataset }) => dataset.referable));
async function take(name) {
  await page.locator("#points").evaluate((one) => (one.open = true));
  await page.getByRole("radio", { name, exact: true }).check();
  await page.waitForFunction((wanted) => [...document.querySelectorAll("article")].every(({ dataset }) => dataset.point === wanted), name);
}

test("every point the model has is offered with what it reached, and on what", async () => {
  await page.locator("#points > summary").click();
  const shown = await page.locator(".points__one").allTextContents();
  assert.equal(shown.length, 3);
  for (const [index, name] of ["screening", "balanced", "specific"].entries()) {
    const { sensitivity, specificity } = line(name);
    for (const share of [sensitivity, specificity]) assert.ok(shown[index].includes(`${(100 * share).toFixed(1)}\u00a0%`), shown[index]);
    assert.match(shown[index], /Sight-threatening: sensitivity/);
  }
  assert.ok((await page.locator("#points-measured").textContent()).includes(thresholds.referable.fixed_on));
  assert.ok(await page.getByRole("radio", { name: "screening", exact: true }).isChecked());
});

test("another point decides all again, by its line, without grading", async () => {
  const before = await savedJson(page);
  const decided = {};
  for (const name of ["specific", "balanced", "screening"]) {
    await take(name);
    const rows = await savedJson(page);
    for (const [index, row] of rows.entries()) {
      // Unsure counts as refer, wherever the line lies.
      assert.equal(row.referable, score(row) >= line(name).threshold || row.unsure, `${row.file} at ${name}: ${score(row)}`);
      assert.equal(row.operatingPoint, name);
      for (const key of ["grade", "probabilities", "gradedAt", "milliseconds"]) assert.deepEqual(row[key], before[index][key], key);
    }
    decided[name] = (await referred()).join();
    assert.equal(decided[name], rows.map(({ referable }) => referable).join());
  }
  assert.equal(new Set(Object.values(decided)).size, 3, `these drawings no longer tell the points apart: ${JSON.stringify(decided)}`);
});

test("a moderate grade below the line is unsure, and referred for that", async () => {
  await take("specific");
  const eye = card(page, below);
  assert.match(await eye.locator(".card__referral").textContent(), /^Refer: the grade is unsure/);
  assert.match(await eye.locator(".card__doubt").textContent(), /^Unsure/);
});

test("patients, filters, announcements and the card follow", async () => {
  await take("screening");
  const count = async () => Number(/\d+/.exec(await page.locator("#filter option[value=refer]").textContent())[0]);
  const screening = await count();
  const says = card(page, "1_left.png").locator(".eye__says");
  await says.getByText("the grade of an eye is unsure").waitFor();
  await take("specific");
  assert.ok((await count()) < screening);
  await says.getByText("No referral for diabetic retinopathy from either eye").waitFor();
  await page.waitForFunction(() => /Operating point: specific.*decided again/.test(document.querySelector("#announcer").textContent));
  for (const text of await page.locator(".card__point").allTextContents()) assert.match(text, /^Operating point: specific ·/);
  assert.match(await page.locator("#points > summary").textContent(), /^Operating point: specific \(sensitivity/);
});

test("what is graded from now on is decided there, and a reload remembers the choice", async () => {
  await choose(page, photo("4_left.png", await drawnPng(page, 0, 13), "image/png"));
  assert.equal((await result(card(page, "4_left.png"))).point, "specific");
  await page.reload();
  await modelReady(page);
  // The shipped model is back, with its own lines.
  ({ thresholds } = manifest);
  await choose(page, photo("5_left.png", await drawnPng(page, 0, 13), "image/png"));
  const again = await result(card(page, "5_left.png"));
  assert.deepEqual([again.point, again.referable], ["specific", "false"]);
});

test("the report and the table say where it was decided", async () => {
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  const sheet = await page.locator(".sheet").first().textContent();
  assert.match(sheet, /Operating point: specific/);
  assert.ok(sheet.includes(`probability ${line("specific").threshold.toFixed(3)}`), sheet);
  assert.ok(!sheet.includes(line("screening").threshold.toFixed(3)), "another point's figures");
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save results (CSV)" }).click();
  const [head, row] = (await readFile(await (await download).path(), "utf8")).split("\r\n").map((one) => one.split(","));
  assert.equal(row[head.indexOf("operating_point")], "specific");
  assert.equal(row[head.indexOf("referable")], "false");
  assert.equal(row[head.indexOf("sight_threatening")], "false");
});

test("Fovea removed from the device forgets the choice", async () => {
  await page.locator("#forget").click();
  await page.waitForSelector("html[data-offline=removed]", { state: "attached" });
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
  assert.deepEqual(visitor.errors, []);
});
