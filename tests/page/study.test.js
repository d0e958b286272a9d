// The study's page: says plainly that nothing was published, shows what was,
// and answers its slider from the curves.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { visit } from "./help/page.js";

const RESULTS = JSON.parse(await readFile(new URL("help/study.json", import.meta.url), "utf8"));
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// The page with these results; null: none were published.
async function open(results, { retinamnist = null, ...options } = {}) {
  const visitor = await visit({ goto: false, reducedMotion: "reduce", ...options });
  for (const [name, json] of Object.entries({ study: results, retinamnist })) {
    await visitor.page.route(`**/study/${name}.json`, (route) => (json ? route.fulfill({ json }) : route.fulfill({ status: 404, body: "" })));
  }
  await visitor.page.goto(`${visitor.address}study.html`);
  await visitor.page.waitForSelector("html:not([data-study=loading])", { state: "attached" });
  return visitor;
}

test("without results the page says so, and shows no empty curves", async () => {
  const visitor = await open(null);
  try {
    const { page } = visitor;
    assert.equal(await page.locator("html").getAttribute("data-study"), "none");
    assert.match(await page.locator("#state").textContent(), /^No results have been published/);
    assert.equal(await page.locator("#study").isVisible(), false);
    assert.deepEqual(visitor.errors, []);
  } finally {
    await visitor.close();
  }
});

test("results of another format are refused in words", async () => {
  const visitor = await open({ ...RESULTS, format: 99 });
  try {
    assert.match(await visitor.page.locator("#state").textContent(), /format 99/);
    assert.equal(await visitor.page.locator("#study").isVisible(), false);
  } finally {
    await visitor.close();
  }
});

test("claims, curves and table show the results; what is missing is named", async () => {
  const visitor = await open(RESULTS);
  try {
    const { page } = visitor;
    assert.match(await page.locator("#state").textContent(), /ref-010-seed1/);
    assert.deepEqual(await page.locator(".claim__answer").allTextContents(), ["Not known yet", "No"]);
    assert.equal(await page.locator(".curves svg[role=img]").count(), 3);
    const curve = page.getByRole("img", { name: /^Accuracy against/ });
    assert.match(await curve.getAttribute("aria-label"), /TL: 10 %: 60\.0 %, 50 %: 80\.0 %, 100 %: 90\.0 %\. Ref: 50 %: 60\.0 %, 100 %: 70\.0 %/);
    assert.equal(await curve.locator(".dot--tl").count(), 3);
    assert.equal(await curve.locator("circle.talk").count(), 6);
    assert.equal(await curve.locator("rect.talk").count(), 1);

    assert.equal(await page.locator("tbody tr").count(), RESULTS.arms.length);
    const cells = (arm) => page.locator(`tr[data-arm=${arm}] td`).allTextContents();
    const tl = await cells("tl-100");
    assert.equal(tl[0], "1,000");
    assert.equal(tl[2], "90.0 %87.0 % to 93.0 %");
    assert.equal(tl.at(-2), "+20.0 points+16.0 to +24.0, p 0.001");
    assert.equal(tl.at(-1), "0.82, 0.89, 0.62");
    const sallam = await cells("sallam2020");
    assert.equal(sallam.at(-2), "−5.0 points−11.0 to +1.0, p 0.100");
    assert.match(sallam.at(-1), /Accuracy 70\.0 %, Recall, macro 50\.0 %, Specificity, macro 88\.0 %/);
    assert.equal((await cells("ref-050")).at(-2), "–");
  } finally {
    await visitor.close();
  }
});

