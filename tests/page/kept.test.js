// Work that stays over a reload where that was allowed, and only there;
// photographs handed over by the system.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { card, choose, clearEverything, gradeDrawn, modelReady, offlineReady, photo, result, SITE, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
before(async () => {
  visitor = await visit({ query: "?backend=cpu" });
  page = visitor.page;
  await modelReady(page);
  await offlineReady(page);
});
after(() => visitor?.close());

const png = async (name, grade, seed) => photo(name, await drawnPng(page, grade, seed), "image/png");
const bases = () => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
const again = async () => {
  await page.reload();
  await modelReady(page);
};

test("unasked, nothing survives a reload and nothing is stored", async () => {
  await choose(page, await png("9_left.png", 0, 3));
  await result(card(page, "9_left.png"));
  const keep = page.getByLabel("Keep this work on this device");
  assert.equal(await keep.isChecked(), false);
  const top = (locator) => locator.evaluate((element) => element.getBoundingClientRect().top);
  assert.ok((await top(keep)) < (await top(page.locator("article"))), "below a day's photographs nobody finds it");
  assert.deepEqual(await bases(), []);
  await again();
  assert.equal(await page.locator("article").count(), 0);
});

test("allowed, results, small pictures and what is still waiting survive", async () => {
  await choose(page, await png("9_left.png", 2, 2));
  const before = await result(card(page, "9_left.png"));
  await page.getByLabel("Keep this work on this device").check();
  await card(page, "9_left.png").getByLabel("Patient in 9_left.png").fill("Nine");
  await card(page, "9_left.png").getByLabel("Patient in 9_left.png").press("Tab");
  const more = [];
  for (let n = 0; n < 5; n++) more.push(await png(`more ${n}.png`, 0, 3));
  await choose(page, ...more);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(1500);
  assert.match(await page.locator("#keep-hint").textContent(), /results, small pictures and photographs that still wait/);
  await again();
  assert.equal(await page.locator("article").count(), 6);
  const after = await result(card(page, "9_left.png"));
  assert.equal(after.heading, before.heading);
  assert.deepEqual(after.bars, before.bars);
  assert.equal(await page.getByLabel("Patient in 9_left.png").inputValue(), "Nine");
  await card(page, "9_left.png").locator("img").waitFor();
  for (let n = 0; n < 5; n++) assert.equal((await result(card(page, `more ${n}.png`))).status, "graded");
});

test("one click erases it", async () => {
  await page.getByLabel("Keep this work on this device").uncheck();
  // Asked again and again here: a predicate that answers with a promise is not waited for.
  const stored = () => page.evaluate(async () => (await indexedDB.databases()).length);
  for (const end = Date.now() + 10_000; (await stored()) > 0 && Date.now() < end; ) await page.waitForTimeout(50);
  assert.equal(await stored(), 0);
  await again();
  assert.equal(await page.locator("article").count(), 0);
});

test("clearing everything erases what was kept, too", async () => {
  await choose(page, await png("10_left.png", 0, 3));
  await page.getByLabel("Keep this work on this device").check();
  await result(card(page, "10_left.png"));
  await page.waitForTimeout(500);
  await clearEverything(page);
  await page.waitForTimeout(500);
  await again();
  assert.equal(await page.locator("article").count(), 0);
});

// Each takes some milliseconds to be looked into and stored: clearing comes in between.
test("what was still being stored when everything is cleared, switched off or removed does not come back", async () => {
  const many = Array.from({ length: 40 }, (_, n) => photo(`no picture ${n}.png`, Buffer.alloc(50_000, n)));
  const keep = page.getByLabel("Keep this work on this device");
  for (const button of ["#clear", "#keep", "#forget"]) {
    await choose(page, await png("11_left.png", 0, 3));
    await keep.check();
    await page.waitForTimeout(300);
    await page.evaluate((selector) => {
      const press = () => [selector, "#clear-yes"].forEach((one) => document.querySelector(one).checkVisibility() && document.querySelector(one).click());
      const soon = () => setTimeout(press, 5);
      document.querySelector("#picker").addEventListener("change", soon, { once: true });
    }, button);
    await choose(page, ...many);
    await page.waitForTimeout(1500);
    assert.deepEqual(await bases(), [], button);
    await again();
    assert.equal(await page.locator("article").count(), 0, button);
  }
  await offlineReady(page);
});

