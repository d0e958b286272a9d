// DICOM photographs: graded like the picture in them and like the command grades
// them, by a part brought in when the first arrives; the patient's data stay in the
// file.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { CT, JPEG_2000, jpegDicom, PATIENT, pixelsOf, plainDicom } from "./help/dicom.js";
import { card, choose, clearEverything, modelReady, offlineReady, photo, result, savedJson, SITE, siteList, visit } from "./help/page.js";
import { drawnPng, smallJpeg } from "./help/pictures.js";

const FOVEA = process.env.FOVEA_BIN;
const PART = /^pkg\/fovea_dicom/;

// Without its service worker, so that every request is one of the page itself.
let visitor;
let page;
let picture; // a drawn photograph as { png, pixels, jpeg, dicom }
before(async () => {
  visitor = await visit({ query: "?backend=cpu", serviceWorkers: "block" });
  page = visitor.page;
  await modelReady(page);
  picture = await drawn(page);
});
after(() => visitor?.close());

async function drawn(where) {
  const png = await drawnPng(where, 3, 8);
  const pixels = await pixelsOf(where, png);
  const jpeg = await smallJpeg(where, png, 512);
  return { png, pixels, jpeg, dicom: jpegDicom({ width: 512, height: 512 }, jpeg, { side: "L" }) };
}

const dicom = (name, bytes) => photo(name, bytes, "application/dicom");
const fetched = ({ server }) => server.requests.filter(({ path }) => PART.test(path)).map(({ path }) => path);
const graded = async (where, name) => {
  const found = await result(card(where, name));
  assert.equal(found.status, "graded", `${name}: ${found.reason}`);
  return found;
};

test("the part that reads them comes with the first, once, and has no network when it does", async () => {
  await choose(page, photo("alone.jpg", picture.jpeg), photo("alone.png", picture.png, "image/png"));
  await graded(page, "alone.jpg");
  await graded(page, "alone.png");
  assert.deepEqual(fetched(visitor), []);
  await choose(page, dicom("12_right.dcm", picture.dicom), dicom("IM0001", plainDicom({ ...picture.pixels, data: Buffer.concat([picture.pixels.data, picture.pixels.data]) }, { frames: 2 })));
  await graded(page, "12_right.dcm");
  await graded(page, "IM0001");
  assert.deepEqual(fetched(visitor).sort(), ["pkg/fovea_dicom.js", "pkg/fovea_dicom_bg.wasm"]);
  const worker = page.workers().find((one) => one.url().includes("dicom-worker.js"));
  assert.deepEqual(await worker.evaluate(() => [typeof fetch, typeof XMLHttpRequest, typeof WebSocket, typeof indexedDB]), ["undefined", "undefined", "undefined", "undefined"]);
});

test("it is small enough to be kept for the day without a network", async () => {
  const { lazy } = await siteList();
  const bytes = lazy.filter(({ url }) => PART.test(url)).reduce((sum, entry) => sum + entry.bytes, 0);
  assert.ok(bytes > 10_000 && bytes < 600_000, `${bytes} bytes`);
});

test("a photograph is graded exactly as the picture in it, and shown like it", async () => {
  const rows = Object.fromEntries((await savedJson(page)).map((row) => [row.file, row]));
  assert.deepEqual(rows["12_right.dcm"].probabilities, rows["alone.jpg"].probabilities);
  assert.deepEqual(rows["IM0001"].probabilities, rows["alone.png"].probabilities);
  for (const name of ["12_right.dcm", "IM0001"]) {
    await card(page, name).locator("img:visible").waitFor();
    assert.ok(await card(page, name).locator("img").evaluate((image) => image.naturalWidth > 100), name);
  }
});

test("the file's own side is surer than its name, and a hand than both", async () => {
  assert.equal(await page.getByLabel("Eye in 12_right.dcm").inputValue(), "left");
  assert.equal(await page.getByLabel("Patient in 12_right.dcm").inputValue(), "12");
  await page.getByLabel("Eye in 12_right.dcm").selectOption("right");
  const [row] = (await savedJson(page)).filter(({ file }) => file === "12_right.dcm");
  assert.equal(row.eye, "right");
});

test("of several pictures the first is graded, and that is said", async () => {
  assert.match((await result(card(page, "IM0001"))).reason, /Only the first of the 2 pictures in this file was looked at\./);
  assert.doesNotMatch((await result(card(page, "12_right.dcm"))).reason, /first of/);
});

