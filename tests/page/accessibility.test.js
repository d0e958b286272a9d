// axe finds nothing in any state, light or dark.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { card, choose, gradeDrawn, modelReady, photo, result, visit } from "./help/page.js";
import { drawnPng, empty } from "./help/pictures.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

for (const options of [
  { name: "light", colorScheme: "light" },
  { name: "dark", colorScheme: "dark" },
  { name: "dark, on a phone", colorScheme: "dark", viewport: { width: 390, height: 844 } },
  { name: "forced colours", forcedColors: "active" },
]) {
  test(`axe finds nothing: ${options.name}`, async () => {
    const { name, ...look } = options;
    const visitor = await visit({ query: "?backend=cpu", goto: false, reducedMotion: "reduce", ...look });
    const { page, server } = visitor;
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const isWeights = (path) => path.startsWith("model/") && !path.endsWith(".json");
    server.hold = (path) => (isWeights(path) ? held : undefined);
    server.refuse = isWeights;
    try {
      await page.goto(visitor.address);
      await page.waitForSelector("html[data-model=error]", { state: "attached" });
      await clean(page, "the model failed");
      server.refuse = () => false;
      await page.locator("#loading-retry").click();
      await page.waitForSelector("html[data-model=loading]", { state: "attached" });
      await choose(page, photo("left.png", await drawnPng(page, 2, 2), "image/png"), photo("empty.jpg", empty()));
      await clean(page, "waiting for the model");
      release();
      await modelReady(page);
      await result(card(page, "empty.jpg"));
      await gradeDrawn(page);
      await page.locator("article summary").first().click();
      await page.locator("#model-card summary").click();
      await clean(page, "graded, failed and drawn, everything open");
      await page.locator("#update").evaluate((banner) => (banner.hidden = false));
      await clean(page, "an update waits");
      await page.locator("#clear").click();
      await clean(page, "cleared");
    } finally {
      await visitor.close();
    }
  });
}

async function clean(page, state) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations);
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary}`).join("\n")}`);
  assert.deepEqual(told, [], state);
}
