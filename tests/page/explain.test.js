// "Where it looked": the map on request, with the words that say what it is not.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { card, choose, modelReady, photo, result, visit } from "./help/page.js";
import { drawnPng, empty, turned } from "./help/pictures.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  await choose(page, photo("right.png", await drawnPng(page, 3, 8), "image/png"), photo("empty.jpg", empty()));
  await result(card(page, "right.png"));
  await result(card(page, "empty.jpg"));
});
after(() => visitor?.close());

const button = (name) => card(page, name).locator(".card__look");
const dialog = () => page.getByRole("dialog", { name: "Where it looked" });
const gone = () => page.waitForSelector("dialog.look", { state: "detached" });
const shown = () => page.waitForSelector("dialog[data-shown=true]", { timeout: 60_000 });

test("only a graded photograph has a map, and none is computed unasked", async () => {
  assert.ok(await button("right.png").isVisible());
  assert.ok(!(await button("empty.jpg").isVisible()));
  assert.equal(await page.locator("dialog.look").count(), 0);
});

test("the map lies over the photograph and over what the network saw, with its words", async () => {
  await button("right.png").click();
  await shown();
  const pictures = await dialog().locator("img").evaluateAll((images) => images.map(({ naturalWidth, naturalHeight, alt }) => ({ naturalWidth, naturalHeight, alt })));
  const [seen, seenMap, view, viewMap] = pictures;
  assert.deepEqual([seen.naturalWidth, seen.naturalHeight], [768, 768]);
  assert.deepEqual([seenMap.naturalWidth, seenMap.naturalHeight], [768, 768], "the map is not the photograph's size");
  const { size } = JSON.parse(await readFile(new URL("../../www/model/model.json", import.meta.url), "utf8")).preprocessing;
  assert.equal(view.naturalWidth, size);
  assert.equal(viewMap.naturalWidth, viewMap.naturalHeight);
  for (const { alt } of pictures) assert.ok(alt.length > 5);

  // Clear in places, coloured in others: a map, not a wash.
  const alphas = await dialog().locator("img").nth(3).evaluate(async (image) => {
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let [least, most] = [255, 0];
    for (let at = 3; at < data.length; at += 4) [least, most] = [Math.min(least, data[at]), Math.max(most, data[at])];
    return { least, most };
  });
  assert.ok(alphas.most >= 215 && alphas.least < 120, JSON.stringify(alphas));

  const words = await dialog().textContent();
  const grade = await card(page, "right.png").locator(".card__grade").textContent();
  assert.ok(words.includes(`evidence for “${grade}”`), words);
  assert.match(words, /not where lesions are/);
  assert.match(words, /no diagnosis/);
  assert.match(words, new RegExp(`${size / 32} by ${size / 32} places`));
  assert.match(words, /brightest place/);
});

test("its strength follows the arrow keys", async () => {
  const slider = dialog().getByRole("slider", { name: "Strength of the map" });
  assert.ok(await slider.evaluate((input) => document.activeElement === input));
  const strength = () => dialog().locator("img").nth(1).evaluate((image) => Number(getComputedStyle(image).opacity));
  const before = await strength();
  await page.keyboard.press("ArrowLeft");
  assert.ok(Math.abs((await strength()) - (before - 0.05)) < 1e-6);
  await page.keyboard.press("Home");
  assert.equal(await strength(), 0);
  assert.equal(await slider.getAttribute("aria-valuetext"), "0\u00a0%");
});

test("axe finds nothing in it, and it fits a phone", async () => {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), []);
  await page.setViewportSize({ width: 360, height: 740 });
  const wide = await dialog().evaluate((open) => open.scrollWidth - open.clientWidth);
  assert.ok(wide <= 0, `${wide} pixels too wide`);
  await page.setViewportSize({ width: 1280, height: 900 });
});

test("it closes by Escape and by its button, gives the focus back and leaves nothing", async () => {
  await page.keyboard.press("Escape");
  await gone();
  assert.ok(await button("right.png").evaluate((element) => document.activeElement === element));
  await page.keyboard.press("Enter");
  await shown();
  await dialog().getByRole("button", { name: "Close" }).click();
  await gone();
  assert.deepEqual(visitor.errors, []);
});

test("closed while it is still looking, nothing opens later", async () => {
  await button("right.png").click();
  await page.keyboard.press("Escape");
  await gone();
  await button("right.png").click();
  await shown();
  assert.equal(await page.locator("dialog.look").count(), 1);
  await page.keyboard.press("Escape");
  assert.deepEqual(visitor.errors, []);
});

// A map lies over what the library read: the file itself, which a browser shows on its
// head, must not take that place.
test("a photograph that EXIF tells to turn by a half stands in it as it was graded", async () => {
  const name = "7_left.webp";
  await choose(page, photo(name, await turned(page, await drawnPng(page, 3, 8), "image/webp", 3), "image/webp"));
  await result(card(page, name));
  await card(page, name).locator(".card__photo img").waitFor();
  await button(name).click();
  await shown();
  await page.waitForTimeout(1000);
  const apart = await page.evaluate(
    (images) => {
      const [one, other] = images.map((selector) => {
        const context = new OffscreenCanvas(24, 20).getContext("2d");
        context.drawImage(document.querySelector(selector), 0, 0, 24, 20);
        return context.getImageData(0, 0, 24, 20).data;
      });
      return one.reduce((sum, value, at) => sum + Math.abs(value - other[at]), 0) / one.length;
    },
    ["article:last-child .card__photo img", "dialog .pane img"],
  );
  assert.ok(apart < 3, `${apart.toFixed(1)} of 255 from the card's picture on average`);
  await page.keyboard.press("Escape");
});