test("where it looked is shown over the picture", async () => {
  for (const name of ["12_right.dcm", "IM0001"]) {
    await card(page, name).getByRole("button", { name: "Where it looked" }).click();
    await page.waitForSelector("dialog.look[data-shown=true]");
    const size = await page.locator("dialog.look img").first().evaluate((image) => image.naturalWidth);
    assert.ok(size >= 512, `${name}: ${size}`);
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  }
  assert.deepEqual(visitor.errors, []);
});

test("what is no photograph, damaged or packed otherwise is refused in the library's words", async () => {
  const { jpeg, pixels } = picture;
  const size = { width: 512, height: 512 };
  await choose(page, dicom("scan.dcm", plainDicom(pixels, CT)), dicom("cut.dcm", plainDicom(pixels).subarray(0, 100_000)), dicom("other.dcm", jpegDicom(size, jpeg, { syntax: JPEG_2000, side: "R" })), dicom("half.dcm", jpegDicom(size, jpeg.subarray(0, jpeg.length / 2))));
  const refused = [];
  for (const name of ["scan.dcm", "cut.dcm", "other.dcm", "half.dcm"]) {
    const { status, reason } = await result(card(page, name));
    refused.push([status, reason]);
    assert.ok(!(await card(page, name).getByRole("button", { name: "Try again" }).isVisible()), `${name} would be no better`);
  }
  const [scan, cut, other, half] = refused;
  assert.deepEqual(scan, ["error", "This DICOM file is no photograph of the eye (its modality is CT); choose a fundus photograph."]);
  assert.equal(cut[0], "error");
  assert.match(cut[1], /ends before the picture is complete/);
  assert.match(other[1], /DICOM with JPEG 2000 is not read here/);
  assert.match(half[1], /ends before the picture is complete/);
  assert.equal(await page.getByLabel("Eye in other.dcm").inputValue(), "right");
  const rows = (await savedJson(page)).filter(({ file }) => file === "scan.dcm");
  assert.deepEqual([rows[0].errorCode, rows[0].ownModel], ["not-a-photograph", false]);
  assert.match(rows[0].model, /^[0-9a-f]{64}$/);
  await page.getByLabel("Language").selectOption("da");
  assert.match((await result(card(page, "scan.dcm"))).reason, /^Denne DICOM-fil er ikke et fotografi/);
  assert.match((await result(card(page, "IM0001"))).reason, /kun set på det første af de 2 billeder/);
  await page.getByLabel("Sprog").selectOption("en");
});

test("the patient's name is nowhere on the page, in what is saved or on the report", async () => {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save results (CSV)" }).click();
  const csv = await readFile(await (await download).path(), "utf8");
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.ok((await page.locator("#report .sheet__photo").count()) > 4);
  const everything = [csv, JSON.stringify(await savedJson(page)), await page.content()].join("\n");
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  assert.ok(everything.includes("12_right.dcm"));
  for (const part of PATIENT.split("^")) assert.ok(!everything.includes(part), part);
  for (const { method, bodyBytes } of visitor.server.requests) assert.deepEqual([method, bodyBytes], ["GET", 0]);
});

