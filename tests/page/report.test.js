// The print sheet: a page a patient, with all that a file needs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { allDone, choose, clearEverything, modelReady, photo, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  const photos = [];
  for (const [name, grade, seed] of [["7_left.png", 3, 8], ["7_right.png", 0, 3], ["8_right.png", 2, 2], ["8_left.png", 1, 2]]) photos.push(photo(name, await drawnPng(page, grade, seed), "image/png"));
  await choose(page, ...photos);
  await allDone(page);
  await page.locator(".eye__says:visible").first().waitFor();
});
after(() => visitor?.close());

test("printing gives a page a patient", async () => {
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  const pages = pdf.match(/\/Type\s*\/Page\b(?!s)/g);
  assert.equal(pages.length, 2);
  assert.ok((pdf.match(/\/Subtype\s*\/Image/g) ?? []).length >= 4, "a picture is missing");
});

test("each page holds photograph, grade, decision, follow-up, model, provenance and time", async () => {
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  const sheets = page.locator(".sheet");
  assert.equal(await sheets.count(), 2);
  const text = await sheets.first().textContent();
  for (const part of [/Patient: 7/, /For the patient: Refer/, /Right eye.*Left eye/s, /0 · None/, /ICO 2017|Unsure/, /Macular oedema: (not assessed|no sign|a risk|risk)/, /Model in brief/, /[0-9a-f]{64}/, /cpu-(relaxed-)?simd/, /20\d\d/, /not a medical device/i, /signature/]) assert.match(text, part);
  assert.equal(await sheets.first().locator("img").count(), 2);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  assert.equal(await sheets.count(), 0);
  assert.equal(await page.locator(".card__photo img").count(), 4);
  assert.equal(await page.locator(".card__photo img").first().evaluate((image) => image.complete && image.naturalWidth > 0), true);
});

test("a report asked for by its button has a map of every photograph, and what it is not", async () => {
  await page.evaluate(() => (window.print = () => (window.printed = true)));
  await page.getByRole("button", { name: "Print a report" }).click();
  await page.waitForFunction(() => window.printed);
  assert.equal(await page.locator("#print").textContent(), "Print a report");
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  const sheet = page.locator(".sheet").first();
  assert.equal(await sheet.locator(".sheet__map").count(), 2);
  for (const image of await sheet.locator(".sheet__map img").all()) assert.ok(await image.evaluate(({ complete, naturalWidth, alt }) => complete && naturalWidth > 0 && alt));
  const words = await sheet.locator(".sheet__words").allTextContents();
  assert.equal(words.length, 3, "what it shows of each photograph, and once what it is not");
  for (const part of [/where the network’s evidence for/, /The brightest place is/, /not where lesions are/]) assert.match(words.join(" "), part);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b(?!s)/g).length, 2, "still a page a patient");
});

test("a sheet of more than a page has the patient's name on each", async () => {
  const more = [];
  for (const [name, grade, seed] of [["9_left 1.png", 1, 5], ["9_right 1.png", 2, 2], ["9_left 2.png", 4, 4], ["9_right 2.png", 3, 8]]) more.push(photo(name, await drawnPng(page, grade, seed), "image/png"));
  await choose(page, ...more);
  await allDone(page);
  for (const { name } of more) {
    await page.getByLabel(`Patient in ${name}`).fill("Nine");
    await page.getByLabel(`Patient in ${name}`).press("Tab");
    await page.getByLabel(`Eye in ${name}`).selectOption(name.includes("left") ? "left" : "right");
  }
  await page.getByLabel("View").selectOption("patients");
  await page.waitForFunction(() => document.querySelectorAll(".patient:not([data-decision=waiting])").length === 3);
  await page.getByLabel("View").selectOption("photos");
  // Text in a PDF is not to be read here, but which pages have a link is.
  await page.evaluate(() =>
    window.addEventListener("beforeprint", () => {
      for (const name of document.querySelectorAll(".sheet h2")) {
        const link = Object.assign(document.createElement("a"), { href: "https://name.invalid/" });
        link.append(...name.childNodes);
        name.append(link);
      }
    }),
  );
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  const pages = pdf.match(/\/Type\s*\/Page\b(?!s)[^]*?endobj/g);
  assert.equal(pages.length, 4, "the last of three patients has two");
  assert.deepEqual(pages.filter((one) => !one.includes("/Annots")), []);
});

test("in Arabic no number of the sheet runs together with another", async () => {
  await page.getByLabel("Language").selectOption("ar");
  await page.waitForFunction(() => document.documentElement.lang === "ar");
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  const apart = await page.locator(".sheet").first().locator(".sheet__facts").first().locator("bdi").allTextContents();
  assert.equal(apart.length, 5 + 3, "a probability a grade; what it ran on, how it was prepared, how long it took");
  assert.match(apart[0], /^0 · .+: \D*\d+\D*$/);
  assert.match(apart.at(-1), /^[\d,.]+ ملّي ثانية$/);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  await page.locator("#language").selectOption("en");
  await page.getByRole("button", { name: "Clear everything" }).waitFor();
});

test("with nothing graded the page itself is printed", async () => {
  await clearEverything(page);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.evaluate(() => "report" in document.documentElement.dataset), false);
});

test("what was kept prints though the library cannot be had", async () => {
  const other = await visit({ query: "?backend=cpu", serviceWorkers: "block" });
  const { page } = other;
  try {
    await modelReady(page);
    await choose(page, photo("7_left.png", await drawnPng(page, 0, 3), "image/png"));
    await allDone(page);
    await page.getByLabel("Keep this work on this device").check();
    await page.waitForTimeout(1000);
    other.server.refuse = (path) => path.startsWith("pkg/");
    await page.reload();
    await page.waitForSelector("html[data-model=error]", { state: "attached" });
    await page.locator("article").waitFor();
    await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
    assert.match(await page.locator(".sheet").textContent(), /Patient: 7.*0 · None.*Probability of each grade0: \d+\s%; 1: /s);
    assert.deepEqual(other.errors, []);
  } finally {
    await other.close();
  }
});

test("of a photograph that no grade came of it is not said how it was graded", async () => {
  await choose(page, photo("9_left.png", await drawnPng(page, 0, 3), "image/png"), photo("9_right.png", Buffer.from("a list of patients"), "image/png"));
  await allDone(page);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  const facts = await page.locator(".sheet__photo").evaluateAll((photos) => photos.map((one) => [...one.querySelectorAll("dt")].map(({ textContent }) => textContent)));
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  assert.deepEqual(facts[0], ["Photograph"]);
  assert.ok(["Photograph", "Model", "Ran on", "Graded at"].every((title) => facts[1].includes(title)), facts[1].join());
});
