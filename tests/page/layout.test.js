// Nothing moves when a result arrives, and nothing is wider than the screen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { allDone, choose, modelReady, photo, visit } from "./help/page.js";
import { drawnPng, empty, textAsJpeg } from "./help/pictures.js";

const LAST = 6;

// Places are rounded to whole pixels, so a fraction may show as one.
function unmoved(found, expected, where) {
  assert.equal(found.length, expected.length, where);
  found.forEach((place, index) => assert.ok(Math.abs(place - expected[index]) <= 1, `${where}: ${found} against ${expected}`));
}

let visitor;
let page;
let release;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", goto: false, viewport: { width: 1280, height: 900 } });
  page = visitor.page;
  const held = new Promise((resolve) => (release = resolve));
  visitor.server.hold = (path) => (path.startsWith("model/") && !path.endsWith(".json") ? held : undefined);
  await page.goto(visitor.address);
});
after(() => visitor?.close());

test("what stood while waiting stands where it stood when the results are there", async () => {
  const photos = [];
  for (const grade of [0, 2, 3, 4]) photos.push(photo(`grade ${grade}.png`, await drawnPng(page, grade, 21 + grade), "image/png"));
  // Unsure and at risk of oedema: nothing has more to say.
  photos.push(photo("grade 1.png", await drawnPng(page, 1, 5), "image/png"));
  await choose(page, ...photos, photo("list.jpg", textAsJpeg()), photo("empty.jpg", empty()));
  await page.locator("article").nth(LAST).waitFor();
  await page.waitForSelector(".bar", { state: "attached" });
  const waiting = await places();
  release();
  await modelReady(page);
  await allDone(page);
  unmoved(await places(), waiting, "1280 pixels");
});

test("the same at every width, and nothing is wider than the screen", async () => {
  for (let width = 320; width <= 1280; width += 48) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `the page is ${wide} pixels wide on a screen of ${width}`);
    const full = await places();
    // The results taken away again leave what waiting looked like.
    await page.evaluate(() => document.querySelectorAll(".card__verdict p:not(.card__grade), .card__aside p").forEach((line) => (line.style.display = "none")));
    unmoved(await places(), full, `${width} pixels`);
    await page.evaluate(() => document.querySelectorAll(".card__verdict p, .card__aside p").forEach((line) => (line.style.display = "")));
  }
});

test("opened, the folded parts fit a phone, too", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator("article summary").first().click();
  await page.locator("#model-card summary").click();
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
});

function places() {
  return page.$$eval("article, .lightbox, #draw, .toolbar, .footer", (parts) => parts.map((part) => Math.round(part.getBoundingClientRect().top + scrollY)));
}