test("the command gives the same rows for the same files", { skip: !FOVEA && "FOVEA_BIN names no command" }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "fovea-dicom-"));
  try {
    const files = [
      ["12_right.dcm", picture.dicom],
      ["IM0001", plainDicom(picture.pixels)],
      ["scan.dcm", plainDicom(picture.pixels, CT)],
    ];
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    const run = promisify(execFile)(FOVEA, ["grade", ...files.map(([name]) => name), "--bundle", join(SITE, "model"), "--format", "json"], { cwd: folder, maxBuffer: 1e8 });
    const { stdout } = await run.catch((error) => error); // one is no photograph
    const command = JSON.parse(stdout);
    assert.equal(command.length, files.length);
    const rows = Object.fromEntries((await savedJson(page)).map((row) => [row.file, row]));
    for (const theirs of command) {
      const ours = rows[theirs.file];
      for (const field of ["status", "grade", "referable", "unsure", "error", "errorCode", "bundle", "model"]) assert.equal(theirs[field], ours[field], `${theirs.file}: ${field}`);
      for (const [grade, p] of (theirs.probabilities ?? []).entries()) assert.ok(Math.abs(p - ours.probabilities[grade]) < 1e-3, `${theirs.file}: p${grade}`);
    }
    assert.equal(command[0].eye, "left");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a folder gives its DICOM files, with an ending or without", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fovea-dicom-"));
  try {
    const ward = join(folder, "ward");
    await mkdir(ward);
    await writeFile(join(ward, "a_left.dicom"), picture.dicom);
    await writeFile(join(ward, "IM0002"), picture.dicom);
    await writeFile(join(ward, "DICOMDIR"), "no picture");
    const opened = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Choose a folder" }).click();
    await (await opened).setFiles(ward);
    await graded(page, "a_left.dicom");
    await graded(page, "IM0002");
    assert.equal(await card(page, "DICOMDIR").count(), 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("clear everything ends its worker, and the next file starts another", async () => {
  await clearEverything(page);
  await page.waitForTimeout(300);
  assert.equal(page.workers().filter((one) => one.url().includes("dicom-worker.js")).length, 0);
  await modelReady(page);
  await choose(page, dicom("again.dcm", picture.dicom));
  await graded(page, "again.dcm");
  assert.deepEqual(visitor.errors, []);
});

test("it works without a network once the page has come to rest, and says what to do before", async () => {
  const clinic = await visit({ query: "?backend=cpu" });
  try {
    let away = true;
    clinic.server.refuse = (path) => away && PART.test(path);
    await modelReady(clinic.page);
    await offlineReady(clinic.page);
    await choose(clinic.page, dicom("first.dcm", picture.dicom));
    const first = await result(card(clinic.page, "first.dcm"));
    assert.equal(first.status, "error");
    assert.match(first.reason, /^DICOM files are read by a small part of the page.*Connect to the network and try again/);

    away = false;
    await card(clinic.page, "first.dcm").getByRole("button", { name: "Try again" }).click();
    await graded(clinic.page, "first.dcm");
    await clinic.server.stop();
    await clinic.context.setOffline(true);
    await clinic.page.reload();
    await modelReady(clinic.page);
    await choose(clinic.page, dicom("second.dcm", picture.dicom));
    await graded(clinic.page, "second.dcm");
  } finally {
    await clinic.close();
  }
});

test("a visit that saw no DICOM file keeps the part too, and brings in nothing", async () => {
  const clinic = await visit({ query: "?backend=cpu" });
  try {
    await modelReady(clinic.page);
    await offlineReady(clinic.page);
    const kept = () => clinic.page.evaluate(async () => Boolean(await caches.match("pkg/fovea_dicom.js")) && Boolean(await caches.match("pkg/fovea_dicom_bg.wasm")));
    for (let n = 0; n < 60 && !(await kept()); n++) await clinic.page.waitForTimeout(500);
    assert.equal(clinic.page.workers().filter((one) => one.url().includes("dicom-worker.js")).length, 0);
    await clinic.server.stop();
    await clinic.context.setOffline(true);
    await choose(clinic.page, dicom("ward.dcm", picture.dicom));
    await graded(clinic.page, "ward.dcm");
  } finally {
    await clinic.close();
  }
});

test("work that is kept holds the picture alone", async () => {
  const clinic = await visit({ query: "?backend=cpu", goto: false });
  try {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    clinic.server.hold = (path) => (path.startsWith("model/") && !path.endsWith(".json") ? held : undefined);
    await clinic.page.goto(clinic.address);
    await clinic.page.getByLabel("Keep this work on this device").evaluate((box) => box.click());
    await choose(clinic.page, dicom("wait.dcm", picture.dicom));
    const kept = () =>
      clinic.page.evaluate(async () => {
        // Opened before the page has made it, it would be made empty, and the page keep nothing.
        if (!(await indexedDB.databases()).some(({ name }) => name === "fovea-work/")) return null;
        const base = await new Promise((resolve, reject) => Object.assign(indexedDB.open("fovea-work/"), { onsuccess: ({ target }) => resolve(target.result), onerror: reject }));
        const [record] = await new Promise((resolve) => (base.transaction("photos").objectStore("photos").getAll().onsuccess = ({ target }) => resolve(target.result)));
        base.close();
        return record?.file ? { type: record.file.type, text: await record.file.text(), side: record.side } : null;
      });
    let record = null;
    for (let n = 0; n < 100 && !record; n++) {
      record = await kept();
      if (!record) await clinic.page.waitForTimeout(100);
    }
    assert.equal(record?.type, "image/jpeg");
    assert.equal(record.side, "left");
    assert.ok(!record.text.includes("Doe"), "a patient's name was kept");
    release();
    await clinic.page.reload();
    await modelReady(clinic.page);
    await graded(clinic.page, "wait.dcm");
    assert.equal(await clinic.page.getByLabel("Eye in wait.dcm").inputValue(), "left");
  } finally {
    await clinic.close();
  }
});
