// Nothing moves when a result arrives, and nothing is wider than the screen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { allDone, choose, modelReady, photo, visit } from "./help/page.js";
import { drawnPng, empty, textAsJpeg } from "./help/pictures.js";

const LAST = 6;

// Places are rounded to whole pixels, so a fraction may show as one.
function unmoved(found, expected, where) {
  assert.equal(found.length, expected.length, where);
  found.forEach((place, index) => assert.ok(Math.abs(place - expected[index]) <= 1, `${where}: ${found} against ${expected}`));
}

let visitor;
let page;
let release;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", goto: false, viewport: { width: 1280, height: 900 } });
  page = visitor.page;
  const held = new Promise((resolve) => (release = resolve));
  visitor.server.hold = (path) => (path.startsWith("model/") && !path.endsWith(".json") ? held : undefined);
  await page.goto(visitor.address);
});
after(() => visitor?.close());

test("what stood while waiting stands where it stood when the results are there", async () => {
  const photos = [];
  for (const grade of [0, 2, 3, 4]) photos.push(photo(`grade ${grade}.png`, await drawnPng(page, grade, 21 + grade), "image/png"));
  // Unsure and at risk of oedema: nothing has more to say.
  photos.push(photo("grade 1.png", await drawnPng(page, 1, 5), "image/png"));
  await choose(page, ...photos, photo("list.jpg", textAsJpeg()), photo("empty.jpg", empty()));
  await page.locator("article").nth(LAST).waitFor();
  await page.waitForSelector(".bar", { state: "attached" });
  const waiting = await places();
  release();
  await modelReady(page);
  await allDone(page);
  unmoved(await places(), waiting, "1280 pixels");
});

test("the same at every width, and nothing is wider than the screen", async () => {
  // As it is until a batch has ended: on a phone its cards give up their empty room then.
  await page.evaluate(() => document.querySelectorAll("[data-settled]").forEach((card) => card.setAttribute("data-unsettled", "") ?? card.removeAttribute("data-settled")));
  for (let width = 320; width <= 1280; width += 48) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `the page is ${wide} pixels wide on a screen of ${width}`);
    const full = await places();
    // The results taken away again leave what waiting looked like.
    await page.evaluate(() => document.querySelectorAll("[data-status=graded] :is(.card__verdict p:not(.card__grade), .card__aside p)").forEach((line) => (line.style.display = "none")));
    unmoved(await places(), full, `${width} pixels`);
    await page.evaluate(() => document.querySelectorAll(".card__verdict p, .card__aside p").forEach((line) => (line.style.display = "")));
  }
  await page.evaluate(() => document.querySelectorAll("[data-unsettled]").forEach((card) => card.removeAttribute("data-unsettled") ?? card.setAttribute("data-settled", "")));
});

test("opened, the folded parts fit a phone, too", async () => {
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  for (const width of [320, 360]) {
    await page.setViewportSize({ width, height: 740 });
    assert.deepEqual(await over(page), [], `${width} pixels`);
  }
});

test("on a phone a photograph takes no more room than its words, once all have ended", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  const heights = await page.$$eval("article", (cards) => cards.map((one) => [one.dataset.status, one.offsetHeight]));
  for (const [status, height] of heights) if (status === "error") assert.ok(height < 500, `${status}: ${height} pixels`);
  const empty = await page.$$eval("[data-status=graded] .card__verdict", (verdicts) => verdicts.map((one) => one.getBoundingClientRect().bottom - Math.max(...[...one.children].map((line) => line.getBoundingClientRect().bottom))));
  for (const room of empty) assert.ok(room < 32, `${room} pixels of nothing`);
});

