// The page's table and the command's are one table: the same columns, and the
// same values wherever they do not tell of machine and moment.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { allDone, choose, modelReady, photo, SITE, visit } from "./help/page.js";
import { drawnPng, textAsJpeg } from "./help/pictures.js";

const FOVEA = process.env.FOVEA_BIN;
const OF_THE_RUN = ["own_model", "backend", "milliseconds", "graded_at"];

// Cells after RFC 4180.
function parse(csv) {
  const rows = [[]];
  for (const [, quoted, plain, end] of csv.replace("\ufeff", "").matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\r\n") rows.push([]);
    if (end === "") break;
  }
  const [columns, ...cells] = rows.filter((row) => row.length > 1);
  return { columns, rows: cells.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]]))) };
}

test("the page's table and the command's have the same columns and values", { skip: !FOVEA && "FOVEA_BIN names no command" }, async () => {
  const visitor = await visit({ query: "?backend=cpu" });
  const folder = await mkdtemp(join(tmpdir(), "fovea-table-"));
  try {
    const { page } = visitor;
    await modelReady(page);
    const files = [
      ["7_left.png", await drawnPng(page, 3, 8)],
      ["7_right.png", await drawnPng(page, 0, 3)],
      ['=SUM(1,"x")_left.png', await drawnPng(page, 2, 2)],
      ["broken, really.jpg", textAsJpeg()],
    ];
    await choose(page, ...files.map(([name, bytes]) => photo(name, bytes, "image/png")));
    await allDone(page);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save results (CSV)" }).click();
    const ofPage = parse(await readFile(await (await download).path(), "utf8"));

    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    // One photograph cannot be read, so the command ends with a failure code.
    await promisify(execFile)(FOVEA, ["grade", ...files.map(([name]) => name), "--bundle", join(SITE, "model"), "--out", "results.csv"], { cwd: folder }).catch((error) => error);
    const ofCommand = parse(await readFile(join(folder, "results.csv"), "utf8"));

    assert.deepEqual(ofCommand.columns, ofPage.columns);
    assert.equal(ofPage.rows.length, files.length);
    assert.equal(ofCommand.rows.length, files.length);
    for (const [index, row] of ofCommand.rows.entries()) {
      for (const [column, value] of Object.entries(ofPage.rows[index])) {
        if (OF_THE_RUN.includes(column)) continue;
        const both = `${files[index][0]}: ${column}`;
        if (/^(p\d|edema_p\d|doubt_chance)$/.test(column) && value !== "") assert.ok(Math.abs(row[column] - value) < 1e-3, both);
        else assert.equal(row[column], value, both);
      }
    }
  } finally {
    await visitor.close();
    await rm(folder, { recursive: true, force: true });
  }
});
