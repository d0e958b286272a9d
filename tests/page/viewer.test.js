// The pictures of "Where it looked": zoom, pan and loupe by wheel, fingers, keys
// and buttons, the same in both pictures; the occlusion map on demand.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, beforeEach, test } from "node:test";
import { card, choose, modelReady, photo, result, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", hasTouch: true });
  page = visitor.page;
  await modelReady(page);
  await choose(page, photo("right.png", await wide(await drawnPng(page, 3, 8)), "image/png"));
  await result(card(page, "right.png"));
});
after(() => visitor?.close());
beforeEach(async () => {
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog.look", { state: "detached" });
  await card(page, "right.png").locator(".card__look").click();
  await page.waitForSelector("dialog[data-shown=true]", { timeout: 60_000 });
});

const pane = (index) => page.locator(".pane").nth(index);
const zoom = async () => Number(/\d+/.exec(await page.locator(".look__zoom").textContent())[0]) / 100;

// The place in what the network saw, from 0 to 1, that lies in the middle of each
// pane, and how many pixels it is wide there.
const seen = () =>
  page.locator(".pane").evaluateAll((panes) =>
    panes.map((one) => {
      const [picture] = one.querySelectorAll("img");
      const box = { left: parseFloat(picture.style.left), top: parseFloat(picture.style.top), width: parseFloat(picture.style.width), height: parseFloat(picture.style.height) };
      // In the photograph the retina is a square in the middle of twice its width.
      const side = picture.naturalWidth === picture.naturalHeight ? box.width : box.width / 2;
      const left = picture.naturalWidth === picture.naturalHeight ? box.left : box.left + side / 2;
      return { x: (one.clientWidth / 2 - left) / side, y: (one.clientHeight / 2 - box.top) / side, side: side / one.clientWidth };
    }),
  );

async function alike() {
  const [one, other] = await seen();
  for (const key of ["x", "y", "side"]) assert.ok(Math.abs(one[key] - other[key]) < 0.04 * Math.max(1, other[key]), `${key}: ${JSON.stringify([one, other])}`);
  return other;
}

test("both pictures show the same place, the retina as large in one as in the other", async () => {
  const { x, y, side } = await alike();
  assert.deepEqual([x, y, side].map((n) => Math.round(n * 100)), [50, 50, 100]);
});

test("keys zoom, move and fit", async () => {
  await pane(0).focus();
  await page.keyboard.press("+");
  await page.keyboard.press("+");
  assert.ok(Math.abs((await zoom()) - 1.96) < 0.02);
  const { x } = await alike();
  await page.keyboard.press("ArrowRight");
  assert.ok((await alike()).x > x + 0.05);
  await page.keyboard.press("ArrowUp");
  assert.ok((await alike()).y < 0.46);
  await page.keyboard.press("-");
  assert.ok(Math.abs((await zoom()) - 1.4) < 0.02);
  await page.keyboard.press("0");
  assert.equal(await zoom(), 1);
  assert.ok(Math.abs((await alike()).x - 0.5) < 0.01);
});

test("the buttons do the same, down to the whole photograph and no further", async () => {
  await page.getByRole("button", { name: "Zoom in" }).click();
  assert.ok((await zoom()) > 1);
  await page.getByRole("button", { name: "Whole retina" }).click();
  for (let n = 0; n < 6; n++) await page.getByRole("button", { name: "Zoom out" }).click();
  const [{ side }] = await seen();
  assert.ok(Math.abs(side - 0.5) < 0.03, `the photograph is twice as wide as its retina: ${side}`);
  for (let n = 0; n < 20; n++) await page.getByRole("button", { name: "Zoom in" }).click();
  assert.equal(await zoom(), 12);
});

test("the wheel zooms where it points, dragging moves, a double click zooms in", async () => {
  const box = await pane(1).boundingBox();
  const at = { x: box.x + box.width * 0.75, y: box.y + box.height * 0.25 };
  const under = ({ x, y, side }) => [x + 0.25 / side, y - 0.25 / side];
  const before = under(await alike());
  await page.mouse.move(at.x, at.y);
  await page.mouse.wheel(0, -400);
  await page.waitForFunction(() => !document.querySelector(".look__zoom").textContent.startsWith("100"));
  const after = under(await alike());
  for (const axis of [0, 1]) assert.ok(Math.abs(before[axis] - after[axis]) < 0.01, `${before} to ${after}`);

  const { x } = await alike();
  await page.mouse.down();
  await page.mouse.move(at.x - 60, at.y, { steps: 4 });
  await page.mouse.up();
  assert.ok((await alike()).x > x + 0.02);

  const was = await zoom();
  await page.mouse.dblclick(at.x, at.y);
  assert.ok(Math.abs((await zoom()) - Math.min(12, was * 2)) < 0.05);
});

