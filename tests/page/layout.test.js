// Nothing moves when a result arrives, and nothing is wider than the screen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, modelReady, photo, result, visit } from "./help/page.js";
import { drawnPng, empty, textAsJpeg } from "./help/pictures.js";

for (const [width, height] of [
  [360, 740],
  [1280, 900],
]) {
  test(`at ${width} pixels nothing jumps and nothing overflows`, async () => {
    const visitor = await visit({ query: "?backend=cpu", goto: false, viewport: { width, height } });
    const { page, server } = visitor;
    let release;
    const held = new Promise((resolve) => (release = resolve));
    server.hold = (path) => (path.startsWith("model/") && !path.endsWith(".json") ? held : undefined);
    try {
      await page.goto(visitor.address);
      await overflow(page, width);
      await choose(
        page,
        ...(await Promise.all([0, 1, 2, 3, 4].map(async (grade) => photo(`grade ${grade}.png`, await drawnPng(page, grade, 21 + grade), "image/png")))),
        photo("list.jpg", textAsJpeg()),
        photo("empty.jpg", empty()),
      );
      await page.locator("article").nth(6).waitFor();
      await page.waitForSelector(".bar", { state: "attached" });
      const places = () => page.$$eval("article, .lightbox, #draw, .toolbar, .footer", (parts) => parts.map((part) => Math.round(part.getBoundingClientRect().top + scrollY)));
      const waiting = await places();
      release();
      await modelReady(page);
      await result(page.locator("article").nth(6));
      assert.deepEqual(await places(), waiting);
      await overflow(page, width);
      await page.locator("article summary").first().click();
      await page.locator("#model-card summary").click();
      await overflow(page, width);
    } finally {
      await visitor.close();
    }
  });
}

async function overflow(page, width) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `the page is ${wide} pixels wide on a screen of ${width}`);
}
