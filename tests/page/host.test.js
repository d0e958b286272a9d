// The host the page lies on may have other pages, and a second Fovea in another
// folder, of another version and with another model. None is in another's way.

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { withHead } from "./help/bundle.js";
import { gradeDrawn, modelReady, offlineReady, result, SITE, visit } from "./help/page.js";
import { publish } from "./help/publish.js";

let visitor;
let host;
before(async () => {
  host = await mkdtemp(join(tmpdir(), "fovea-host-"));
  await cp(SITE, host, { recursive: true });
  visitor = await visit({ site: host, query: "?backend=cpu" });
  await modelReady(visitor.page);
  await offlineReady(visitor.page);
});
after(async () => {
  await visitor?.close();
  await rm(host, { recursive: true, force: true });
});

const caches = (page) => page.evaluate(async () => (await window.caches.keys()).sort());
const appOf = async (page) => {
  const session = await visitor.context.newCDPSession(page);
  const { appId } = await session.send("Page.getAppId");
  return new URL(appId).pathname;
};

test("another page below the same folder stays what it is", async () => {
  await mkdir(join(host, "clinic/hours"), { recursive: true });
  await writeFile(join(host, "clinic/hours/today.html"), "<title>Opening hours</title>");
  const other = await visitor.context.newPage();
  await other.goto(`${visitor.server.origin}/clinic/hours/today.html`);
  assert.equal(await other.title(), "Opening hours");
  await other.close();
});

test("a second Fovea on the host is an app of its own and takes nothing from the first", async () => {
  const { page, context, server } = visitor;
  const folder = join(host, "next");
  await cp(SITE, folder, { recursive: true });
  const { manifest, weights } = await withHead(null);
  await writeFile(join(folder, "model/model.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "model", manifest.weights.file), weights);
  await publish(folder, "beefbeefbeefbeef");
  const before = await caches(page);
  const second = await context.newPage();
  await second.goto(`${server.origin}/next/?backend=cpu`);
  await modelReady(second);
  // The first one's service worker answered here, and sends no policy with this one's files.
  const brought = await second.workers()[0].evaluate(() => import("data:text/javascript,").then(() => "in", () => "refused"));
  assert.equal(brought, "refused");
  await offlineReady(second);
  assert.equal(await second.locator("#update").isHidden(), true, "its own worker taking over is no new version");
  assert.deepEqual([await appOf(page), await appOf(second)], ["/", "/next/"]);
  const now = await caches(second);
  for (const name of before) assert.ok(now.includes(name), `${name} is gone`);
  assert.equal(now.length, 2 * before.length, now.join());

  await context.setOffline(true);
  await server.stop();
  for (const one of [page, second]) {
    await one.reload();
    await modelReady(one);
    assert.equal((await gradeDrawn(one)).status, "graded");
  }
  assert.notEqual(await page.locator("#model").textContent(), await second.locator("#model").textContent());
  await server.start();
  await context.setOffline(false);
});

test("a photograph shared with the one is not opened by the other", async () => {
  const second = visitor.context.pages().find((page) => page.url().includes("/next/"));
  const landed = await second.evaluate(async () => {
    const form = new FormData();
    form.append("photographs", new File(["no photograph"], "theirs.jpg", { type: "image/jpeg" }));
    return (await fetch("share", { method: "POST", body: form })).url;
  });
  for (const [where, names] of [
    [`${visitor.server.origin}/?backend=cpu&shared`, []],
    [landed, ["theirs.jpg"]],
  ]) {
    const page = await visitor.context.newPage();
    await page.goto(where);
    await modelReady(page);
    assert.deepEqual(await page.locator("article h3").allTextContents(), names);
    await page.close();
  }
});

test("a new version of the one takes the place of its own old version alone", async () => {
  const { page } = visitor;
  const before = await caches(page);
  await publish(host, "cafecafecafecafe");
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  const reloaded = page.waitForEvent("load");
  await page.getByRole("button", { name: "Use it now" }).click();
  await reloaded;
  await modelReady(page);
  const now = await caches(page);
  assert.ok(now.includes("fovea-shell-cafecafecafecafe/") && now.includes("fovea-shell-beefbeefbeefbeef/next/"), now.join());
  assert.equal(now.length, before.length, now.join());
});

test("what the one keeps is not the other's, and removing the one leaves the other whole", async () => {
  const { page, server, context } = visitor;
  const second = await context.newPage();
  await second.goto(`${server.origin}/next/?backend=cpu`);
  await modelReady(second);
  await offlineReady(second);
  await page.reload();
  await modelReady(page);
  await page.getByLabel("Language").selectOption("da");
  for (const [one, count] of [
    [page, 1],
    [second, 2],
  ]) {
    for (let n = 0; n < count; n++) await drawAndGrade(one);
    await one.locator("#keep").check();
    await one.locator("#notice").getByText(/This work stays|Arbejdet bliver/).waitFor();
    await one.waitForTimeout(500);
    await one.reload();
    await modelReady(one);
    await one.locator("article").nth(count - 1).waitFor();
    assert.equal(await one.locator("article").count(), count);
  }

  // Twice: the second time no worker answers for it but the other's.
  for (let n = 0; n < 2; n++) {
    await second.locator("#forget").click();
    await second.waitForSelector("html[data-offline=removed]", { state: "attached" });
    await second.waitForTimeout(500);
  }
  const left = await page.evaluate(async () => ({
    caches: (await caches.keys()).map((name) => name.replace(/-[0-9a-f]{16,}/, "")).sort(),
    choices: Object.keys(localStorage).sort(),
    stores: (await indexedDB.databases()).map(({ name }) => name),
    workers: (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => new URL(scope).pathname),
  }));
  assert.deepEqual(left, { caches: ["fovea-model", "fovea-shell/"], choices: ["fovea-keep/", "fovea-language/"], stores: ["fovea-work/"], workers: ["/"] });
  await context.setOffline(true);
  await server.stop();
  await page.reload();
  await modelReady(page);
  assert.equal(await page.locator("article").count(), 1);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "da");
  await server.start();
  await context.setOffline(false);
});

// In whatever language.
async function drawAndGrade(page) {
  const before = await page.locator("article").count();
  await page.locator("#draw").click();
  return result(page.locator("article").nth(before));
}