test("a device that is full ends the keeping, erases what was kept, and says so until it is read", async () => {
  const full = await visit({ query: "?backend=cpu" });
  const { page } = full;
  try {
    await modelReady(page);
    const session = await full.context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: full.server.origin, quotaSize: 1 });
    await gradeDrawn(page);
    await gradeDrawn(page);
    const keep = page.getByLabel("Keep this work on this device");
    await keep.click();
    const told = page.getByRole("region", { name: "Message" });
    await told.getByText(/No more of this work could be kept .* Save the results/).waitFor();
    assert.equal(await keep.isChecked(), false);
    await page.waitForTimeout(500);
    const left = await page.evaluate(async () => [localStorage.getItem("fovea-keep/"), await indexedDB.databases()]);
    assert.deepEqual(left, [null, []]);
    await page.getByLabel("Language").selectOption("da");
    await page.getByText(/Der kunne ikke gemmes mere/).waitFor();
    await page.getByLabel("Sprog").selectOption("en");
    await told.getByRole("button", { name: "Close" }).click();
    assert.equal(await told.isVisible(), false);
    assert.equal(await page.evaluate(() => document.activeElement.id), "results-heading");
  } finally {
    await full.close();
  }
});

test("a film among the photographs does not end the keeping of the others for want of room", async () => {
  const small = await visit({ query: "?backend=cpu" });
  const { page } = small;
  try {
    await modelReady(page);
    const session = await small.context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: small.server.origin, quotaSize: 200e6 });
    const keep = page.getByLabel("Keep this work on this device");
    await gradeDrawn(page);
    await keep.check();
    await page.evaluate(() => {
      const data = new DataTransfer();
      const part = new Blob([new Uint8Array(2 ** 24)]);
      data.items.add(new File(Array(33).fill(part), "film.jpg", { type: "image/jpeg" }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    });
    assert.match((await result(card(page, "film.jpg"))).reason, /larger than/);
    await page.waitForTimeout(2000);
    assert.equal(await keep.isChecked(), true, await page.locator("#notice").textContent());
    await page.reload();
    await modelReady(page);
    assert.equal(await page.locator("article").count(), 2);
    assert.match((await result(card(page, "film.jpg"))).reason, /larger than/);
  } finally {
    await small.close();
  }
});

test("a file that is moved before its turn does not end the keeping", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fovea-kept-"));
  const keep = page.getByLabel("Keep this work on this device");
  for (const name of ["15_left.png", "16_left.png", "17_left.png", "18_left.png"]) await writeFile(join(folder, name), await drawnPng(page, 0, 3));
  // A browser that has looked at a file's size notices that it is gone.
  await page.evaluate(() => document.querySelector("#picker").addEventListener("change", ({ target }) => [...target.files].map(({ size }) => size), { once: true, capture: true }));
  await page.locator("#picker").setInputFiles((await readdir(folder)).map((name) => join(folder, name)));
  await page.getByRole("button", { name: "Pause" }).click();
  await rm(folder, { recursive: true });
  await keep.check();
  await page.waitForTimeout(1500);
  assert.equal(await keep.isChecked(), true);
  await again();
  assert.equal(await page.locator("article").count(), 4);
  assert.match((await result(card(page, "18_left.png"))).reason, /could not be read/);
  await keep.uncheck();
  await clearEverything(page);
});

