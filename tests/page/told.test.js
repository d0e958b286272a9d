// What the page says of its own accord: to be seen, and to be heard in measure.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { allDone, card, choose, modelReady, photo, result, visit } from "./help/page.js";
import { drawnPng, textAsJpeg } from "./help/pictures.js";

let visitor;
let page;
let folder;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  folder = await mkdtemp(join(tmpdir(), "fovea-told-"));
});
after(async () => {
  await visitor?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await page.reload();
  await modelReady(page);
});

const notice = () => page.locator("#notice");

async function chooseFolder(name, files) {
  const inside = join(folder, name);
  await mkdir(inside, { recursive: true });
  for (const [file, bytes] of files) await writeFile(join(inside, file), bytes);
  await page.locator("#folder").setInputFiles(inside);
}

test("a folder of a phone's own photographs says in sight that it was left out, and what to do", async () => {
  await chooseFolder("phone", [["IMG_1.HEIC", "x"], ["IMG_2.heic", "x"], ["IMG_3.heic", "x"]]);
  await notice().waitFor();
  assert.match(await notice().textContent(), /Nothing to grade.*3 files in the folder were left out: HEIC \(3\)\..*save them as JPEG/);
  assert.equal(await page.locator("article").count(), 0);
  await notice().getByRole("button", { name: "Close" }).click();
  assert.ok(await notice().isHidden());
  assert.equal(await page.evaluate(() => document.activeElement.id), "picker", "the focus is not lost with the button");
});

test("a mixed folder says which files it left out, in the language of the moment, until photographs come that leave none", async () => {
  const png = await drawnPng(page, 0, 3);
  await chooseFolder("mixed", [["7_left.png", png], ["a.pdf", "x"], ["b.gif", "x"], ["c.gif", "x"], ["notes.txt", "x"], ["more.csv", "x"]]);
  await notice().getByText("1 photograph added. 5 files in the folder were left out: GIF (2), CSV (1), PDF (1). Save the photographs among them as JPEG").waitFor();
  await page.getByLabel("Language").selectOption("es");
  await notice().getByText("Se dejaron fuera 5 archivos de la carpeta: GIF (2)").waitFor();
  await page.getByLabel("Idioma").selectOption("ar");
  await notice().getByText("\u2066GIF (2)\u2069").waitFor();
  await page.locator("#language").selectOption("en");
  await choose(page, photo("8_left.png", png, "image/png"));
  await notice().waitFor({ state: "hidden" });
});

test("what was saved, kept and cleared is to be seen, too, and moves nothing", async () => {
  await choose(page, photo("7_left.png", await drawnPng(page, 0, 3), "image/png"));
  await result(card(page, "7_left.png"));
  const places = () => page.$$eval("article, .lightbox, .toolbar, .keep", (parts) => parts.map((part) => Math.round(part.getBoundingClientRect().top + scrollY)));
  const before = await places();
  await page.locator("#save-csv").click();
  await notice().getByText("Saved as fovea-results").waitFor();
  assert.deepEqual(await places(), before);
  await page.getByLabel("Keep this work on this device").check();
  await notice().getByText("This work stays on this device").waitFor();
  await page.getByLabel("Keep this work on this device").uncheck();
  await notice().getByText("Erased").waitFor();
});

test("a thousand files at once are read in part and counted, and what was left out is not lost among them", async () => {
  await page.evaluate(() => {
    window.heard = [];
    new MutationObserver((records) => window.heard.push(...records.flatMap(({ addedNodes }) => [...addedNodes].map((node) => node.textContent)))).observe(document.querySelector("#announcer"), { childList: true });
  });
  const files = Array.from({ length: 1000 }, (_, n) => [`${n}.jpg`, textAsJpeg()]);
  await chooseFolder("thousand", [...files, ["notes.txt", "x"]]);
  await page.locator("article").nth(999).waitFor();
  await allDone(page);
  const heard = () => page.evaluate(() => window.heard);
  for (const end = Date.now() + 10_000; !/more done/.test((await heard()).at(-1)) && Date.now() < end; ) await page.waitForTimeout(100);
  const all = await heard();
  assert.ok(all.some((text) => /1,000 photographs added. 1 file in the folder was left out/.test(text)), all[0]);
  for (const text of all) assert.ok(text.length < 1000, `${text.length} characters in one breath`);
  assert.match(all.at(-1), /\d more done\./);
  assert.ok((await page.locator("#announcer").textContent()).length < 4000);
});
