// Every request a visit makes is a GET, without a body, for a file of the site.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { card, choose, gradeDrawn, modelReady, offlineReady, photo, result, savedJson, siteList, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

// Chromium's own errands, which no page causes: its clock, its updates, its sign-in.
const BROWSERS_OWN = /^(https?:\/\/)?([\w-]+\.)*(google|googleapis|gstatic|gvt1)\.com(:443|[:/]|$)/;

let visitor;
let page;
const asked = [];
before(async () => {
  visitor = await visit({ goto: false });
  page = visitor.page;
  visitor.context.on("request", (request) => asked.push(request));
  await page.goto(visitor.address);
  await modelReady(page);
  await offlineReady(page);
});
after(() => visitor?.close());

test("grading, saving and reloading ask for nothing but files of the site", async () => {
  await gradeDrawn(page);
  await choose(page, photo("left.png", await drawnPng(page, 3, 2), "image/png"));
  await result(card(page, "left.png"));
  await savedJson(page);
  await page.reload();
  await modelReady(page);
  await gradeDrawn(page);

  const { files, lazy } = await siteList();
  const known = new Set(["", "sw.js", "precache.json", ...[...files, ...lazy].map(({ url }) => url)]);
  assert.ok(visitor.server.requests.length > files.length);
  for (const { method, path, bodyBytes } of visitor.server.requests) {
    assert.equal(method, "GET", path);
    assert.equal(bodyBytes, 0, path);
    assert.ok(known.has(path), `${path} is not a file of the site`);
  }
  for (const request of asked) {
    const url = new URL(request.url());
    // blob: is memory of this page: a thumbnail, a saved file.
    if (url.protocol !== "blob:") assert.equal(url.origin, visitor.server.origin, request.url());
    assert.equal(request.method(), "GET");
    assert.equal(request.postData(), null);
  }
  assert.deepEqual(visitor.outside.asked.filter((where) => !BROWSERS_OWN.test(where)), []);
});

test("the page could not send anything elsewhere if it wanted to", async () => {
  const blocked = await page.evaluate(() =>
    Promise.allSettled([
      fetch("https://elsewhere.example/"),
      new Promise((resolve, reject) => Object.assign(new Image(), { onload: resolve, onerror: reject, src: "https://elsewhere.example/x.png" })),
    ]).then((all) => all.map(({ status }) => status)),
  );
  assert.deepEqual(blocked, ["rejected", "rejected"]);
  assert.ok(!visitor.outside.asked.some((where) => where.includes("elsewhere.example")));
});

test("the worker that holds photographs has no network left", async () => {
  const worker = page.workers().find((one) => one.url().includes("worker.js"));
  const ways = await worker.evaluate(() => [typeof fetch, typeof XMLHttpRequest, typeof WebSocket, typeof EventSource]);
  assert.deepEqual(ways, ["undefined", "undefined", "undefined", "undefined"]);
  const others = await worker.evaluate(() => [typeof Worker, typeof SharedWorker, typeof FontFace, typeof Notification]);
  assert.deepEqual(others, ["undefined", "undefined", "undefined", "undefined"]);
  const brought = await worker.evaluate(() => Object.getOwnPropertyNames(Object.getPrototypeOf(Object.getPrototypeOf(self))).includes("fetch"));
  assert.equal(brought, false);
});

test("nor can it bring in a script by its address, which no function is needed for", async () => {
  const first = await visit(); // which no service worker answers yet
  try {
    await modelReady(first.page);
    for (const { page, outside } of [first, visitor]) {
      const [worker] = page.workers();
      const answers = await worker.evaluate(async () => {
        const all = await Promise.allSettled([import("https://elsewhere.example/x.js"), import("data:text/javascript,")]);
        return all.map(({ status }) => status);
      });
      assert.deepEqual(answers, ["rejected", "rejected"], worker.url());
      assert.ok(!outside.asked.some((where) => where.includes("elsewhere.example")), worker.url());
    }
  } finally {
    await first.close();
  }
});

// As a host that sends a policy of its own may, written for the page as it was.
test("where the host's own policy forbids the blob that workers begin from, they begin from the file, bound by that", async () => {
  const other = await visit({ query: "?backend=cpu", goto: false });
  const { page } = other;
  try {
    other.server.headers = { "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob:" };
    await page.goto(other.address);
    await modelReady(page);
    assert.equal((await gradeDrawn(page)).status, "graded");
    const brought = await page.workers()[0].evaluate(() => import("data:text/javascript,").then(() => "in", () => "refused"));
    assert.equal(brought, "refused");
  } finally {
    await other.close();
  }
});

test("the policy is the strict one", async () => {
  const policy = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /connect-src 'self'/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*|https?:/);
});
