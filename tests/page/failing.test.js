// The model does not come, or comes broken: said, and mended by trying again.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { clearEverything, gradeDrawn, modelReady, offlineReady, SITE, siteList, visit } from "./help/page.js";

const isWeights = (path) => path.startsWith("model/") && !path.endsWith(".json");

test("a model the server does not give can be asked for again", async () => {
  const visitor = await visit({ query: "?backend=cpu", goto: false });
  const { page, server } = visitor;
  try {
    server.refuse = isWeights;
    await page.goto(visitor.address);
    await page.waitForSelector("html[data-model=error]", { state: "attached", timeout: 60_000 });
    assert.match(await page.locator("#loading-text").textContent(), /503/);
    server.refuse = () => false;
    await page.getByRole("button", { name: "Try again" }).click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "loading-text");
    await modelReady(page);
    assert.equal((await gradeDrawn(page)).status, "graded");
  } finally {
    await visitor.close();
  }
});

test("whoever waits at their photographs is told that the model failed, until it is asked for again", async () => {
  const visitor = await visit({ query: "?backend=cpu", goto: false, viewport: { width: 390, height: 844 } });
  const { page, server } = visitor;
  try {
    let answer;
    server.refuse = isWeights;
    const held = new Promise((resolve) => (answer = resolve));
    server.hold = (path) => (path === "model/model.json" ? held : undefined);
    await page.goto(visitor.address);
    await page.locator("#draw").waitFor();
    for (let n = 0; n < 2; n++) await page.getByRole("button", { name: "Try a drawn photograph" }).click();
    assert.equal(await page.locator("#loading-text").evaluate((text) => text.getBoundingClientRect().bottom > 0), false, "out of sight");
    answer();
    const told = page.getByRole("region", { name: "Message" });
    await told.getByText(/^The model could not be loaded\. The server answered 503/).waitFor();
    server.refuse = () => false;
    await page.locator("#loading-retry").click();
    await modelReady(page);
    assert.equal(await told.isVisible(), false);
    await page.waitForFunction(() => [...document.querySelectorAll("article")].every(({ dataset }) => dataset.status === "graded"));
  } finally {
    await visitor.close();
  }
});

test("a download that broke off goes on where it stopped, where the server gives parts", async () => {
  for (const ranges of [true, false]) {
    const visitor = await visit({ query: "?backend=cpu", goto: false });
    const { page, server } = visitor;
    try {
      server.ranges = ranges;
      server.breakAfter = (path) => (isWeights(path) ? 9e6 : 0);
      await page.goto(visitor.address);
      await page.waitForSelector("html[data-model=error]", { state: "attached", timeout: 60_000 });
      server.breakAfter = () => 0;
      const from = server.requests.length;
      await page.getByRole("button", { name: "Try again" }).click();
      await modelReady(page);
      assert.equal((await gradeDrawn(page)).status, "graded");
      await offlineReady(page);
      const asked = server.requests.slice(from).filter(({ path }) => isWeights(path));
      assert.deepEqual(asked.map(({ status }) => status), [ranges ? 206 : 200]);
      assert.equal(asked[0].sentBytes < 15e6, ranges, `${asked[0].sentBytes} bytes`);
      const kept = await page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith("fovea-model-")));
      assert.equal(kept.length, 1);
    } finally {
      await visitor.close();
    }
  }
});

test("a network that comes back is noticed: the model loads and the page is stored without a word", async () => {
  const visitor = await visit({ query: "?backend=cpu", goto: false });
  const { page, server, context } = visitor;
  try {
    server.breakAfter = (path) => (isWeights(path) ? 9e6 : 0);
    const broken = page.waitForSelector("html[data-model=error]", { state: "attached", timeout: 60_000 });
    server.hold = async (path) => {
      if (isWeights(path)) await context.setOffline(true);
    };
    await page.goto(visitor.address);
    await broken;
    await page.waitForSelector("html[data-offline=failed]", { state: "attached" });
    server.breakAfter = () => 0;
    server.hold = async () => {};
    await context.setOffline(false);
    await modelReady(page);
    await offlineReady(page);
  } finally {
    await visitor.close();
  }
});

