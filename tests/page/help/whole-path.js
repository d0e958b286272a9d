// The whole path in a browser of another make than Chromium: the page loads, grades
// as the command does, works offline and uploads nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { SITE } from "./page.js";

const BIN = process.env.FOVEA_BIN;

// `skip` says why there is no such browser, if so; `visit()` opens the page in it:
// { server, evaluate, upload, reload, errors, close }.
export function wholePath(skip, visit) {
  let visitor;
  let folder;
  before(async () => {
    if (skip) return;
    folder = await mkdtemp(join(tmpdir(), "fovea-photos-"));
    visitor = await visit();
  });
  after(async () => {
    await visitor?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  // Asks again and again: the page's policy forbids the functions made of text that a
  // driver's own waiting wants.
  const until = async (ask, argument, timeout = 120_000) => {
    for (const end = Date.now() + timeout; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      const answer = await visitor.evaluate(ask, argument);
      if (answer) return answer;
      if (Date.now() > end) throw new Error(`still waiting after ${timeout} ms: ${ask}`);
    }
  };
  const ready = () => until(() => document.documentElement.dataset.model === "ready");
  const graded = (count) =>
    until((wanted) => {
      const cards = [...document.querySelectorAll("article")];
      const ended = cards.filter(({ dataset }) => ["graded", "ungradable", "not-fundus", "error"].includes(dataset.status));
      if (ended.length < wanted) return null;
      return cards.map((card) => ({
        name: card.querySelector("h3, h2").textContent,
        status: card.dataset.status,
        grade: card.dataset.grade,
        referable: card.dataset.referable,
        bars: [...card.querySelectorAll(".bar__value")].map((value) => value.textContent),
      }));
    }, count);

  const boundByPolicy = async () => {
    await visitor.evaluate(() => document.querySelector("#diagnostics > summary").click());
    await visitor.evaluate(() => [...document.querySelectorAll("#diagnostics button")].find(({ textContent }) => textContent === "Run the self-test").click());
    return until(() => /kept from other hosts by the browser, too: (yes|no)$/m.exec(document.querySelector("#diagnostics-text").textContent)?.[1]);
  };

  test("the model runs on the CPU, and the page says that it is ready", { skip }, async () => {
    await ready();
    assert.match(await visitor.evaluate(() => document.documentElement.dataset.backend), /^cpu/);
    assert.match(await visitor.evaluate(() => document.querySelector("#loading-text").textContent), /Nothing you open here leaves this device/);
    assert.equal(await boundByPolicy(), "yes");
  });

  test("photographs are graded as the command grades them", { skip: skip || (!BIN && "FOVEA_BIN names no command to compare with") }, async () => {
    const run = promisify(execFile);
    const drawn = [];
    for (const [grade, seed] of [
      [0, 3],
      [3, 8],
    ]) {
      await run(BIN, ["synth", "--out", folder, "--size", "768", "--count", "1", "--grade", `${grade}`, "--seed", `${seed}`]);
      drawn.push(join(folder, `drawn-${grade}-${seed}.png`));
    }
    await visitor.upload(...drawn);
    const cards = await graded(2);
    const rows = JSON.parse((await run(BIN, ["grade", "--format", "json", "--bundle", join(SITE, "model"), ...drawn])).stdout);
    for (const row of rows) {
      const shown = cards.find(({ name }) => row.file.endsWith(name));
      assert.ok(shown, `no card of ${row.file} among ${JSON.stringify(cards)}`);
      assert.equal(shown.status, "graded");
      assert.equal(shown.grade, `${row.grade}`);
      assert.equal(shown.referable, `${row.referable}`);
      for (const [index, words] of shown.bars.entries()) {
        const share = Number(/[\d.]+/.exec(words)[0]);
        assert.ok(Math.abs(share - 100 * row.probabilities[index]) < 1.1, `${words} against ${row.probabilities[index]}`);
      }
    }
  });

  test("where it looked is shown over the photograph and over what the network saw", { skip, timeout: 120_000 }, async () => {
    await visitor.evaluate(() => [...document.querySelectorAll("article button")].find(({ textContent }) => textContent.includes("Where it looked")).click());
    const widths = await until(() => {
      const dialog = document.querySelector("dialog[open][data-shown=true]");
      return dialog && [...dialog.querySelectorAll("img")].map(({ naturalWidth }) => naturalWidth);
    });
    assert.equal(widths.length, 4);
    assert.ok(widths.every((width) => width > 100), String(widths));
    await visitor.evaluate(() => document.querySelector("dialog[open]").close());
  });

  // A driven WebKit keeps its windows private, and takes no Blob into its store then.
  test("work that is kept is there after a reload, what still waits too", { skip, timeout: 240_000 }, async () => {
    const before = (await graded(1)).length;
    await visitor.evaluate(() => document.querySelector("#keep").click());
    await visitor.evaluate(() => [...document.querySelectorAll("button")].find(({ textContent }) => textContent.includes("Try a drawn photograph")).click());
    const waiting = join(folder, "waiting.png");
    await writeFile(waiting, await readFile(join(folder, (await readdir(folder))[0])));
    await visitor.upload(waiting);
    await visitor.evaluate(() => [...document.querySelectorAll("button")].find(({ textContent }) => textContent === "Pause").click());
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(await visitor.evaluate(() => document.querySelector("#keep").checked), true, await visitor.evaluate(() => document.querySelector("#notice").textContent));
    await visitor.reload();
    await ready();
    const cards = await graded(before + 2);
    assert.ok(cards.every(({ status }) => status === "graded"), JSON.stringify(cards));
    const shown = await until((count) => {
      const images = [...document.querySelectorAll("article img")].filter((image) => image.naturalWidth > 0);
      return images.length === count && images.length;
    }, before + 2);
    assert.equal(shown, before + 2);
    await visitor.evaluate(() => document.querySelector("#keep").click());
  });

  test("once loaded it works offline", { skip, timeout: 120_000 }, async () => {
    await until(() => document.documentElement.dataset.offline === "ready");
    await visitor.server.stop();
    await visitor.reload();
    await ready();
    assert.equal(await boundByPolicy(), "yes");
    await visitor.evaluate(() => [...document.querySelectorAll("button")].find(({ textContent }) => textContent.includes("Try a drawn photograph")).click());
    const [card] = await graded(1);
    assert.equal(card.status, "graded");
  });

  test("nothing was sent but requests for the page's own files, and no error was thrown", { skip }, async () => {
      // The self-test tries what the policy forbids, which some browsers report.
    const errors = (await visitor.errors()).filter((error) => !error.includes("data:text/javascript,"));
    for (const { method, path, bodyBytes } of visitor.server.requests) assert.deepEqual([method, bodyBytes], ["GET", 0], path);
    assert.deepEqual(errors, []);
  });
}
