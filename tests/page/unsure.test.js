// An answer that is not to be relied on: said as such, with the reason and the
// two grades, in every language, and counted as one to refer.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { card, choose, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
});
after(() => visitor?.close());

test("an unsure photograph is to be read, says why, and is referred with its patient", async () => {
  await choose(page, photo("5_left.png", await drawnPng(page, 1, 5), "image/png"), photo("5_right.png", await drawnPng(page, 0, 3), "image/png"));
  const unsure = card(page, "5_left.png");
  const { status, referable, reason } = await result(unsure);
  assert.equal(status, "graded");
  assert.match(reason, /^Unsure, have it read: .+ It wavers between [0-3]\u00a0·\u00a0\w+ and [1-4]\u00a0·\u00a0\w+\.$/);
  assert.equal(referable, "true");
  assert.equal((await result(card(page, "5_right.png"))).referable, "false");
  const [row, clear] = await savedJson(page);
  assert.equal(row.unsure, true);
  assert.equal(row.patientDecision, "refer");
  assert.equal(row.agreement.grades.length, 4, "it was looked at again");
  assert.ok(row.between[0] < row.between[1] && row.between.includes(row.grade));
  assert.equal(clear.agreement, null, "a clear photograph is not looked at again");
  assert.ok(clear.doubtChance < row.doubtChance);

  // The time its further looks took is told, so that what is told adds up.
  const took = (name) => card(page, name).locator(".card__facts dd", { hasText: " ms (" }).textContent();
  const told = /^([\d,]+) ms \(reading ([\d,]+), preparing ([\d,]+), network ([\d,]+), further looks ([\d,]+)\)$/.exec(await took("5_left.png"));
  assert.ok(told, await took("5_left.png"));
  const [total, ...parts] = told.slice(1).map((number) => Number(number.replaceAll(",", "")));
  assert.ok(Math.abs(parts.reduce((sum, one) => sum + one) - total) <= 0.02 * total + 5, told[0]);
  assert.match(await took("5_right.png"), /network [\d,]+\)$/);

  for (const [language, words] of [
    ["es", /^Dudoso, .+ Vacila entre \d\s·\s\S+ y \d\s·\s\S+\.$/],
    ["da", /^Usikkert, .+ Det står mellem \d\s·\s\S+ og \d\s·\s\S+\.$/],
    ["ar", /^غير مؤكد، .+ تتردد بين .+\s·\s.+ و.+\s·\s.+\.$/],
  ]) {
    await page.locator("#language").selectOption(language);
    await page.waitForFunction((tag) => document.documentElement.lang === tag, language);
    assert.match(await unsure.locator(".card__doubt").textContent(), words);
  }
});
