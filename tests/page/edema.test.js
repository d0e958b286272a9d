// The risk of macular oedema: told by a model that has a head for it, with the
// reason where it refers, in every language and in every file; and the words
// "not assessed" by one that has none.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { card, choose, modelReady, photo, result, savedJson, SITE, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

const HEAD = "fc_beside.";

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

// The shipped model with a head that gives every photograph the same logits, or
// with none.
async function model(logits) {
  const manifest = JSON.parse(await readFile(join(SITE, "model/model.json"), "utf8"));
  const weights = withHead(await readFile(join(SITE, "model", manifest.weights.file)), logits);
  delete manifest.edema;
  if (logits) {
    const figures = { dataset: "toys (validation)", n: 12, accuracy: 0.75, kappa_quadratic: 0.7, cross_entropy: 0.5, referable_auc: 0.9, ece: 0.05 };
    const referable = { threshold: 0.2, sensitivity: 0.96, specificity: 0.8, fixed_on: "12 validation photos of toys" };
    manifest.edema = { temperature: 1, referable, taught_by: "30 training photos of toys", penalty: 100, figures, command: "none" };
  }
  manifest.name = logits ? `head-${logits.join("")}` : "headless";
  manifest.weights = { ...manifest.weights, bytes: weights.length, sha256: createHash("sha256").update(weights).digest("hex") };
  return { manifest, weights };
}

// A safetensors file: the length of a header, the header, and the numbers it names.
function withHead(file, logits) {
  const length = Number(file.readBigUInt64LE(0));
  const data = file.subarray(8 + length);
  const header = {};
  const parts = [];
  let end = 0;
  const put = (name, dtype, shape, bytes) => {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    parts.push(bytes);
    end += bytes.length;
  };
  const { __metadata__, ...tensors } = JSON.parse(file.subarray(8, 8 + length).toString("utf8"));
  const inOrder = Object.entries(tensors).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
  for (const [name, { dtype, shape, data_offsets: at }] of inOrder) if (!name.startsWith(HEAD)) put(name, dtype, shape, data.subarray(...at));
  if (logits) {
    const [, features] = tensors["fc.weight"].shape;
    put(`${HEAD}weight`, "F32", [3, features], Buffer.alloc(4 * 3 * features));
    put(`${HEAD}bias`, "F32", [3], Buffer.from(Float32Array.from(logits).buffer));
  }
  const json = JSON.stringify(header);
  const start = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(start.length));
  return Buffer.concat([size, start, ...parts]);
}

async function use({ manifest, weights }) {
  const files = { manifest: join(folder, "model.json"), weights: join(folder, "mine.safetensors") };
  await writeFile(files.manifest, JSON.stringify(manifest));
  await writeFile(files.weights, weights);
  await page.locator("#own").evaluate((details) => (details.open = true));
  await page.locator("#own-manifest").setInputFiles(files.manifest);
  await page.locator("#own-weights").setInputFiles(files.weights);
  await page.getByRole("button", { name: "Check and use it" }).click();
  await page.waitForFunction((name) => document.querySelector("#own-told").textContent.includes(name), manifest.name, { timeout: 60_000 });
}

async function graded(name) {
  await choose(page, photo(name, healthy, "image/png"));
  const found = await result(card(page, name));
  assert.equal(found.status, "graded");
  return { ...found, edema: await card(page, name).locator(".card__aside p").first().textContent() };
}

test("a model without a head says that oedema was not assessed", async () => {
  await use(await model(null));
  const { edema, referable } = await graded("1_left.png");
  assert.equal(edema, "Macular oedema: not assessed.");
  assert.equal(referable, "false");
  const row = (await savedJson(page)).at(-1);
  assert.deepEqual([row.edema, row.edemaProbabilities, row.edemaReferable], ["Macular oedema: not assessed.", null, null]);
  assert.doesNotMatch(await page.locator("#model-card-body").textContent(), /Macular oedema, measured/);
});

test("no sign of a risk leaves the decision as it was", async () => {
  await use(await model([6, 0, 0]));
  const { edema, referable, referral } = await graded("2_left.png");
  assert.equal(edema, "Macular oedema: no sign of a risk (chance <1\u00a0%).");
  assert.equal(referable, "false");
  assert.match(referral, /^No referral/);
});

test("a risk refers a healthy grade and its patient, with the reason, at every operating point", async () => {
  await use(await model([0, 0, 3]));
  const { edema, referable, referral, grade } = await graded("3_left.png");
  assert.equal(grade, "0");
  assert.equal(edema, "Macular oedema: risk likely (chance 95\u00a0%), as of hard exudates near the centre.");
  assert.equal(referable, "true");
  assert.match(referral, /^Refer: a risk of macular oedema/);
  const shown = card(page, "3_left.png");
  await graded("3_right.png");
  await shown.locator(".eye__says").filter({ hasText: "macular oedema in an eye" }).waitFor();
  assert.equal(await shown.locator(".card__follow-up").isHidden(), true, "the guideline’s interval is for eyes without oedema");
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
    assert.match(await card(page, "3_left.png").locator(".card__aside p").first().textContent(), words);
  }
});
