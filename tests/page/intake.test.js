// The ways in besides the picker: dropping files and folders, pasting; and
// photographs that come before the model has.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { allDone, card, choose, clearEverything, modelReady, photo, result, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
let folder;
let release;
before(async () => {
  visitor = await visit({ query: "?backend=cpu", goto: false });
  page = visitor.page;
  const held = new Promise((resolve) => (release = resolve));
  visitor.server.hold = (path) => (path.startsWith("model/") && !path.endsWith(".json") ? held : undefined);
  await page.goto(visitor.address);
  folder = await mkdtemp(join(tmpdir(), "fovea-photos-"));
});
after(async () => {
  await visitor?.close();
  await rm(folder, { recursive: true, force: true });
});

test("a photograph given before the model has arrived waits and is graded", async () => {
  await choose(page, photo("early.png", await drawnPng(page, 1, 1), "image/png"));
  const early = card(page, "early.png");
  await early.waitFor();
  assert.equal(await early.getAttribute("data-status"), "queued");
  assert.match(await early.textContent(), /Waiting for the model/);
  release();
  assert.equal((await result(early)).status, "graded");
});

test("an eye told by hand before names can be read leaves the name its patient", async () => {
  const slow = await visit({ query: "?backend=cpu", goto: false });
  try {
    let read;
    const held = new Promise((resolve) => (read = resolve));
    slow.server.hold = (path) => (path.endsWith(".wasm") ? held : undefined);
    await slow.page.goto(slow.address);
    const healthy = await drawnPng(page, 0, 3);
    await choose(slow.page, photo("17_right.png", healthy, "image/png"), photo("17_left.png", healthy, "image/png"));
    await slow.page.getByLabel("Eye in 17_left.png").selectOption("left");
    read();
    await modelReady(slow.page);
    await allDone(slow.page);
    const rows = await savedJson(slow.page);
    assert.deepEqual(rows.map(({ patient, eye, patientDecision }) => [patient, eye, patientDecision]), [
      ["17", "right", "no-referral"],
      ["17", "left", "no-referral"],
    ]);
  } finally {
    await slow.close();
  }
});

test("a dropped file is graded", async () => {
  const file = join(folder, "dropped.png");
  await writeFile(file, await drawnPng(page, 2, 2));
  await drop(file);
  assert.equal((await result(card(page, "dropped.png"))).status, "graded");
});

test("a dropped folder gives its photographs in order and leaves the rest out", async () => {
  const inside = join(folder, "clinic");
  await mkdir(join(inside, "second"), { recursive: true });
  await writeFile(join(inside, "10 right.png"), await drawnPng(page, 0, 10));
  await writeFile(join(inside, "9 left.png"), await drawnPng(page, 0, 9));
  await writeFile(join(inside, "second", "11.png"), await drawnPng(page, 0, 11));
  await writeFile(join(inside, "labels.csv"), "image,grade\n");
  await writeFile(join(inside, ".hidden.png"), "");
  await drop(inside);
  await result(card(page, "11.png"));
  const names = await page.locator("article h3").allTextContents();
  assert.deepEqual(names.slice(-3), ["9 left.png", "10 right.png", "11.png"]);
  assert.ok(!names.includes("labels.csv"));
});

test("a pasted photograph is graded", async () => {
  await page.evaluate((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes, (letter) => letter.charCodeAt(0))], "pasted.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, (await drawnPng(page, 4, 4)).toString("latin1"));
  assert.equal((await result(card(page, "pasted.png"))).status, "graded");
});

test("the same file can be chosen twice", async () => {
  const same = photo("twice.png", await drawnPng(page, 0, 3), "image/png");
  await choose(page, same);
  await choose(page, same);
  assert.equal(await card(page, "twice.png").count(), 2);
  await result(card(page, "twice.png").nth(1));
});

test("a chosen folder gives its photographs and says how many files it left out", async () => {
  const inside = join(folder, "ward");
  await mkdir(join(inside, "Ruiz"), { recursive: true });
  await writeFile(join(inside, "Ruiz", "left.png"), await drawnPng(page, 0, 9));
  await writeFile(join(inside, "notes.txt"), "none");
  const opened = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a folder" }).click();
  await (await opened).setFiles(inside);
  const chosen = card(page, "left.png");
  assert.equal((await result(chosen)).status, "graded");
  await page.waitForFunction(() => /1 photograph added. 1 file in the folder was left out/.test(document.querySelector("#announcer").textContent));
  await page.waitForFunction((article) => article.querySelector(".eye__patient").value === "Ruiz", await chosen.elementHandle());
});

