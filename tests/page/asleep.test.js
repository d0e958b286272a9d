// A phone puts the page aside in the middle of its work, a laptop is shut: awake
// again, it goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { card, choose, modelReady, photo, result, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

// The three minutes that the page waits for a worker pass so many times as fast here.
const FASTER = 60;
const MINUTES = 180_000;

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", goto: false });
  page = visitor.page;
  await page.addInitScript(
    ([minutes, faster]) => {
      const { setTimeout } = window;
      const now = performance.now.bind(performance);
      performance.now = () => faster * now();
      window.setTimeout = (work, after, ...given) => setTimeout(work, after === minutes ? minutes / faster : after, ...given);
    },
    [MINUTES, FASTER],
  );
  await page.goto(visitor.address);
  await modelReady(page);
});
after(() => visitor?.close());

// The next photograph takes so long to be graded.
async function gradeIn(milliseconds) {
  await page.workers()[0].evaluate((after) => {
    const hear = self.onmessage;
    self.onmessage = (event) => (event.data.method === "grade" ? setTimeout(hear, after, event) : hear(event));
  }, milliseconds);
}

// Stops the page's process, its workers and all, as a system does.
async function sleep(milliseconds) {
  const session = await visitor.context.browser()?.newBrowserCDPSession() ?? (await visitor.context.newCDPSession(page));
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const renderers = processInfo.filter(({ type }) => type === "renderer");
  for (const { id } of renderers) process.kill(id, "SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  for (const { id } of renderers) process.kill(id, "SIGCONT");
}

test("a photograph under way while the page slept is graded all the same", { skip: process.platform === "win32" && "no process is stopped there" }, async () => {
  await gradeIn(2000);
  await choose(page, photo("7_left.png", await drawnPng(page, 0, 3), "image/png"));
  await page.waitForSelector("article[data-status=working]");
  await sleep((2 * MINUTES) / FASTER);
  const { status, reason } = await result(card(page, "7_left.png"));
  assert.equal(status, "graded", reason);
});

test("a worker that hangs is given up", async () => {
  await gradeIn(3_600_000);
  await choose(page, photo("8_left.png", await drawnPng(page, 0, 3), "image/png"));
  const { status, reason } = await result(card(page, "8_left.png"));
  assert.equal(status, "error");
  assert.match(reason, /too long/);
});