test("a browser that keeps nothing is told of where the box unticks itself", async () => {
  const other = await visitor.context.newPage();
  await other.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("blocked", "SecurityError");
    };
  });
  await other.goto(visitor.address);
  await modelReady(other);
  await gradeDrawn(other);
  const keep = other.getByLabel("Keep this work on this device");
  await keep.click();
  await other.getByRole("region", { name: "Message" }).getByText("does not let the page keep anything").waitFor();
  assert.equal(await keep.isChecked(), false);
  await other.close();
});

test("what was kept and cannot be read just now is not erased, and comes back when it can", async () => {
  const other = await visit({ query: "?backend=cpu" });
  const { page } = other;
  try {
    await page.addInitScript(() => {
      const fail = () => {
        throw new DOMException("Internal error.", "UnknownError");
      };
      if (sessionStorage.fails === "open") IDBFactory.prototype.open = fail;
      if (sessionStorage.fails === "getAll") IDBObjectStore.prototype.getAll = fail;
    });
    await modelReady(page);
    const keep = page.getByLabel("Keep this work on this device");
    const told = page.getByRole("region", { name: "Message" });
    await choose(page, await png("30_left.png", 0, 3));
    await result(card(page, "30_left.png"));
    await keep.check();
    await told.getByText("This work stays").waitFor();
    await page.waitForTimeout(500);
    for (const fails of ["open", "getAll"]) {
      await page.evaluate((what) => (sessionStorage.fails = what), fails);
      await page.reload();
      await modelReady(page);
      await told.getByText("could not be read just now").waitFor();
      await gradeDrawn(page);
      assert.equal(await keep.isChecked(), false, fails);
      await told.getByRole("button", { name: "Close" }).click();
      await keep.click();
      await told.getByText("could not be read just now").waitFor();
      assert.equal(await keep.isChecked(), false, fails);
    }
    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await modelReady(page);
    assert.deepEqual(await page.locator("article h3").allTextContents(), ["30_left.png"]);
    assert.equal(await keep.isChecked(), true);
  } finally {
    await other.close();
  }
});

test("where what was kept cannot be erased, nobody is told that it is", async () => {
  const other = await visitor.context.newPage();
  await other.addInitScript(() => {
    const { deleteDatabase } = IDBFactory.prototype;
    IDBFactory.prototype.deleteDatabase = function (name) {
      if (!window.erases) throw new DOMException("Internal error.", "UnknownError");
      return deleteDatabase.call(this, name);
    };
  });
  await other.goto(visitor.address);
  await modelReady(other);
  const keep = other.getByLabel("Keep this work on this device");
  const told = other.getByRole("region", { name: "Message" });
  await gradeDrawn(other);
  await keep.check();
  await told.getByText("This work stays").waitFor();
  await clearEverything(other);
  await told.getByText("did not allow the stored copy to be removed").waitFor();
  await modelReady(other);
  await gradeDrawn(other);
  await told.getByRole("button", { name: "Close" }).click();
  await keep.uncheck();
  await told.getByText("did not allow the stored copy to be removed").waitFor();
  await other.evaluate(() => (window.erases = true));
  await keep.check();
  await keep.uncheck();
  await told.getByText("Erased").waitFor();
  assert.deepEqual(await bases(), []);
  await other.close();
});