test("two fingers zoom", async () => {
  const box = await pane(0).boundingBox();
  const session = await visitor.context.newCDPSession(page);
  const touch = (type, ...xs) => session.send("Input.dispatchTouchEvent", { type, touchPoints: xs.map((x, id) => ({ id, x: box.x + x, y: box.y + box.height / 2 })) });
  await touch("touchStart", 150);
  await touch("touchStart", 150, 250);
  for (const by of [10, 20, 30, 40, 50]) await touch("touchMove", 150 - by, 250 + by);
  await touch("touchEnd");
  await session.detach();
  assert.ok(Math.abs((await zoom()) - 2) < 0.3, String(await zoom()));
  await alike();
});

test("the loupe lies over the same place in both, follows keys and goes away", async () => {
  const lenses = () => page.locator(".loupe").evaluateAll((all) => all.map(({ offsetLeft, offsetTop, offsetWidth }) => [offsetLeft, offsetTop, offsetWidth]));
  const loupe = page.getByRole("button", { name: "Loupe" });
  assert.equal(await loupe.getAttribute("aria-pressed"), "false");
  await loupe.click();
  assert.equal(await loupe.getAttribute("aria-pressed"), "true");
  const [first, second] = await lenses();
  assert.deepEqual(first, second);
  const times = await pane(1).evaluate((one) => parseFloat(one.querySelector(".loupe img").style.width) / parseFloat(one.querySelector("img").style.width));
  assert.equal(times, 3);
  await pane(1).focus();
  await page.keyboard.press("ArrowRight");
  const [moved, too] = await lenses();
  assert.ok(moved[0] > first[0]);
  assert.deepEqual(moved, too);
  const box = await pane(0).boundingBox();
  await page.mouse.move(box.x + 60, box.y + 70);
  const [[left]] = await lenses();
  assert.ok(left < moved[0], "it does not follow the mouse");
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), []);
  await pane(0).focus();
  await page.keyboard.press("l");
  assert.equal(await page.locator(".loupe").count(), 0);
});

test("an occlusion map is made on demand, tells how far it is and can be cancelled", async () => {
  const start = page.getByRole("button", { name: "Make an occlusion map" });
  await start.click();
  const bar = page.locator(".look__running progress");
  await page.waitForFunction(() => document.querySelector(".look__running progress").value > 0, null, { timeout: 60_000 });
  assert.match(await page.locator("#occlude-text").textContent(), /^Covering the picture: \d+ of \d+$/);
  assert.ok((await bar.getAttribute("max")) > 100);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel");
  await page.keyboard.press("Enter");
  await page.getByText("Cancelled: no occlusion map was made.").waitFor();
  assert.ok(await start.evaluate((button) => document.activeElement === button));
  assert.equal(await page.locator("dialog.look").getAttribute("data-method"), "grad-cam");
});

test("done, it lies over both pictures with its own words, and one can go back", { timeout: 300_000 }, async () => {
  const source = () => page.locator(".pane img").evaluateAll((images) => [images[1].src, images[3].src]);
  const before = await source();
  await page.getByRole("button", { name: "Make an occlusion map" }).click();
  // The worker is not taken up by it: something else is answered meanwhile.
  await page.waitForFunction(() => document.querySelector(".look__running progress").value > 0, null, { timeout: 60_000 });
  await page.waitForSelector("dialog[data-method=occlusion]", { timeout: 240_000 });
  const after = await source();
  assert.ok(after.every((src, index) => src !== before[index]));
  const words = await page.locator("dialog.look").textContent();
  for (const part of [/covering the picture with grey/, /16 by 16 places/, /not where lesions are/, /grey patch is nothing that a retina has/]) assert.match(words, part);
  assert.ok(await page.getByRole("radio", { name: "Occlusion" }).isChecked());
  await page.getByRole("radio", { name: "Grad-CAM" }).check();
  await page.waitForSelector("dialog[data-method=grad-cam]");
  const back = await page.locator("dialog.look").textContent();
  assert.match(back, /evidence for/);
  assert.doesNotMatch(back, /grey patch/);
  assert.deepEqual(visitor.errors, []);
});

test("closed while it is covering, the worker is free again at once", async () => {
  await page.getByRole("button", { name: "Make an occlusion map" }).click();
  await page.waitForFunction(() => document.querySelector(".look__running progress").value > 0, null, { timeout: 60_000 });
  await page.keyboard.press("Escape");
  const began = performance.now();
  await choose(page, photo("next.png", await drawnPng(page, 0, 3), "image/png"));
  assert.equal((await result(card(page, "next.png"))).status, "graded");
  assert.ok(performance.now() - began < 15_000);
  assert.deepEqual(visitor.errors, []);
});

// The drawing in the middle of a black frame twice as wide.
async function wide(png) {
  const text = await page.evaluate(async (data) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(data, (letter) => letter.charCodeAt(0))]));
    const canvas = new OffscreenCanvas(bitmap.width * 2, bitmap.height);
    const context = canvas.getContext("2d");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, bitmap.width / 2, 0);
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }, png.toString("latin1"));
  return Buffer.from(text, "latin1");
}
