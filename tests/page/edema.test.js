// The risk of macular oedema: told by a model that has a head for it, with the
// reason where it refers, in every language and in every file; and the words
// "not assessed" by one that has none.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { open, shipped, withHead } from "./help/bundle.js";
import { card, choose, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
let folder;
let healthy;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-edema-"));
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  healthy = await drawnPng(page, 0, 3);
});
after(async () => {
  await visitor?.close();
  await rm(folder, { recursive: true, force: true });
});

async function graded(name) {
  await choose(page, photo(name, healthy, "image/png"));
  const found = await result(card(page, name));
  assert.equal(found.status, "graded");
  return { ...found, edema: await edemaOn(card(page, name)) };
}

// Said once: with the referral where it refers, else under the bars.
async function edemaOn(shown) {
  const [risk, quiet] = [await shown.locator(".card__risk").textContent(), await shown.locator(".card__aside p").first().textContent()];
  assert.ok(!risk !== !quiet, `${risk} and ${quiet}`);
  return risk || quiet;
}

test("the shipped model tells of the risk", async () => {
  assert.ok((await shipped()).manifest.edema, "it has a head");
  const { edema, referable } = await graded("0_left.png");
  assert.match(edema, /^Macular oedema: no sign of a risk \(chance <?\d+\u00a0%\)\.$/);
  assert.equal(referable, "false");
});

test("a model without a head says that oedema was not assessed", async () => {
  await open(page, folder, await withHead(null));
  const { edema, referable } = await graded("1_left.png");
  assert.equal(edema, "Macular oedema: not assessed.");
  assert.equal(referable, "false");
  const row = (await savedJson(page)).at(-1);
  assert.deepEqual([row.edema, row.edemaProbabilities, row.edemaReferable], ["Macular oedema: not assessed.", null, null]);
  assert.doesNotMatch(await page.locator("#model-card-body").textContent(), /Macular oedema, measured/);
});

test("no sign of a risk leaves the decision as it was", async () => {
  await open(page, folder, await withHead([6, 0, 0]));
  const { edema, referable, referral } = await graded("2_left.png");
  assert.equal(edema, "Macular oedema: no sign of a risk (chance <1\u00a0%).");
  assert.equal(referable, "false");
  assert.match(referral, /^No referral/);
});

test("a risk refers a healthy grade and its patient, with the reason, at every operating point", async () => {
  await open(page, folder, await withHead([0, 0, 3]));
  const { edema, referable, referral, grade } = await graded("3_left.png");
  assert.equal(grade, "0");
  assert.equal(edema, "Macular oedema: risk likely (chance 95\u00a0%), as of hard exudates near the centre.");
  assert.equal(referable, "true");
  assert.match(referral, /^Refer: a risk of macular oedema/);
  const shown = card(page, "3_left.png");
  await graded("3_right.png");
  await shown.locator(".eye__says").filter({ hasText: "macular oedema in an eye" }).waitFor();
  assert.match(await shown.locator(".card__follow-up").textContent(), /^Guideline where macular oedema is found/, "the grade’s interval is for eyes without");
  const row = (await savedJson(page)).at(-1);
  assert.equal(row.edemaReferable, true);
  assert.equal(row.patientDecision, "refer");
  assert.ok(Math.abs(row.edemaProbabilities[2] - 0.909) < 1e-3);
  await page.locator("#points").evaluate((details) => (details.open = true));
  await page.locator("#point-specific").check();
  await page.waitForFunction((article) => article.dataset.point === "specific", await shown.elementHandle());
  assert.equal(await shown.evaluate((article) => article.dataset.referable), "true");
  assert.match(await shown.locator(".card__referral").textContent(), /^Refer: a risk of macular oedema/);
});

test("a risk that refers is as prominent as the referral, and is announced", async () => {
  const looks = (line) => line.evaluate((one) => (({ fontSize, fontWeight, color }) => ({ fontSize, fontWeight, color }))(getComputedStyle(one)));
  const shown = card(page, "3_left.png");
  const risk = shown.locator(".card__risk");
  assert.equal(await risk.isVisible(), true);
  assert.deepEqual(await looks(risk), await looks(shown.locator(".card__referral")));
  assert.ok(Number((await looks(risk)).fontWeight) >= 600, "not by colour alone");
  assert.equal(await card(page, "2_left.png").locator(".card__risk").isHidden(), true);
  await graded("4_left.png");
  await page.waitForFunction(() => /\d_left\.png: 0 · None\. Refer: .*Macular oedema: risk likely/.test(document.querySelector("#announcer").textContent));
});

test("the report and the model's card tell of it", async () => {
  const body = await page.locator("#model-card-body").textContent();
  assert.match(body, /Macular oedema, measured on toys \(validation\), 12 photographs/);
  assert.match(body, /probability 0\.200; sensitivity 0\.960, specificity 0\.800 on 12 validation photos of toys/);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  const sheet = await page.locator(".sheet").last().textContent();
  for (const part of [/Macular oedema: risk likely/, /For the patient: Refer: a risk of macular oedema/, /Macular oedema, measured on toys/]) assert.match(sheet, part);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
});

test("it is said in every language, with the chance", async () => {
  for (const [language, words] of [
    ["es", /^Edema macular: riesgo probable \(probabilidad 95\s?%\)/],
    ["da", /^Makulaødem: sandsynlig risiko \(sandsynlighed 95\s?%\)/],
    ["ar", /^الوذمة البقعية: خطر مرجَّح \(الاحتمال [^{]+\)/],
  ]) {
    await page.locator("#language").selectOption(language);
    await page.waitForFunction((tag) => document.documentElement.lang === tag, language);
    assert.match(await edemaOn(card(page, "3_left.png")), words);
  }
});