test("where there are several seeds, each is shown beside their mean", async () => {
  const twice = structuredClone(RESULTS);
  const { figures } = twice.arms.find(({ arm }) => arm === "tl-100");
  figures.accuracy.by_seed = [0.88, 0.92];
  const visitor = await open(twice);
  try {
    const { page } = visitor;
    const cells = await page.locator("tr[data-arm=tl-100] td").allTextContents();
    assert.equal(cells[2], "90.0 %87.0 % to 93.0 %88.0 %, 92.0 %");
    const curve = page.getByRole("img", { name: /^Accuracy against/ });
    assert.equal(await curve.locator(".seed--tl").count(), 2);
    assert.equal(await page.locator(".seed").count(), 2);
  } finally {
    await visitor.close();
  }
});

test("a second study has a table of its own; without one there is no empty section", async () => {
  const published = structuredClone(RESULTS);
  published.datasets = ["retinamnist"];
  published.talk = [];
  published.arms = published.arms.filter(({ arm }) => arm === "ref-100" || arm === "tl-100");
  published.arms[0].published = { accuracy: 0.524, auc_macro: 0.717 };
  const visitor = await open(RESULTS, { retinamnist: published });
  try {
    const section = visitor.page.locator("#retinamnist");
    assert.equal(await section.locator("tbody tr").count(), 2);
    assert.match(await section.locator("tr[data-arm=ref-100] td").last().textContent(), /Accuracy 52\.4 %, AUC, each grade against the rest, macro 0\.717/);
    assert.match(await section.textContent(), /photos of retinamnist kept aside/);
    assert.equal(await visitor.page.locator("#table tbody tr").count(), RESULTS.arms.length);
  } finally {
    await visitor.close();
  }
  const alone = await open(RESULTS);
  try {
    assert.equal(await alone.page.locator("#retinamnist").isVisible(), false);
  } finally {
    await alone.close();
  }
});

test("the slider answers how many photographs by keyboard", async () => {
  const visitor = await open(RESULTS);
  try {
    const { page } = visitor;
    const slider = page.getByRole("slider", { name: "I want" });
    const answer = page.locator("#need-answer");
    // Half way from 60 to 90 %: TL crosses 75 % three quarters of the way from 100 to 500 photos.
    assert.match(await answer.textContent(), /\(TL\): about 400 photos \(40 %\)\. .*\(Ref\): more than the 1,000 photos there are/);
    await slider.focus();
    await page.keyboard.press("End");
    assert.equal(await slider.getAttribute("aria-valuetext"), "Accuracy at least 90.0 %");
    assert.match(await answer.textContent(), /\(TL\): about 1,000 photos \(100 %\)/);
    await page.keyboard.press("Home");
    assert.match(await answer.textContent(), /\(TL\): at most 100 photos \(10 %\)\. .*\(Ref\): at most 500 photos \(50 %\)/);
    // A loss is better the lower it is: its best is 0.4, its worst 1.
    await page.getByLabel("Measured by").selectOption("cross_entropy");
    await slider.focus();
    await page.keyboard.press("End");
    assert.equal(await page.locator("#need-target").textContent(), "at most 0.400");
    const marked = await page.locator("[data-wanted]").evaluateAll((paths) => paths.filter((path) => path.getAttribute("d")).map((path) => path.dataset.wanted));
    assert.deepEqual(marked, ["cross_entropy"]);
    assert.match(await page.locator("#break-even").textContent(), /saves 4\.2 of them/);
  } finally {
    await visitor.close();
  }
});

for (const options of [
  { name: "light", colorScheme: "light", retinamnist: RESULTS },
  { name: "dark, on a phone", colorScheme: "dark", viewport: { width: 390, height: 844 } },
  { name: "forced colours", forcedColors: "active" },
]) {
  test(`axe finds nothing, and nothing is wider than the screen: ${options.name}`, async () => {
    const { name, ...look } = options;
    const visitor = await open(RESULTS, look);
    try {
      const { page } = visitor;
      await page.evaluate(axe);
      const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations);
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary}`).join("\n")}`);
      assert.deepEqual(told, [], name);
      const [inside, wide] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
      assert.ok(wide <= inside, `${wide} in ${inside}`);
    } finally {
      await visitor.close();
    }
  });
}
