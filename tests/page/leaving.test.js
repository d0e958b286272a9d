// Nothing is lost by one tap: clearing and leaving ask first, where there is
// something to lose.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { card, choose, clearEverything, gradeDrawn, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
let asked; // the browser's questions before the page was left
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    dialog.accept();
  });
});
after(() => visitor?.close());
beforeEach(async () => {
  asked = [];
  if (await page.locator("#results").isVisible()) await clearEverything(page);
  await modelReady(page);
});

const give = async (name) => {
  await choose(page, photo(name, await drawnPng(page, 0, 3), "image/png"));
  await result(card(page, name));
};
const leave = async () => {
  await page.reload();
  await modelReady(page);
};
// The browser asks only on a page that was touched.
const touch = () => page.locator("#results-heading").click();

test("clearing asks, says what will go, and keeps all of it on second thoughts", async () => {
  await give("7_left.png");
  await page.getByRole("button", { name: "Clear everything" }).click();
  const dialog = page.getByRole("dialog", { name: "Clear everything?" });
  assert.match(await dialog.textContent(), /1 photograph with all results go.*Not saved in a file: 1\..*cannot be undone/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "clear-no", "a second tap must not clear");
  await dialog.getByRole("button", { name: "Do not clear" }).click();
  assert.equal(await page.locator("article").count(), 1);
  await page.getByRole("button", { name: "Clear everything" }).click();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("article").count(), 1);

  await savedJson(page);
  await page.getByRole("button", { name: "Clear everything" }).click();
  assert.doesNotMatch(await dialog.textContent(), /Not saved/);
  await dialog.getByRole("button", { name: "Do not clear" }).click();
  await page.getByLabel("Keep this work on this device").check();
  await page.locator("#notice").getByText("This work stays").waitFor();
  await page.getByLabel("Keep this work on this device").uncheck();
  await page.getByRole("button", { name: "Clear everything" }).click();
  assert.doesNotMatch(await dialog.textContent(), /Not saved/, "what was saved is saved still");
  await dialog.getByRole("button", { name: "Clear now" }).click();
  await page.waitForFunction(() => !document.querySelector("article"));
});

test("drawn examples are cleared at once", async () => {
  await gradeDrawn(page);
  await page.getByRole("button", { name: "Clear everything" }).click();
  await page.waitForFunction(() => !document.querySelector("article"));
});

test("leaving asks while results are neither saved nor kept", async () => {
  await give("7_left.png");
  await touch();
  await leave();
  assert.deepEqual(asked, ["beforeunload"]);
});

test("leaving does not ask for what is in a file, until that has changed", async () => {
  await give("7_left.png");
  await savedJson(page);
  await leave();
  assert.deepEqual(asked, []);

  await give("7_left.png");
  await savedJson(page);
  await page.getByLabel("Eye in 7_left.png").selectOption("right");
  await leave();
  assert.deepEqual(asked, ["beforeunload"]);
});

test("a small picture that is made after they were saved changes nothing of the results", async () => {
  const slow = await visit({ query: "?backend=cpu", goto: false });
  try {
    await slow.page.addInitScript(() => {
      const { createImageBitmap } = window;
      window.createImageBitmap = async (...given) => {
        await new Promise((resolve) => (window.paint = resolve));
        return createImageBitmap(...given);
      };
    });
    await slow.page.goto(slow.address);
    await modelReady(slow.page);
    await choose(slow.page, photo("7_left.png", await drawnPng(page, 0, 3), "image/png"));
    await result(card(slow.page, "7_left.png"));
    await savedJson(slow.page);
    await slow.page.evaluate(() => window.paint());
    await card(slow.page, "7_left.png").locator("img").waitFor();
    await slow.page.getByRole("button", { name: "Clear everything" }).click();
    assert.doesNotMatch(await slow.page.locator("#clear-says").textContent(), /Not saved/);
  } finally {
    await slow.close();
  }
});

test("nor for what is kept, for drawn examples, or for nothing at all", async () => {
  await give("7_left.png");
  await page.getByLabel("Keep this work on this device").check();
  await page.locator("#notice").getByText("This work stays").waitFor();
  await leave();
  assert.deepEqual(asked, [], "kept");
  await page.locator("article").waitFor();
  // Cleared by the browser, with all that was kept: the box alone holds nothing.
  await page.evaluate(() => localStorage.clear());
  await touch();
  await leave();
  assert.deepEqual(asked.splice(0), ["beforeunload"], "cleared");
  await gradeDrawn(page);
  await leave();
  assert.deepEqual(asked, [], "drawn");
  await page.locator("#shortcuts").click();
  await page.locator("#keys-close").click();
  await leave();
  assert.deepEqual(asked, [], "nothing");
});
