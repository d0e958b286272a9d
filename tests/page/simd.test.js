// Browsers that know WebAssembly's relaxed SIMD run the faster file and keep no
// other; where that file cannot be had, the plain one grades the same.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gradeDrawn, modelReady, offlineReady, siteList, visit } from "./help/page.js";

const isRelaxed = (path) => path.startsWith("pkg/fovea_cpu_relaxed");

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", goto: false });
  page = visitor.page;
});
after(() => visitor?.close());

const kept = () =>
  page.evaluate(async () => {
    const shell = (await caches.keys()).find((name) => name.startsWith("fovea-shell-"));
    const urls = (await (await caches.open(shell)).keys()).map(({ url }) => new URL(url).pathname.slice(1));
    return urls.filter((url) => url.startsWith("pkg/fovea_cpu"));
  });

test("this browser runs and keeps the one file it is listed for", async () => {
  await page.goto(visitor.address);
  const { backend } = await modelReady(page);
  await offlineReady(page);
  assert.equal(backend, "cpu-relaxed-simd");
  const { files } = await siteList();
  const listed = files.filter(({ relaxed }) => relaxed).map(({ url }) => url);
  assert.equal(listed.length, 2);
  assert.deepEqual((await kept()).sort(), listed.sort());
  const asked = visitor.server.requests.map(({ path }) => path);
  assert.ok(!asked.some((path) => path.startsWith("pkg/fovea_cpu") && !isRelaxed(path)));
});

test("without that file the plain one grades, the same to rounding", async () => {
  const seed = 11;
  const draw = () => page.evaluate((wanted) => (crypto.getRandomValues = (numbers) => numbers.fill(wanted)), seed);
  await draw();
  const fast = await gradeDrawn(page);
  await page.getByRole("button", { name: "Remove Fovea from this device" }).click();
  await page.waitForSelector("html[data-offline=removed]", { state: "attached" });
  visitor.server.refuse = isRelaxed;
  await page.reload();
  assert.equal((await modelReady(page)).backend, "cpu-simd");
  await draw();
  const plain = await gradeDrawn(page);
  assert.equal(plain.status, "graded");
  assert.deepEqual([plain.heading, plain.bars, plain.referral], [fast.heading, fast.bars, fast.referral]);
});