test("work kept before a host's pages had stores of their own is there, and goes when it is switched off", async () => {
  const other = await visit({ query: "?backend=cpu" });
  const { page } = other;
  try {
    await modelReady(page);
    const keep = page.getByLabel("Keep this work on this device");
    await choose(page, await png("31_left.png", 0, 3));
    await result(card(page, "31_left.png"));
    await keep.check();
    await page.waitForTimeout(1000);
    // As an earlier version would have kept it.
    await page.evaluate(async () => {
      const done = (request, way) => new Promise((resolve, reject) => Object.assign(request, { [way]: resolve, onerror: reject }));
      const opened = async (name) => {
        const request = indexedDB.open(name, 1);
        request.onupgradeneeded = () => request.result.createObjectStore("photos", { keyPath: "key" });
        await done(request, "onsuccess");
        return request.result;
      };
      const now = await opened("fovea-work/");
      const all = now.transaction("photos").objectStore("photos").getAll();
      await done(all, "onsuccess");
      now.close();
      const before = await opened("fovea-work");
      const writing = before.transaction("photos", "readwrite");
      for (const record of all.result) writing.objectStore("photos").put(record);
      await done(writing, "oncomplete");
      before.close();
      await done(indexedDB.deleteDatabase("fovea-work/"), "onsuccess");
      localStorage.removeItem("fovea-keep/");
      localStorage.setItem("fovea-keep", "on");
    });
    for (let n = 0; n < 2; n++) {
      await page.reload();
      await modelReady(page);
      await card(page, "31_left.png").waitFor();
      assert.equal(await keep.isChecked(), true);
    }
    const names = () => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
    await keep.uncheck();
    await page.locator("#notice").getByText("Erased").waitFor();
    assert.deepEqual(await names(), []);
    await keep.check();
    await page.locator("#notice").getByText("This work stays").waitFor();
    assert.deepEqual(await names(), ["fovea-work/"]);
    await page.locator("#forget").click();
    await page.waitForSelector("html[data-offline=removed]", { state: "attached" });
    assert.deepEqual([await names(), await page.evaluate(() => Object.keys(localStorage))], [[], []]);
  } finally {
    await other.close();
  }
});

// WebKit in a private window; in its own test it is a real one.
test("where the browser's store takes no Blob, the bytes are kept", async () => {
  const other = await visitor.context.newPage();
  await other.addInitScript(() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (record) {
      if (Object.values(record).some((value) => value instanceof Blob)) throw new DOMException("BlobURLs are not yet supported", "DataCloneError");
      return put.call(this, record);
    };
  });
  await other.goto(visitor.address);
  await modelReady(other);
  await choose(other, await png("12_left.png", 2, 2));
  const before = await result(card(other, "12_left.png"));
  const keep = other.getByLabel("Keep this work on this device");
  await keep.check();
  const more = [];
  for (let n = 0; n < 5; n++) more.push(await png(`waiting ${n}.png`, 0, 3));
  await choose(other, ...more);
  await other.getByRole("button", { name: "Pause" }).click();
  await other.waitForTimeout(1500);
  assert.equal(await keep.isChecked(), true);
  await other.reload();
  await modelReady(other);
  assert.equal(await other.locator("article").count(), 6);
  assert.deepEqual((await result(card(other, "12_left.png"))).bars, before.bars);
  for (const name of ["12_left.png", ...more.map(({ name }) => name)]) {
    await card(other, name).locator("img").waitFor();
    assert.equal((await result(card(other, name))).status, "graded");
  }
  await keep.uncheck();
  await other.close();
});

// As a phone does with the store of a page that was put aside.
test("a store that the browser closes is opened again; one that it cleared ends the keeping", async () => {
  const other = await visitor.context.newPage();
  await other.addInitScript(() => {
    const { open } = IDBFactory.prototype;
    IDBFactory.prototype.open = function (...named) {
      const request = open.apply(this, named);
      request.addEventListener("success", () => (window.base = request.result));
      return request;
    };
  });
  await other.goto(visitor.address);
  await modelReady(other);
  const keep = other.getByLabel("Keep this work on this device");
  const give = async (name) => {
    await choose(other, await png(name, 0, 3));
    await result(card(other, name));
    await other.waitForTimeout(500);
  };
  await give("13_left.png");
  await keep.check();
  await other.waitForTimeout(500);
  await other.evaluate(() => {
    window.base.close();
    window.base.dispatchEvent(new Event("close"));
  });
  await give("14_left.png");
  await other.evaluate(() => window.base.close()); // and without a word of it
  await give("16_left.png");
  assert.equal(await keep.isChecked(), true);
  await other.reload();
  await modelReady(other);
  assert.deepEqual((await other.locator("article h3").allTextContents()).sort(), ["13_left.png", "14_left.png", "16_left.png"]);

  await other.evaluate(async () => {
    const { base } = window;
    base.close();
    await new Promise((resolve) => (indexedDB.deleteDatabase(base.name).onsuccess = resolve));
    base.dispatchEvent(new Event("close"));
  });
  await give("15_left.png");
  await other.getByRole("region", { name: "Message" }).getByText("No more of this work could be kept").waitFor();
  assert.equal(await keep.isChecked(), false);
  assert.deepEqual(await bases(), []);
  await other.close();
});