test("saved results tell photographs of one name apart by their folders", async () => {
  const inside = join(folder, "two");
  for (const patient of ["Ada", "Ben"]) {
    await mkdir(join(inside, patient), { recursive: true });
    await writeFile(join(inside, patient, "left.png"), await drawnPng(page, 0, 9));
  }
  await drop(inside);
  await page.waitForFunction(() => document.querySelectorAll("article:is([data-status=queued], [data-status=working])").length === 0);
  const files = (await savedJson(page)).map(({ file }) => file);
  assert.deepEqual(files.slice(-3), ["ward/Ruiz/left.png", "two/Ada/left.png", "two/Ben/left.png"]);
  assert.ok(files.includes("pasted.png"), "as it is called where no folder is known");
});

test("patients of one number in two folders are two, and are told apart", async () => {
  await clearEverything(page);
  const inside = join(folder, "days");
  for (const [day, file, grade] of [["monday", "1_left.png", 4], ["tuesday", "1_left.png", 0], ["tuesday", "1_right.png", 0]]) {
    await mkdir(join(inside, day), { recursive: true });
    await writeFile(join(inside, day, file), await drawnPng(page, grade, 4));
  }
  const opened = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a folder" }).click();
  await (await opened).setFiles(inside);
  await page.locator("article").nth(2).waitFor();
  await allDone(page);
  await page.getByLabel("View").selectOption("patients");
  const [monday, tuesday] = ["monday", "tuesday"].map((day) => page.locator("#patients > li", { has: page.getByRole("heading", { name: `1 (days/${day})` }) }));
  await tuesday.getByText("Right eye: 0").waitFor();
  assert.equal(await tuesday.getByRole("listitem").count(), 2);
  assert.equal(await monday.getByRole("listitem").count(), 1);
  assert.match(await monday.textContent(), /Refer/);
});

test("the camera is offered where fingers point, and what it takes is graded", async () => {
  assert.ok(!(await page.locator("#take-photo").isVisible()), "a desktop has no camera for the back of the eye");
  const phone = await visit({ query: "?backend=cpu", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  try {
    await modelReady(phone.page);
    assert.equal(await phone.page.locator("#camera").getAttribute("capture"), "environment");
    const opened = phone.page.waitForEvent("filechooser");
    await phone.page.getByRole("button", { name: "Take a photograph" }).click();
    await (await opened).setFiles(photo("image.png", await drawnPng(phone.page, 2, 2), "image/png"));
    assert.equal((await result(card(phone.page, "image.png"))).status, "graded");
  } finally {
    await phone.close();
  }
});

// Headless Chromium opens no file with an app; the page's own part is what it does
// with what the browser hands it.
test("files opened from the desktop with the installed app are graded", async () => {
  const opened = await visit({ query: "?backend=cpu", goto: false });
  try {
    await opened.page.addInitScript(() => {
      Object.defineProperty(window, "launchQueue", { value: { setConsumer: (consumer) => (window.launched = consumer) } });
    });
    await opened.page.goto(opened.address);
    await modelReady(opened.page);
    const manifest = await opened.page.evaluate(async () => (await fetch(document.querySelector("link[rel=manifest]").href)).json());
    assert.equal(new URL(manifest.file_handlers[0].action, opened.address).pathname, "/");
    await opened.page.evaluate(
      async (data) => {
        const file = new File([Uint8Array.from(data, (letter) => letter.charCodeAt(0))], "opened right.png", { type: "image/png" });
        const gone = { name: "moved away.png", getFile: () => Promise.reject(new DOMException("it is not there", "NotFoundError")) };
        await window.launched({ files: [gone, { getFile: async () => file }] });
        await window.launched({ files: [] }); // started from its icon
      },
      (await drawnPng(opened.page, 2, 2)).toString("latin1"),
    );
    assert.equal((await result(card(opened.page, "opened right.png"))).status, "graded");
    assert.equal((await result(card(opened.page, "moved away.png"))).status, "error");
    assert.equal(await opened.page.locator("article").count(), 2);
    assert.deepEqual(opened.errors, []);
  } finally {
    await opened.close();
  }
});

test("the app can be installed when the browser offers it, and is asked once", async () => {
  const install = page.locator("#install");
  await page.evaluate(() => {
    window.asked = 0;
    const offer = Object.assign(new Event("beforeinstallprompt", { cancelable: true }), { prompt: async () => (window.asked += 1) });
    window.dispatchEvent(offer);
    window.prevented = offer.defaultPrevented;
  });
  assert.ok(await page.evaluate(() => window.prevented), "the browser would ask by itself");
  assert.ok(await install.isVisible());
  await install.click();
  assert.equal(await page.evaluate(() => window.asked), 1);
  assert.ok(!(await install.isVisible()));
  await page.evaluate(() => window.dispatchEvent(new Event("appinstalled")));
  await page.waitForFunction(() => /Installed as an app/.test(document.querySelector("#announcer").textContent));
});

// As the desktop does it: the browser opens the paths itself.
async function drop(...paths) {
  await modelReady(page);
  await page.evaluate(() => scrollTo(0, 0));
  const box = await page.locator("#lightbox").boundingBox();
  const session = await visitor.context.newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  const place = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, ...place, data });
  await session.detach();
}
