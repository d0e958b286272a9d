// Every language has every word, nothing is left English, and the page is
// usable in each: its direction, its numbers, axe.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { allDone, choose, gradeDrawn, modelReady, photo, savedJson, SITE, visit } from "./help/page.js";
import { drawnPng, empty } from "./help/pictures.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LANGUAGES = ["en", "es", "da", "ar"];
const OTHERS = LANGUAGES.slice(1);
const from = (path) => import(pathToFileURL(join(SITE, "js/strings", path)));
const { formats } = await from("formats.js");
const words = Object.fromEntries(await Promise.all(LANGUAGES.map(async (code) => [code, (await from(`${code}.js`)).default(formats(code))])));

// Words that are the same in every language.
const SHARED = /^(Fovea|CPU|WebGPU|no|[\d\s.,:·%()–-]*)$/;

// What a function of the strings may be handed: a number that is a set of times, too.
const ONE = Object.assign(Object(1), { total: 1, decode: 1, prepare: 1, network: 1 });

// Every string of a language by its path; a function by what it says of one thing.
function flatten(value, path = "", into = new Map()) {
  if (["f", "language", "direction", "library", "maker", "provenancePrepared"].includes(path.split(".").pop())) return into;
  if (typeof value === "function") into.set(path, String(value(ONE, ONE, 1, 1)));
  else if (typeof value === "object" && value) for (const [key, inner] of Object.entries(value)) flatten(inner, path ? `${path}.${key}` : key, into);
  else into.set(path, value);
  return into;
}
const english = flatten(words.en);

for (const code of OTHERS) {
  test(`${code} has every word, and none in English`, () => {
    const found = flatten(words[code]);
    assert.deepEqual([...found.keys()].sort(), [...english.keys()].sort());
    const same = [...found].filter(([path, text]) => text === english.get(path) && !SHARED.test(text) && !/^(title|progress|backendWebgpu|backendWith|announce)/.test(path));
    assert.deepEqual(same, []);
    for (const [path, text] of found) assert.ok(typeof text === "string" && text.trim() && !/undefined|NaN/.test(text), `${path}: ${text}`);
  });
}

test("what stands in index.html is what the English file says", async () => {
  const html = await readFile(join(SITE, "index.html"), "utf8");
  const found = [...html.matchAll(/data-string="(\w+)"[^>]*>([^<]*)</g)];
  assert.ok(found.length > 40);
  for (const [, key, text] of found) if (text) assert.equal(text, words.en.page[key], key);
  for (const [, label, key] of html.matchAll(/aria-label="([^"]*)" data-string-label="(\w+)"/g)) assert.equal(label, words.en.page[key], key);
});

test("everything the library says has a translation", async () => {
  const visitor = await visit({ query: "?backend=cpu" });
  try {
    await modelReady(visitor.page);
    const codes = await visitor.page.evaluate(async () => {
      const library = await import(new URL("pkg/fovea_cpu.js", document.baseURI));
      await library.default();
      return library.phraseCodes();
    });
    assert.ok(codes.length > 25);
    for (const code of OTHERS) {
      assert.deepEqual(codes.filter((key) => !words[code].library[key]), [], code);
      assert.equal(words[code].library.scale.length, 5);
      for (const entry of words[code].library.scale) assert.deepEqual(Object.keys(entry), ["name", "label", "summary"]);
    }
  } finally {
    await visitor.close();
  }
});

for (const code of LANGUAGES) {
  test(`the page in ${code}: nothing English, nothing wider than a phone, axe finds nothing`, async () => {
    const visitor = await visit({ query: "?backend=cpu", locale: code, viewport: { width: 390, height: 844 }, reducedMotion: "reduce" });
    const { page } = visitor;
    try {
      await modelReady(page);
      assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), [code, code === "ar" ? "rtl" : "ltr"]);
      await choose(page, photo("7_left.png", await drawnPng(page, 3, 8), "image/png"), photo("7_right.png", await drawnPng(page, 0, 3), "image/png"), photo("empty.jpg", empty()));
      await allDone(page);
      await page.locator("#draw").click();
      await allDone(page);
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
      await page.locator(".eye__says:visible").first().waitFor();
      await whole(page, code, "photographs");
      await page.locator("#view").selectOption("patients");
      await whole(page, code, "patients");
      await page.locator("#shortcuts").click();
      await whole(page, code, "keys");
      await page.locator("#keys-close").click();
      await page.locator("#save-csv").click();
      await page.locator("#notice").waitFor();
      await page.locator("#clear").click();
      await whole(page, code, "a notice, and asked before clearing");
    } finally {
      await visitor.close();
    }
  });
}

