// A day's work through one tab: five hundred photographs, and the memory of the
// page is flat. FOVEA_PHOTOS takes another number.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { modelReady, visit } from "./help/page.js";
import { drawnPng, smallJpeg } from "./help/pictures.js";

const PHOTOS = Number(process.env.FOVEA_PHOTOS ?? 500);
// Until here the wasm memory and the browser's own caches still grow.
const WARM = Math.min(100, Math.floor(PHOTOS / 4));
// So many are left when memory is measured again.
const LAST = 10;

let visitor;
let page;
let folder;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", args: ["--js-flags=--expose-gc"] });
  page = visitor.page;
  await modelReady(page);
  folder = await mkdtemp(join(tmpdir(), "fovea-many-"));
});
after(async () => {
  await visitor?.close();
  await rm(folder, { recursive: true, force: true });
});

test(`${PHOTOS} photographs go through one tab and its memory stays flat`, { timeout: 900_000, skip: process.platform !== "linux" && "memory is read from /proc" }, async (t) => {
  const drawings = [];
  for (const grade of [0, 1, 2, 3, 4]) drawings.push(await smallJpeg(page, await drawnPng(page, grade, 60 + grade), 256));
  const files = [];
  for (let n = 0; n < PHOTOS; n++) {
    const file = join(folder, `${Math.floor(n / 2)}_${n % 2 ? "left" : "right"}.jpg`);
    await writeFile(file, drawings[n % drawings.length]);
    files.push(file);
  }
  const began = performance.now();
  await page.locator("input[type=file][multiple]").setInputFiles(files);
  await done(WARM);
  const early = await memory();
  // While the last are graded: afterwards the helpers are gone, and their memory.
  await done(PHOTOS - LAST);
  const late = await memory();
  await done(PHOTOS);
  const seconds = (performance.now() - began) / 1000;
  t.diagnostic(`${seconds.toFixed(0)} s; ${describe(early)} after ${WARM}, ${describe(late)} after ${PHOTOS - LAST}`);
  assert.equal(await page.locator("article[data-status=graded]").count(), PHOTOS);
  assert.ok(early.renderer > 50e6, "the page's process was not found");
  assert.ok(late.renderer <= early.renderer * 1.1, `${describe(early)} after ${WARM}, ${describe(late)} after ${PHOTOS - LAST}`);
});

const done = (count) =>
  page.waitForFunction((wanted) => document.querySelectorAll("article:not([data-status=queued], [data-status=working])").length >= wanted, count, { timeout: 600_000, polling: 500 });

const describe = ({ renderer, browser }) => `${(renderer / 1e6).toFixed(0)} MB (browser ${(browser / 1e6).toFixed(0)} MB)`;

// Resident memory of the page's own process and of the browser's, rubbish taken out.
async function memory() {
  await page.evaluate(() => globalThis.gc?.());
  const session = await visitor.context.browser()?.newBrowserCDPSession() ?? (await visitor.context.newCDPSession(page));
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const resident = async (type) => {
    const sizes = await Promise.all(processInfo.filter((one) => one.type === type).map(({ id }) => residentOf(id)));
    return Math.max(...sizes);
  };
  return { renderer: await resident("renderer"), browser: await resident("browser") };
}

async function residentOf(process) {
  const status = await readFile(`/proc/${process}/status`, "utf8").catch(() => "");
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
}
