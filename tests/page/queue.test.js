// The queue's brakes, the eyes and patients read from names, filter and order.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { allDone, card, choose, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { drawnPng, empty } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
});
after(() => visitor?.close());
beforeEach(async () => {
  if (await page.locator("#results").isVisible()) await page.getByRole("button", { name: "Clear everything" }).click();
  await modelReady(page);
});

const png = async (name, grade, seed) => photo(name, await drawnPng(page, grade, seed), "image/png");
const button = (name) => page.getByRole("button", { name, exact: true });
const states = () => page.$$eval("article", (cards) => cards.map((one) => one.dataset.status));
const names = () => page.$$eval("article:not([hidden]) h3", (headings) => headings.map((one) => one.textContent));

test("a batch is paused, goes on, and the rest of it is cancelled and taken up again", async () => {
  const photos = [];
  for (let n = 0; n < 8; n++) photos.push(await png(`photo ${n}.png`, 0, 1));
  await choose(page, ...photos);
  await page.locator("#queue").waitFor();
  assert.match(await page.locator("#queue-text").textContent(), /\d of 8/);
  await button("Pause").click();
  await page.waitForFunction(() => !document.querySelector("article[data-status=working]"));
  const paused = await states();
  assert.ok(paused.includes("queued"), paused.join());
  await page.waitForTimeout(1200);
  assert.deepEqual(await states(), paused);
  assert.match(await page.locator("#queue-text").textContent(), /paused/);
  await button("Go on").click();
  await page.waitForFunction((before) => document.querySelectorAll("article[data-status=graded]").length > before, paused.filter((one) => one === "graded").length);
  await button("Cancel the rest").click();
  await allDone(page);
  assert.ok((await states()).includes("cancelled"));
  assert.equal(await page.locator("#queue").isHidden(), true);
  assert.match(await page.locator("article[data-status=cancelled]").first().textContent(), /Not graded.*Cancelled before its turn came/s);
  const rows = await savedJson(page);
  assert.equal(rows.length, 8);
  assert.ok(rows.some(({ status, grade }) => status === "cancelled" && grade === null));
  await button("Try the failed ones again").click();
  await allDone(page);
  assert.deepEqual(new Set(await states()), new Set(["graded"]));
});

test("both eyes of a patient are paired by name, and the worse one decides", async () => {
  await choose(page, await png("17_right.png", 0, 3), await png("17_left.png", 4, 4), await png("18 OD.png", 0, 3));
  await allDone(page);
  const left = card(page, "17_left.png");
  const right = card(page, "17_right.png");
  assert.equal(await left.getByLabel("Eye in 17_left.png").inputValue(), "left");
  assert.equal(await left.getByLabel("Patient in 17_left.png").inputValue(), "17");
  assert.equal((await result(left)).referable, "true");
  assert.equal((await result(right)).referable, "false");
  await right.getByText("Patient: Refer").waitFor();
  await page.getByLabel("View").selectOption("patients");
  const patients = page.locator("#patients > li");
  assert.equal(await patients.count(), 2);
  // Deciding is the worker's: the list follows a moment after the last photograph.
  await patients.nth(1).getByText("the other was not seen").waitFor();
  assert.match(await patients.nth(0).textContent(), /17.*Refer.*Right eye: 0.*Left eye: [234]/s);
  assert.match(await patients.nth(1).textContent(), /18.*the other was not seen/s);
  await page.getByRole("button", { name: /^Left eye/ }).click();
  assert.equal(await page.evaluate(() => document.activeElement.querySelector("h3").textContent), "17_left.png");
});

test("patients are ordered as photographs are, and of each eye it is said what the decision rests on", async () => {
  await choose(page, await png("30_right.png", 0, 3), await png("30_left.png", 0, 3), await png("29_right.png", 0, 3), await png("29_left.png", 1, 5), await png("31_right.png", 0, 3), await png("31_left.png", 4, 4));
  await allDone(page);
  const order = async (by) => {
    await page.getByLabel("Sort by").selectOption(by);
    return page.locator(".patient__name").allTextContents();
  };
  await page.getByLabel("View").selectOption("patients");
  // Deciding is the worker's: the list follows a moment after the last photograph.
  await page.waitForFunction(() => document.querySelectorAll(".patient[data-decision=refer]").length === 2 && document.querySelector(".patient[data-decision=no-referral]"));
  assert.deepEqual(await order("added"), ["30", "29", "31"]);
  assert.deepEqual(await order("newest"), ["31", "29", "30"]);
  assert.deepEqual(await order("grade"), ["31", "29", "30"]);
  assert.deepEqual(await order("name"), ["29", "30", "31"]);
  assert.deepEqual(await order("patient"), ["29", "30", "31"]);

  const [unsure, healthy, oedema] = await page.locator(".patient").all();
  assert.match(await unsure.locator("li", { hasText: "Left eye" }).locator(".patient__doubt").textContent(), /^Unsure, have it read: /);
  assert.equal(await unsure.locator("li", { hasText: "Right eye" }).locator("p:visible").count(), 0);
  assert.match(await oedema.locator("li", { hasText: "Left eye" }).locator(".patient__risk").textContent(), /^Macular oedema: risk /);
  assert.equal(await healthy.locator("li p:visible").count(), 0);
  await unsure.getByRole("button", { name: /^Left eye: .+ \(decides\)$/ }).waitFor();
  assert.equal(await unsure.getByRole("button", { name: /decides/ }).count(), 1);
});

