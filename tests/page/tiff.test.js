// A TIFF, which few browsers show, has its picture like any other photograph: on the
// card, on the print sheet, and kept. What a browser would not turn is shown as graded.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { card, choose, modelReady, photo, result, visit } from "./help/page.js";
import { drawnPng, paged, tiff, turned } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
});
after(() => visitor?.close());

// The colour in the middle of a picture, which is the retina's.
const middle = (image) =>
  image.evaluate((one) => {
    const canvas = new OffscreenCanvas(one.naturalWidth, one.naturalHeight);
    const context = canvas.getContext("2d");
    context.drawImage(one, 0, 0);
    return [...context.getImageData(one.naturalWidth / 2, one.naturalHeight / 2, 1, 1).data];
  });

test("a TIFF is shown on its card and printed", async () => {
  await choose(page, photo("7_left.tif", await tiff(page, await drawnPng(page, 0, 3), 600), "image/tiff"), photo("broken.tif", Buffer.from("II*\0 and no more"), "image/tiff"));
  const image = card(page, "7_left.tif").locator("img");
  await image.waitFor();
  const [red, green, blue] = await middle(image);
  assert.ok(red > 80 && red > green && green > blue, `${red}, ${green}, ${blue}`);
  assert.equal((await result(card(page, "7_left.tif"))).status, "graded");
  assert.equal((await result(card(page, "broken.tif"))).status, "error");
  assert.equal(await page.locator("article img:visible").count(), 1);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator(".sheet__picture").count(), 1, "no empty frame");
  assert.equal(await page.locator(".sheet__picture img").count(), 1);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  assert.deepEqual(visitor.errors, []);
});

test("a WebP and a PNG that tell in EXIF how they are to be turned are shown as they are graded", async () => {
  const upright = await drawnPng(page, 0, 3);
  for (const [name, type] of [["5_left.webp", "image/webp"], ["6_left.png", "image/png"]]) {
    await choose(page, photo(name, await turned(page, upright, type), type));
    const image = card(page, name).locator("img");
    await image.waitFor();
    const [width, height] = await image.evaluate((one) => [one.naturalWidth, one.naturalHeight]);
    assert.ok(width < height, `${name}: ${width} x ${height}`);
    assert.equal((await result(card(page, name))).status, "graded");
  }
});

test("of several pages the first is graded, and that is said on the card and in the table", async () => {
  await choose(page, photo("9_left.tif", paged(await tiff(page, await drawnPng(page, 0, 3), 600)), "image/tiff"));
  const both = card(page, "9_left.tif");
  assert.equal((await result(both)).status, "graded");
  const said = "Only the first of the 2 pictures in this file was looked at.";
  await both.getByText(said).waitFor();
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save results (CSV)" }).click();
  const table = await readFile(await (await saving).path(), "utf8");
  const row = table.split("\r\n").find((line) => line.startsWith("9_left.tif"));
  assert.ok(row.includes(said), row);
});

test("its picture is kept", async () => {
  await page.locator("#keep").check();
  await page.locator("#notice").getByText("This work stays").waitFor();
  await choose(page, photo("8_left.tif", await tiff(page, await drawnPng(page, 0, 3), 600), "image/tiff"));
  await card(page, "8_left.tif").locator("img").waitFor();
  await result(card(page, "8_left.tif"));
  await page.waitForTimeout(500);
  await page.reload();
  await modelReady(page);
  await card(page, "7_left.tif").locator("img").waitFor();
  await card(page, "8_left.tif").locator("img").waitFor();
});