test("on a phone a photograph just given comes into sight, and nobody who types is taken away", async () => {
  const bytes = await drawnPng(page, 0, 3);
  const phone = await visit({ query: "?backend=cpu", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const seen = (place) => phone.page.waitForFunction((at) => {
    const box = document.querySelectorAll("article .card__grade")[at].getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight;
  }, place, { timeout: 5000 });
  try {
    await modelReady(phone.page);
    await choose(phone.page, photo("first.png", bytes, "image/png"));
    await seen(0);
    await choose(phone.page, photo("second.png", bytes, "image/png"), photo("third.png", bytes, "image/png"));
    await seen(1);
    await allDone(phone.page);
    await choose(phone.page, photo("list.jpg", textAsJpeg()), photo("empty.jpg", empty()));
    await allDone(phone.page);
    await seen(3);
    await phone.page.getByLabel("Patient in first.png").focus();
    await phone.page.waitForTimeout(500);
    const before = await phone.page.evaluate(() => scrollY);
    await choose(phone.page, photo("fourth.png", bytes, "image/png"));
    await phone.page.waitForTimeout(800);
    assert.equal(await phone.page.evaluate(() => [document.activeElement.className, scrollY].join()), `eye__patient,${before}`);
  } finally {
    await phone.close();
  }
});

test("an eye that is not said is said whole", async () => {
  for (const width of [320, 700, 900, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const [shown, needed] = await page.locator(".eye__side").first().evaluate((select) => {
      const whole = select.cloneNode(true);
      whole.style.cssText = "position: absolute; width: max-content";
      select.after(whole);
      const widths = [select, whole].map((one) => one.getBoundingClientRect().width);
      whole.remove();
      return widths;
    });
    assert.ok(shown >= needed - 1, `${width} pixels: ${shown} of ${needed}`);
  }
});

// Set in the browser, or by whoever enlarges the page's text alone.
for (const [where, args, size] of [
  ["the browser's letters", ["--blink-settings=defaultFontSize=32"], ""],
  ["the page's letters", [], "212.5%"],
]) {
  test(`a phone with ${where} twice as large holds everything`, async () => {
    const large = await visit({ query: "?backend=cpu", args, viewport: { width: 390, height: 844 } });
    try {
      const { page } = large;
      await page.evaluate((fontSize) => (document.documentElement.style.fontSize = fontSize), size);
      await modelReady(page);
      await choose(page, photo("7_left.png", await drawnPng(page, 4, 4), "image/png"), photo("7_right.png", await drawnPng(page, 1, 5), "image/png"), photo("empty.jpg", empty()));
      await allDone(page);
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
      assert.deepEqual(await over(page), [], "photographs");
      // Room for a word beside the picture, not for a letter.
      const name = page.locator(".card__name").first();
      assert.ok(await name.evaluate((one) => one.getBoundingClientRect().width > 3 * parseFloat(getComputedStyle(one).fontSize)));
      // And in a message for a long one.
      await page.getByLabel("Keep this work on this device").check();
      const told = page.locator("#notice-text");
      await told.waitFor();
      assert.ok(await told.evaluate((one) => one.getBoundingClientRect().width > 7 * parseFloat(getComputedStyle(one).fontSize)));
      await page.getByLabel("Keep this work on this device").uncheck();
      await page.locator("#queue, #update").evaluateAll((bars) => bars.forEach((bar) => (bar.hidden = false)));
      await page.locator("#update-text").evaluate((text) => (text.textContent = "A new version is ready."));
      assert.deepEqual(await over(page), [], "the dock");
      await page.locator("#queue, #update").evaluateAll((bars) => bars.forEach((bar) => (bar.hidden = true)));
      await page.locator("#view").selectOption("patients");
      assert.deepEqual(await over(page), [], "patients");
      await page.locator("#view").selectOption("photos");
      await page.locator(".card__look:visible").first().click();
      await page.waitForSelector("dialog[data-shown=true]", { timeout: 60_000 });
      await page.getByRole("button", { name: "Make an occlusion map" }).click();
      assert.deepEqual(await over(page, "dialog[open] *"), [], "where it looked");
      await page.locator(".look__close").click();
      await page.locator("#shortcuts").click();
      assert.deepEqual(await over(page, "dialog[open] *"), [], "the list of keys");
    } finally {
      await large.close();
    }
  });
}

test("a long list of patients fits a screen that was turned", async () => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await choose(page, ...Array.from({ length: 40 }, (_, n) => photo(`${n}_left.jpg`, empty())));
  await allDone(page);
  await page.locator("#view").selectOption("patients");
  // Seen once, out of sight again.
  for (const end of ["bottom", "top"]) {
    await page.evaluate((to) => scrollTo({ top: to === "top" ? 0 : document.body.scrollHeight, behavior: "instant" }), end);
    await page.waitForTimeout(300);
  }
  await page.setViewportSize({ width: 360, height: 700 });
  await page.waitForTimeout(300);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `the page is ${wide} pixels wide`);
});

// What reaches past the screen, or past the box it is in.
function over(page, which = "body *") {
  return page.$$eval(which, (all) =>
    all
      .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.clientWidth > 1 && !one.closest(".skip, .unseen, .pane, option"))
      .filter((one) => {
        const { left, right } = one.getBoundingClientRect();
        const holds = getComputedStyle(one).display !== "inline" && !one.matches("input, img");
        return left < -1 || right > innerWidth + 1 || (holds && one.scrollWidth > one.clientWidth + 2);
      })
      .map((one) => `${one.tagName} ${one.id} ${one.getAttribute("class")}: ${one.textContent.trim().slice(0, 40)}`),
  );
}

function places() {
  return page.$$eval("article, .lightbox, #draw, .toolbar, .footer", (parts) => parts.map((part) => Math.round(part.getBoundingClientRect().top + scrollY)));
}
