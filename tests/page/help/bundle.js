// Models of the visitor's own, made from the shipped one.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SITE } from "./page.js";

const HEAD = "fc_beside.";

export async function shipped() {
  const manifest = JSON.parse(await readFile(join(SITE, "model/model.json"), "utf8"));
  return { manifest, weights: await readFile(join(SITE, "model", manifest.weights.file)) };
}

// The weights' line of a manifest, for these bytes.
export const signed = (weights, line) => ({ ...line, bytes: weights.length, sha256: createHash("sha256").update(weights).digest("hex") });

// The shipped model with a head that gives every photograph the same logits of
// oedema, or with none.
export async function withHead(logits) {
  const { manifest, weights: file } = await shipped();
  const weights = headed(file, logits);
  delete manifest.edema;
  if (logits) {
    const figures = { dataset: "toys (validation)", n: 12, accuracy: 0.75, kappa_quadratic: 0.7, cross_entropy: 0.5, referable_auc: 0.9, ece: 0.05 };
    const referable = { threshold: 0.2, sensitivity: 0.96, specificity: 0.8, fixed_on: "12 validation photos of toys" };
    manifest.edema = { temperature: 1, referable, taught_by: "30 training photos of toys", penalty: 100, figures, command: "none" };
  }
  manifest.name = logits ? `head-${logits.join("")}` : "headless";
  manifest.weights = signed(weights, manifest.weights);
  return { manifest, weights };
}

// A safetensors file: the length of a header, the header, and the numbers it names.
function headed(file, logits) {
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

// Opens a model from disk in the page, by way of files in `folder`.
export async function open(page, folder, { manifest, weights }) {
  const files = { manifest: join(folder, "model.json"), weights: join(folder, "mine.safetensors") };
  await writeFile(files.manifest, JSON.stringify(manifest));
  await writeFile(files.weights, weights);
  await page.locator("#own").evaluate((details) => (details.open = true));
  await page.locator("#own-manifest").setInputFiles(files.manifest);
  await page.locator("#own-weights").setInputFiles(files.weights);
  await page.getByRole("button", { name: "Check and use it" }).click();
  await page.waitForFunction((name) => document.querySelector("#own-told").textContent.includes(name), manifest.name, { timeout: 60_000 });
}