test("the language is switched by hand, stays, and says everything anew", async () => {
  const visitor = await visit({ query: "?backend=cpu" });
  const { page } = visitor;
  try {
    await modelReady(page);
    await gradeDrawn(page);
    const before = await page.locator(".card__grade").first().textContent();
    await page.getByLabel("Language").selectOption("es");
    await page.getByRole("button", { name: "Guardar resultados (CSV)" }).waitFor();
    assert.notEqual(await page.locator(".card__grade").first().textContent(), before);
    const name = () => page.locator("article h3").textContent();
    assert.equal(await name(), words.es.drawnName(1));
    await page.locator("#keep").check();
    await page.locator("#notice").getByText(words.es.kept).waitFor();
    await page.evaluate(() => localStorage.setItem("fovea-language/", "da"));
    await page.reload();
    await modelReady(page);
    await page.locator("article").waitFor();
    assert.equal(await name(), words.da.drawnName(1), "kept in another language");
    await page.getByLabel("Sprog").selectOption("es");
    await page.getByRole("button", { name: "Guardar resultados (CSV)" }).waitFor();
    await page.reload();
    await modelReady(page);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "es");
    await page.getByLabel("Idioma").selectOption("en");
    await page.getByRole("button", { name: "Try a drawn photograph" }).waitFor();
  } finally {
    await visitor.close();
  }
});

test("a name in other letters begins where the lines of the page begin", async () => {
  const visitor = await visit({ query: "?backend=cpu", locale: "ar" });
  const { page } = visitor;
  try {
    await modelReady(page);
    await choose(page, photo("7_left.png", await drawnPng(page, 3, 8), "image/png"));
    await allDone(page);
    const right = (selector) =>
      page.locator(selector).first().evaluate((element) => {
        const text = document.createRange();
        text.selectNodeContents(element);
        return Math.round(text.getBoundingClientRect().right);
      });
    assert.equal(await right(".card__name"), await right(".card__grade"));
  } finally {
    await visitor.close();
  }
});

test("saved results are the same in every language", async () => {
  const visitor = await visit({ query: "?backend=cpu" });
  const { page } = visitor;
  try {
    await modelReady(page);
    await choose(page, photo("5_left.png", await drawnPng(page, 1, 5), "image/png"), photo("empty.jpg", empty()));
    await allDone(page);
    const saved = async () => {
      const download = page.waitForEvent("download");
      await page.locator("#save-csv").click();
      return readFile(await (await download).path(), "utf8");
    };
    const inEnglish = [await saved(), await savedJson(page)];
    assert.match(inEnglish[0], /Unsure, have it read: .*the file is empty; /s);
    await page.locator("#language").selectOption("ar");
    await page.waitForFunction(() => document.documentElement.lang === "ar");
    assert.equal(await saved(), inEnglish[0]);
    const download = page.waitForEvent("download");
    await page.locator("#save-json").click();
    assert.deepEqual(JSON.parse(await readFile(await (await download).path(), "utf8")), inEnglish[1]);
  } finally {
    await visitor.close();
  }
});

let said;
before(() => {
  said = [...english.values()].filter((text) => text.length > 3 && !SHARED.test(text) && text !== "model.json");
});

// What is visible now, in the page's language alone and clean.
async function whole(page, code, state) {
  if (code !== "en") {
    const shown = await page.evaluate(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const lines = [];
      while (walker.nextNode()) {
        const holder = walker.currentNode.parentElement;
        if (!holder.closest("[lang=en], noscript, #report, script")) lines.push(walker.currentNode.textContent.trim());
      }
      for (const one of document.querySelectorAll("[aria-label], [title], [placeholder], img[alt]")) {
        if (!one.closest("[lang=en]")) lines.push(...["aria-label", "title", "placeholder", "alt"].map((name) => one.getAttribute(name) ?? ""));
      }
      return lines.filter(Boolean);
    });
    const left = shown.filter((line) => said.includes(line) || /\b(the|this|photograph|refer|eye|grade|retinopathy)\b/i.test(line));
    assert.deepEqual(left, [], `${code}, ${state}`);
  }
  const wide = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((one) => document.documentElement.scrollWidth > innerWidth && (one.getBoundingClientRect().right > innerWidth || one.getBoundingClientRect().left < 0)).map((one) => `${one.tagName} ${one.id} ${one.className}`));
  assert.deepEqual(wide, [], `${code}, ${state}: wider than the screen`);
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary}`).join("\n")}`), [], `${code}, ${state}`);
}
