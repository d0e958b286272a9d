// Real photographs, where they are at hand: speed, and the same answer as the
// native command.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { allDone, card, choose, clearEverything, modelReady, photo, result, savedJson, SHARED, SITE, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

const FULL_SIZE = join(SHARED, "data/idrid-fullsize");
const NATURAL = join(SHARED, "data/natural");
const FOVEA = process.env.FOVEA_BIN;

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
});
after(() => visitor?.close());

test("a photograph as the camera wrote it is graded in under 3 seconds", { skip: !existsSync(FULL_SIZE) && "../shared/data/idrid-fullsize is absent" }, async (t) => {
  for (const name of (await readdir(FULL_SIZE)).filter((file) => file.endsWith(".jpg")).sort()) {
    const bytes = await readFile(join(FULL_SIZE, name));
    const start = performance.now();
    await choose(page, photo(name, bytes));
    const graded = await result(card(page, name));
    const seconds = (performance.now() - start) / 1000;
    t.diagnostic(`${name}: ${graded.heading}, ${seconds.toFixed(2)} s`);
    assert.equal(graded.status, "graded", graded.reason);
    assert.ok(seconds < 3, `${name} took ${seconds.toFixed(2)} s`);
  }
});

test("the page and the command give the same answer", { skip: !FOVEA && "FOVEA_BIN names no command" }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "fovea-same-"));
  try {
    const names = [];
    for (const grade of [0, 1, 2, 3, 4]) {
      const name = `same-${grade >> 1}_${grade % 2 ? "left" : "right"}.png`;
      await writeFile(join(folder, name), await drawnPng(page, grade, 100 + grade));
      names.push(join(folder, name));
    }
    for (const [source, most] of [
      [FULL_SIZE, 3],
      [NATURAL, 3],
    ]) {
      if (existsSync(source)) names.push(...(await readdir(source)).filter((file) => file.endsWith(".jpg")).sort().slice(0, most).map((file) => join(source, file)));
    }
    await clearEverything(page).catch(() => {});
    await modelReady(page);
    for (const name of names) await choose(page, photo(name.split("/").pop(), await readFile(name), name.endsWith(".png") ? "image/png" : "image/jpeg"));
    await allDone(page);
    const here = await savedJson(page);
    // One unreadable photograph makes the command's exit status say so; the rows are whole.
    const { stdout } = await promisify(execFile)(FOVEA, ["grade", ...names, "--format", "json", "--bundle", join(SITE, "model")], { maxBuffer: 2 ** 26 }).catch((error) => error);
    const there = JSON.parse(stdout);
    assert.equal(here.length, there.length);
    for (const [index, native] of there.entries()) {
      const web = here[index];
      assert.equal(web.status, native.status, web.file);
      assert.equal(web.grade, native.grade, web.file);
      assert.equal(web.referable, native.referable, web.file);
      assert.equal(web.bundle, native.bundle, web.file);
      for (const key of ["gradeName", "referral", "unsure", "doubt", "patient", "eye", "patientDecision", "followUp", "guideline", "model", "preprocessing", "error", "errorCode"]) assert.equal(web[key], native[key], `${key} of ${web.file}`);
      assert.deepEqual(web.between, native.between, web.file);
      assert.deepEqual(web.agreement?.grades, native.agreement?.grades, web.file);
      assert.ok(Math.abs(web.doubtChance - native.doubtChance) <= 2e-3, `${web.file}: ${web.doubtChance} here, ${native.doubtChance} natively`);
      for (const [grade, probability] of (native.probabilities ?? []).entries()) {
        assert.ok(Math.abs(web.probabilities[grade] - probability) <= 1e-3, `${web.file}: ${web.probabilities} here, ${native.probabilities} natively`);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