test("a damaged model is refused, told, and not kept", async () => {
  const site = await mkdtemp(join(tmpdir(), "fovea-site-"));
  await cp(SITE, site, { recursive: true });
  const { lazy } = await siteList(site);
  const weights = join(site, lazy.find(({ url }) => isWeights(url)).url);
  const bytes = await readFile(weights);
  bytes[bytes.length >> 1] ^= 0x10;
  await writeFile(weights, bytes);
  const visitor = await visit({ site, query: "?backend=cpu" });
  const { page } = visitor;
  try {
    await page.waitForSelector("html[data-model=error]", { state: "attached", timeout: 60_000 });
    assert.ok((await page.locator("#loading-text").textContent()).length > 40);
    const kept = await page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith("fovea-model-")));
    assert.deepEqual(kept, []);
  } finally {
    await visitor.close();
    await rm(site, { recursive: true, force: true });
  }
});

test("a stored model that has gone bad is replaced from the site", async () => {
  const visitor = await visit({ query: "?backend=cpu" });
  const { page } = visitor;
  try {
    await modelReady(page);
    await page.evaluate(async () => {
      const name = (await caches.keys()).find((one) => one.startsWith("fovea-model-"));
      const cache = await caches.open(name);
      const request = (await cache.keys()).find(({ url }) => url.endsWith(".safetensors"));
      const bytes = new Uint8Array(await (await cache.match(request)).arrayBuffer());
      bytes[bytes.length >> 1] ^= 0x10;
      await cache.put(request, new Response(bytes));
    });
    await page.reload();
    await modelReady(page);
    assert.equal((await gradeDrawn(page)).status, "graded");
  } finally {
    await visitor.close();
  }
});

test("over plain http in a clinic’s network it grades, and says what it cannot do there", async () => {
  const visitor = await visit({ query: "?backend=cpu", host: "fovea.clinic" });
  const { page } = visitor;
  try {
    assert.equal(await page.evaluate(() => isSecureContext), false);
    await modelReady(page);
    assert.equal((await gradeDrawn(page)).status, "graded");
    assert.match(await page.locator("#offline").textContent(), /^Not available at this address/);
    await clearEverything(page);
    await modelReady(page);
    assert.equal((await gradeDrawn(page)).status, "graded");

    await page.getByRole("button", { name: "Remove Fovea from this device" }).click();
    await page.waitForFunction(() => document.querySelector("#offline").textContent.startsWith("Removed"), null, { timeout: 5000 });
  } finally {
    await visitor.close();
  }
});

// As Firefox in its private windows.
test("where a browser stores no page, it grades, and the address is not blamed", async () => {
  const visitor = await visit({ query: "?backend=cpu", goto: false });
  const { page } = visitor;
  try {
    await page.addInitScript(() => delete Navigator.prototype.serviceWorker);
    await page.goto(visitor.address);
    await modelReady(page);
    assert.equal((await gradeDrawn(page)).status, "graded");
    await page.waitForSelector("html[data-offline=unsupported]", { state: "attached" });
    assert.match(await page.locator("#offline").textContent(), /^Not available: this browser stores no page/);
    assert.deepEqual(visitor.errors, []);
  } finally {
    await visitor.close();
  }
});

test("where the model is lost after the work, what was graded prints, and nothing waits for it unsaid", async () => {
  // Nothing is kept here, so that a new worker has to fetch it again.
  const visitor = await visit({ query: "?backend=cpu", host: "fovea.clinic" });
  const { page, server } = visitor;
  try {
    await modelReady(page);
    assert.equal((await gradeDrawn(page)).status, "graded");
    server.refuse = isWeights;
    await page.workers()[0].evaluate(() => {
      self.onmessage = () => {
        throw new WebAssembly.RuntimeError("unreachable");
      };
    });
    assert.equal((await gradeDrawn(page)).status, "error");
    await page.waitForSelector("html[data-model=error]", { state: "attached", timeout: 60_000 });
    await page.evaluate(() => (window.print = () => (window.printed = true)));
    await page.getByRole("button", { name: "Print a report" }).click();
    await page.waitForFunction(() => window.printed, null, { timeout: 20_000 });
    await page.locator("article").first().getByRole("button", { name: "Where it looked" }).click();
    await page.getByRole("dialog").getByText("The server answered 503.").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#diagnostics").evaluate((details) => (details.open = true));
    await page.locator("#self-test").click();
    await page.locator("#diagnostics-told").getByText("Failed. The server answered 503.").waitFor();
    server.refuse = () => false;
    await page.getByRole("button", { name: "Try again", exact: true }).first().click();
    await modelReady(page);
    await page.locator("article").first().getByRole("button", { name: "Where it looked" }).click();
    await page.waitForSelector("dialog[data-shown=true]", { timeout: 60_000 });
  } finally {
    await visitor.close();
  }
});