test("a second window neither takes the work of the first nor keeps any, and says so", async () => {
  const keep = page.getByLabel("Keep this work on this device");
  await gradeDrawn(page);
  await keep.check();
  await choose(page, await png("20_left.png", 0, 3), await png("21_left.png", 0, 3), await png("22_left.png", 0, 3));
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(500);
  const second = await visitor.context.newPage();
  await second.goto(visitor.address);
  const told = second.getByRole("region", { name: "Message" });
  await told.getByText("Another window of Fovea keeps its work").waitFor();
  await modelReady(second);
  assert.equal(await second.locator("article").count(), 0);
  await gradeDrawn(second);
  await told.getByRole("button", { name: "Close" }).click();
  const keepHere = second.getByLabel("Keep this work on this device");
  assert.equal(await keepHere.isChecked(), false);
  await keepHere.click();
  await told.waitFor();
  assert.equal(await keepHere.isChecked(), false);
  assert.equal(await keep.isChecked(), true);
  await again();
  assert.equal(await page.locator("article").count(), 4);

  // Once the first has gone, the second may: with all there is.
  await page.close();
  await keepHere.check();
  await second.locator("article").nth(4).waitFor();
  await told.getByText("This work stays").waitFor();
  page = second;
  await again();
  assert.equal(await page.locator("article").count(), 5);
  assert.equal(await keepHere.isChecked(), true);
});

test("what one window erases another does not keep on with, and says so", async () => {
  const keep = page.getByLabel("Keep this work on this device");
  assert.equal(await keep.isChecked(), true);
  const second = await visitor.context.newPage();
  const told = page.getByRole("region", { name: "Message" });
  for (const end of ["Clear everything", "Remove Fovea from this device"]) {
    await keep.check();
    await second.goto(visitor.address);
    await modelReady(second);
    await gradeDrawn(second);
    await second.getByRole("button", { name: end }).click();
    await told.getByText("was erased in another window").waitFor();
    assert.equal(await keep.isChecked(), false);
    await gradeDrawn(page);
    await page.waitForTimeout(300);
    assert.deepEqual([await page.evaluate(() => localStorage.getItem("fovea-keep/")), await bases()], [null, []], end);
  }
  await second.close();
  await again();
  await offlineReady(page);
  assert.equal(await page.locator("article").count(), 0);
});

test("a photograph shared with the installed page is graded, and never reaches the server", async () => {
  const { share_target: share, file_handlers: handlers } = JSON.parse(await readFile(join(SITE, "manifest.webmanifest"), "utf8"));
  assert.ok(handlers.length > 0);
  const from = visitor.server.requests.length;
  const bytes = (await drawnPng(page, 2, 2)).toString("latin1");
  const landed = await page.evaluate(
    async ([data, action, field]) => {
      const form = new FormData();
      form.append(field, new File([Uint8Array.from(data, (letter) => letter.charCodeAt(0))], "galería left.png", { type: "image/png" }));
      return (await fetch(action, { method: "POST", body: form })).url;
    },
    [bytes, share.action, share.params.files[0].name],
  );
  await page.goto(landed);
  await modelReady(page);
  assert.equal((await result(card(page, "galería left.png"))).status, "graded");
  assert.equal(new URL(page.url()).search, "");
  assert.deepEqual(visitor.server.requests.slice(from).filter(({ method }) => method !== "GET"), []);
  assert.deepEqual((await page.evaluate(() => caches.keys())).filter((name) => name.startsWith("fovea-shared")), []);
});
