// Files that are no photograph: each its own sentence, and the page goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { card, choose, gradeDrawn, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { empty, textAsJpeg, truncatedJpeg, vastPng } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
});
after(() => visitor?.close());

test("each hostile file gets its own error and the page goes on", async () => {
  const files = [
    photo("list.jpg", textAsJpeg()),
    photo("cut.jpg", await truncatedJpeg(page)),
    photo("vast.png", vastPng(), "image/png"),
    photo("empty.jpg", empty()),
  ];
  await choose(page, ...files);
  const reasons = [];
  for (const { name } of files) {
    const outcome = await result(card(page, name));
    assert.equal(outcome.status, "error", `${name}: ${outcome.heading}`);
    assert.ok(outcome.reason.length > 20, `${name}: ${outcome.reason}`);
    assert.equal(outcome.grade, "");
    assert.match(outcome.reason, /^[A-Z].*\.$/, "a sentence, to stand beside others");
    assert.equal(await card(page, name).getByText("How this was graded").isVisible(), false);
    reasons.push(outcome.reason);
  }
  assert.equal(new Set(reasons).size, files.length, reasons.join("\n"));
  const rows = await savedJson(page);
  assert.deepEqual(rows.map(({ error }) => `${error[0].toUpperCase()}${error.slice(1)}.`), reasons);
  const graded = await gradeDrawn(page);
  assert.equal(graded.status, "graded", graded.reason);
});

test("a name that is markup stays a name", async () => {
  const name = "<img src=x onerror=alert(1)>.jpg";
  await choose(page, photo(name, textAsJpeg()));
  await result(card(page, name));
  assert.equal(await page.locator("article img[onerror]").count(), 0);
});

test("a worker that dies on a photograph is replaced and the others go on", async () => {
  const [worker] = page.workers();
  await worker.evaluate(() => {
    const usual = self.onmessage;
    self.onmessage = (event) => {
      if (event.data.method === "grade") throw new WebAssembly.RuntimeError("unreachable");
      return usual(event);
    };
  });
  const stopped = await gradeDrawn(page);
  assert.equal(stopped.status, "error");
  // For want of memory, most likely, whatever kind of file it is.
  assert.match(stopped.reason, /stopped unexpectedly.* open a smaller copy/);
  await modelReady(page);
  const next = await gradeDrawn(page);
  assert.equal(next.status, "graded", next.reason);

  const card = page.locator("article", { has: page.getByRole("button", { name: "Try again" }) }).first();
  const id = await card.getAttribute("id");
  await card.getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector(`#${id}[data-status=graded]`, { timeout: 60_000 });
});
