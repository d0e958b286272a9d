// The queue's brakes, the eyes and patients read from names, filter and order.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { allDone, card, choose, clearEverything, modelReady, photo, result, savedJson, visit } from "./help/page.js";
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
  if (await page.locator("#results").isVisible()) await clearEverything(page);
  await modelReady(page);
});

const png = async (name, grade, seed) => photo(name, await drawnPng(page, grade, seed), "image/png");
const button = (name) => page.getByRole("button", { name, exact: true });
const heard = (words) => page.waitForFunction((pattern) => new RegExp(pattern).test(document.querySelector("#announcer").textContent), words.source, { timeout: 5000 });
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

test("a photograph tried again keeps the focus, and gives it to the heading when the filter hides it", async () => {
  await choose(page, ...(await Promise.all(["a.png", "b.png", "c.png", "d.png", "e.png"].map((name) => png(name, 0, 3)))));
  await button("Pause").click();
  await button("Cancel the rest").click();
  await allDone(page);
  const again = (name) => card(page, name).getByRole("button", { name: "Try again", exact: true });
  const focused = () => page.evaluate(() => document.activeElement.querySelector("h3")?.textContent ?? document.activeElement.id);
  await again("d.png").focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "d.png");
  await result(card(page, "d.png"));
  await page.getByLabel("Show").selectOption("error");
  await again("e.png").focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "results-heading");
  await page.getByLabel("Show").selectOption("all");
  assert.equal((await result(card(page, "e.png"))).status, "graded");
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
  const healthy = await drawnPng(page, 0, 3);
  for (let n = 50; n < 90; n++) more.push(photo(`${n}_left.png`, healthy, "image/png"));
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
  await heard(/b\.png: Left eye\. Patient: .*from either eye/);
  const rows = await savedJson(page);
  assert.deepEqual(rows.map(({ patient, eye, patientDecision }) => [patient, eye, patientDecision]), [
    ["Ada", "right", "no-referral"],
    ["Ada", "left", "no-referral"],
  ]);
});

test("what a camera calls every photograph is nobody's name until somebody types one", async () => {
  await choose(page, await png("image.png", 0, 3));
  await choose(page, await png("image.png", 4, 4));
  await allDone(page);
  const [one, other] = [card(page, "image.png").nth(0), card(page, "image.png").nth(1)];
  await one.getByLabel("Eye in image.png").selectOption("right");
  await other.getByLabel("Eye in image.png").selectOption("left");
  await page.getByLabel("View").selectOption("patients");
  const patients = page.locator("#patients > li");
  await patients.nth(1).waitFor();
  const healthy = patients.filter({ hasText: "Right eye: 0" });
  await healthy.getByText("the other was not seen").waitFor();
  await page.getByLabel("View").selectOption("photos");
  for (const each of [one, other]) {
    await each.getByLabel("Patient in image.png").fill("Ada");
    await each.getByLabel("Patient in image.png").press("Tab");
  }
  await one.getByText("Patient: Refer").waitFor();
  await page.getByLabel("View").selectOption("patients");
  await page.waitForFunction(() => document.querySelectorAll("#patients > li").length === 1);
  await page.getByLabel("View").selectOption("photos");
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

test("who types while a batch ends goes on typing, and their card stays where it is", async () => {
  const photos = [];
  for (let n = 0; n < 6; n++) photos.push(await png(`mild ${n}.png`, 0, 3));
  await choose(page, ...photos, await png("worst.png", 4, 4));
  await page.getByLabel("Sort by").selectOption("grade");
  await page.locator("#queue").waitFor();
  const field = page.getByLabel("Patient in mild 1.png");
  await field.fill("Ada");
  const place = () => field.evaluate((input) => Math.round(input.getBoundingClientRect().top));
  const before = await place();
  await allDone(page);
  await page.waitForFunction(() => document.querySelector("article h3").textContent === "worst.png");
  await page.keyboard.type(" Lovelace");
  assert.equal(await field.inputValue(), "Ada Lovelace");
  assert.ok(Math.abs((await place()) - before) <= 2, `${await place()} instead of ${before}`);
  await page.waitForTimeout(200);
  assert.ok(Math.abs((await place()) - before) <= 2, `${await place()} instead of ${before}`);
  await field.press("Tab");
  await page.getByLabel("Sort by").selectOption("added");
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
  const place = () => page.evaluate(() => document.activeElement.id);
  assert.equal(await place(), "results-heading", "the card that had the focus is gone");
  await heard(/Patients: 2 shown\./);
  const patient = () => page.evaluate(() => document.activeElement.closest("#patients > li")?.querySelector("h3").textContent);
  await page.keyboard.press("j");
  const first = await patient();
  await page.keyboard.press("j");
  assert.notEqual(await patient(), first);
  assert.ok(await patient());
  await page.keyboard.press("k");
  assert.equal(await patient(), first);
  await page.keyboard.press("v");
  assert.equal(await place(), "results-heading");
  await heard(/Photographs: 2 shown\./);
  await page.getByLabel("Show").selectOption("refer");
  await heard(/Photographs: 0 shown\./);
  await page.getByLabel("Show").selectOption("all");
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

test("the keys are where they are on a keyboard of Arabic letters, too", async () => {
  await choose(page, await png("one.png", 0, 3));
  await allDone(page);
  await page.evaluate(() => document.activeElement.blur());
  const press = (key, code) => page.evaluate((one) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { ...one, bubbles: true, cancelable: true })), { key, code });
  await press("ت", "KeyJ");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "ARTICLE");
  await press("؟", "Slash");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await dialog.getByRole("button", { name: "Close" }).click();
});

test("what a photograph costs does not grow with the queue", async () => {
  const many = 300;
  const passes = await page.evaluate(async (n) => {
    const { KINDS } = await import(new URL("js/sift.js", document.baseURI));
    const { refer } = KINDS;
    let asked = 0;
    KINDS.refer = (item) => {
      asked += 1;
      return refer(item);
    };
    const data = new DataTransfer();
    for (let at = 0; at < n; at++) data.items.add(new File([], `${at}.png`, { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    KINDS.refer = refer;
    return asked / n;
  }, many);
  assert.ok(passes < 3, `each photograph was looked at ${passes} times as they came in`);
  await allDone(page);
  assert.match(await page.locator("#filter option").first().textContent(), /All \(300\)/);
  assert.match(await page.locator("#tally").textContent(), /300 photographs, all done/);
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