test("the patients keep their places while photographs are graded", async () => {
  await choose(page, await png("41_left.png", 0, 3));
  await allDone(page);
  await page.getByLabel("View").selectOption("patients");
  await page.getByLabel("Sort by").selectOption("grade");
  const names = () => page.locator(".patient__name").allTextContents();
  await page.waitForFunction(() => document.querySelectorAll(".patient[data-decision=no-referral]").length === 1);
  const more = [await png("42_left.png", 4, 4)];
  for (let n = 50; n < 56; n++) more.push(await png(`${n}_left.png`, 0, 3));
  await choose(page, ...more);
  await page.locator(".patient[data-decision=refer]").waitFor();
  await page.locator("#queue-pause").click();
  assert.equal((await names())[0], "41");
  await page.locator("#queue-pause").click();
  await allDone(page);
  await page.waitForFunction(() => document.querySelector(".patient__name").textContent === "42");
});

test("an eye and a patient are corrected by hand, by the mouse and by a key", async () => {
  await choose(page, await png("a.png", 0, 3), await png("b.png", 0, 3));
  await allDone(page);
  assert.equal(await card(page, "a.png").getByLabel("Eye in a.png").inputValue(), "");
  await card(page, "a.png").getByLabel("Eye in a.png").selectOption("right");
  for (const name of ["a.png", "b.png"]) {
    await page.getByLabel(`Patient in ${name}`).fill("Ada");
    await page.getByLabel(`Patient in ${name}`).press("Tab");
  }
  await card(page, "b.png").focus();
  await page.keyboard.press("l");
  await card(page, "b.png").getByText("from either eye").waitFor();
  const rows = await savedJson(page);
  assert.deepEqual(rows.map(({ patient, eye, patientDecision }) => [patient, eye, patientDecision]), [
    ["Ada", "right", "no-referral"],
    ["Ada", "left", "no-referral"],
  ]);
});

test("photographs are sifted and ordered", async () => {
  await choose(page, await png("b.png", 0, 3), await png("a.png", 4, 4), photo("empty.jpg", empty()), await png("c 10.png", 0, 3), await png("c 9.png", 2, 2));
  await allDone(page);
  await page.getByLabel("Show").selectOption("refer");
  assert.deepEqual(await names(), ["a.png", "c 9.png"]);
  assert.match(await page.locator("#tally").textContent(), /2 shown/);
  await page.getByLabel("Show").selectOption("error");
  assert.deepEqual(await names(), ["empty.jpg"]);
  await page.getByLabel("Show").selectOption("waiting");
  assert.deepEqual(await names(), []);
  await page.getByText("No photograph here is of this kind.").waitFor();
  await page.getByLabel("Show").selectOption("all");
  await page.getByLabel("Sort by").selectOption("name");
  assert.deepEqual(await names(), ["a.png", "b.png", "c 9.png", "c 10.png", "empty.jpg"]);
  await page.getByLabel("Sort by").selectOption("newest");
  assert.equal((await names())[0], "c 9.png");
  await page.getByLabel("Sort by").selectOption("grade");
  assert.equal((await names())[0], "a.png");
  assert.equal((await names())[2], "empty.jpg");
});

test("keys go through the photographs, are listed, and can be switched off", async () => {
  await choose(page, await png("one.png", 0, 3), await png("two.png", 0, 3));
  await allDone(page);
  await page.evaluate(() => document.activeElement.blur());
  const focused = () => page.evaluate(() => document.activeElement.closest("article")?.querySelector("h3").textContent);
  await page.keyboard.press("j");
  assert.equal(await focused(), "one.png");
  await page.keyboard.press("j");
  assert.equal(await focused(), "two.png");
  await page.keyboard.press("k");
  assert.equal(await focused(), "one.png");
  await page.keyboard.press("v");
  assert.equal(await page.locator("#patients").isVisible(), true);
  await page.keyboard.press("v");
  await page.getByLabel("Patient in one.png").focus();
  await page.keyboard.type("jv");
  assert.equal(await page.getByLabel("Patient in one.png").inputValue(), "onejv");
  await page.getByLabel("Patient in one.png").blur();
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  assert.equal(await dialog.locator("kbd").count(), 12);
  await dialog.getByLabel("Single keys work on this page").uncheck();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("j");
  assert.equal(await focused(), undefined);
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await dialog.getByLabel("Single keys work on this page").check();
  await page.keyboard.press("Escape");
});

test("names that a spreadsheet would run are defused wherever they stand", async () => {
  for (const [index, first] of ["=", "+", "-", "@", "\t", "\r"].entries()) {
    await page.evaluate(
      ([name]) => {
        const data = new DataTransfer();
        data.items.add(new File([], name, { type: "image/png" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
      },
      [`${first}1+${index}.png`],
    );
  }
  await page.locator("article").nth(5).waitFor();
  await allDone(page);
  await page.locator(".eye__patient").first().fill("=cmd");
  await page.locator(".eye__patient").first().press("Tab");
  const download = page.waitForEvent("download");
  await button("Save results (CSV)").click();
  const csv = await readFile(await (await download).path(), "utf8");
  const cells = csv.replace("\ufeff", "").split(/,|\r\n/);
  assert.deepEqual(cells.filter((cell) => /^"?[=+\-@\t\r]/.test(cell)), []);
  assert.ok(csv.includes("'=cmd"), csv);
  assert.equal(csv.trim().split("\r\n").length, 7);
});
