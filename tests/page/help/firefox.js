// The page in a real Firefox, where one is there: driven by WebDriver BiDi, which
// Firefox itself speaks.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { SITE, siteList } from "./page.js";
import { SiteServer } from "./server.js";

// The program, named by `cargo xtask test` where it found or installed one.
export const FIREFOX = process.env.FOVEA_FIREFOX || undefined;

const QUIET = {
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "datareporting.healthreport.uploadEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.proxy.type": 0,
  "services.settings.server": "data:,",
  "toolkit.telemetry.enabled": false,
};

export async function visitInFirefox() {
  await siteList();
  const server = await new SiteServer(SITE).start();
  const profile = await mkdtemp(join(tmpdir(), "fovea-firefox-"));
  // Its size by the command line: Firefox does not know all that puppeteer asks of a viewport.
  const args = ["--width=1280", "--height=900"];
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true, userDataDir: profile, defaultViewport: null, args, extraPrefsFirefox: QUIET });
  const close = async () => {
    await browser.close();
    await server.stop();
    await rm(profile, { recursive: true, force: true });
  };
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${server.origin}/`);
    return {
      server,
      evaluate: (ask, ...args) => page.evaluate(ask, ...args),
      errors: async () => errors,
      reload: () => page.reload(),
      upload: async (...files) => (await page.$("input[type=file][multiple]")).uploadFile(...files),
      close,
    };
  } catch (error) {
    // A browser left running would keep the tests from ending.
    await close();
    throw error;
  }
}
