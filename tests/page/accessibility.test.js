// axe finds nothing in any state, light or dark.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { allDone, choose, clearEverything, gradeDrawn, modelReady, photo, visit } from "./help/page.js";
import { drawnPng, empty } from "./help/pictures.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

for (const options of [
  { name: "light", colorScheme: "light" },
  { name: "dark", colorScheme: "dark" },
  { name: "dark, on a phone", colorScheme: "dark", viewport: { width: 390, height: 844 } },
  { name: "forced colours", forcedColors: "active" },
  { name: "more contrast", contrast: "more" },
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
      await allDone(page);
      await gradeDrawn(page);
      await page.locator("article summary").first().click();
      await page.locator("#model-card summary").click();
      await page.locator("#points > summary").click();
      await page.locator("#point-balanced").check();
      await clean(page, "graded, failed and drawn, everything open");
      await page.locator(".card__look:visible").first().click();
      await page.waitForSelector("dialog[data-shown=true]", { timeout: 60_000 });
      await page.getByRole("button", { name: "Loupe" }).click();
      await clean(page, "where it looked, under the loupe");
      await page.getByRole("button", { name: "Make an occlusion map" }).click();
      await clean(page, "an occlusion map on its way");
      await page.keyboard.press("Escape");
      await page.locator("#update").evaluate((banner) => (banner.hidden = false));
      await clean(page, "an update waits");
      const bytes = await drawnPng(page, 2, 2);
      await choose(page, ...Array.from({ length: 8 }, (_, n) => photo(`batch ${n}.png`, bytes, "image/png")));
      await page.locator("#queue-pause").click();
      await clean(page, "a batch is paused");
      await page.locator("#queue-cancel").click();
      await page.locator("article[data-status=cancelled]").first().waitFor();
      await page.locator("#own > summary").click();
      await page.locator("#own-use").click();
      await page.locator("#diagnostics > summary").click();
      await page.locator("#filter").selectOption("waiting");
      await clean(page, "cancelled, nothing of this kind, the panels at the foot open");
      await page.locator("#filter").selectOption("all");
      await page.locator("#view").selectOption("patients");
      await clean(page, "by patient");
      await page.locator("#shortcuts").click();
      await clean(page, "the list of keys");
      await page.locator("#keys-close").click();
      await page.locator("#clear").click();
      await clean(page, "asked before clearing");
      await page.locator("#clear-no").click();
      await clearEverything(page);
      await page.locator("#notice").waitFor();
      await clean(page, "cleared, and told so");
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
