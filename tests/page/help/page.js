// The page in a real Chromium with a profile of its own, and the few things a
// visitor does with it.

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { Outside, SiteServer } from "./server.js";

const HERE = fileURLToPath(new URL("..", import.meta.url));
export const REPOSITORY = resolve(HERE, "../..");
export const SITE = resolve(process.env.FOVEA_SITE ?? join(REPOSITORY, "target/site"));
export const SHARED = resolve(REPOSITORY, "../shared");

const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-first-run",
  "--no-pings",
  "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication,CertificateTransparencyComponentUpdater",
];

function findChromium() {
  const named = process.env.FOVEA_CHROMIUM;
  if (named) return named;
  for (const folder of process.env.PATH.split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
  }
  throw new Error("No Chromium was found. Install it, or name it in FOVEA_CHROMIUM.");
}

export async function siteList(folder = SITE) {
  const list = join(folder, "precache.json");
  if (!existsSync(list)) throw new Error(`${folder} holds no built site. Run \`cargo xtask site\` first, or name the folder in FOVEA_SITE.`);
  return JSON.parse(await readFile(list, "utf8"));
}

// A visit with everything it needs; `close` takes it all down.
// `host` is the name it goes by; any but the default is no secure context.
export async function visit({ site = SITE, query = "", args = [], goto = true, host = "127.0.0.1", ...options } = {}) {
  await siteList(site);
  const server = await new SiteServer(site).start();
  const outside = await new Outside().start();
  const profile = await mkdtemp(join(tmpdir(), "fovea-page-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    headless: true,
    acceptDownloads: true,
    viewport: { width: 1280, height: 900 },
    proxy: { server: outside.address, bypass: host },
    args: [...QUIET, `--host-resolver-rules=MAP ${host} 127.0.0.1`, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), ...args],
    ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  const visitor = {
    server,
    outside,
    context,
    page,
    errors,
    address: `${server.origin.replace("127.0.0.1", host)}/${query}`,
    async close() {
      await context.close();
      await server.stop();
      await outside.stop();
      await rm(profile, { recursive: true, force: true });
    },
  };
  if (goto) await page.goto(visitor.address);
  return visitor;
}

export async function modelReady(page) {
  await page.waitForSelector("html:is([data-model=ready], [data-model=error])", { timeout: 120_000, state: "attached" });
  const state = await page.evaluate(() => ({ ...document.documentElement.dataset, words: document.querySelector("#loading-text").textContent }));
  if (state.model !== "ready") throw new Error(`the model did not load: ${state.words}`);
  return state;
}

export async function offlineReady(page) {
  await page.waitForSelector("html[data-offline=ready]", { timeout: 60_000, state: "attached" });
}

// A photograph for the picker.
export const photo = (name, buffer, mimeType = "image/jpeg") => ({ name, mimeType, buffer });

export async function choose(page, ...photos) {
  await page.locator("input[type=file][multiple]").setInputFiles(photos);
}

export const card = (page, name) => page.locator("article", { has: page.getByRole("heading", { name, exact: true }) });

// Waits until a card has come to its end and tells what stands on it.
export async function result(locator, timeout = 120_000) {
  const done = ["graded", "ungradable", "not-fundus", "error"];
  await locator.waitFor({ timeout });
  const element = await locator.elementHandle();
  await locator.page().waitForFunction(([article, states]) => states.includes(article.dataset.status), [element, done], { timeout });
  return locator.evaluate((article) => ({
    ...article.dataset,
    heading: article.querySelector(".card__grade").textContent,
    reason: article.querySelector(".card__doubt").textContent,
    referral: article.querySelector(".card__referral").textContent,
    bars: [...article.querySelectorAll(".bar__value")].map((value) => value.textContent),
  }));
}

// Waits until every card has: of several photographs, the last is not the last to end.
export const allDone = (page) =>
  page.waitForFunction(() => !document.querySelector("article:is([data-status=queued], [data-status=working])"), null, { timeout: 120_000 });

export async function gradeDrawn(page) {
  const before = await page.locator("article").count();
  await page.getByRole("button", { name: "Try a drawn photograph" }).click();
  return result(page.locator("article").nth(before));
}

// Where there is something to lose, the page asks first.
export async function clearEverything(page) {
  await page.getByRole("button", { name: "Clear everything" }).click();
  if (await page.locator("#clear-ask").isVisible()) await page.getByRole("button", { name: "Clear now" }).click();
  await page.waitForFunction(() => !document.querySelector("article"));
}

// What "Save results (JSON)" writes.
export async function savedJson(page) {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save results (JSON)" }).click();
  return JSON.parse(await readFile(await (await download).path(), "utf8"));
}
