// A model of the visitor's own: checked like any other, marked as long as it
// runs; and the panel that tells what runs.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { shipped, signed } from "./help/bundle.js";
import { allDone, choose, clearEverything, gradeDrawn, modelReady, photo, savedJson, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let visitor;
let page;
let manifest;
let weights;
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-own-"));
  ({ manifest, weights } = await shipped());
  visitor = await visit({ query: "?backend=cpu", permissions: ["clipboard-read", "clipboard-write"] });
  page = visitor.page;
  await modelReady(page);
});
after(async () => {
  await visitor?.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(description, bytes, page = visitor.page) {
  await page.locator("#own").evaluate((details) => (details.open = true));
  const files = { manifest: join(folder, "model.json"), weights: join(folder, "mine.safetensors") };
  await writeFile(files.manifest, typeof description === "string" ? description : JSON.stringify(description));
  await writeFile(files.weights, bytes);
  await page.locator("#own-manifest").setInputFiles(files.manifest);
  await page.locator("#own-weights").setInputFiles(files.weights);
  await page.getByRole("button", { name: "Check and use it" }).click();
}
const told = (words, page = visitor.page) => page.waitForFunction((expected) => document.querySelector("#own-told").textContent.includes(expected), words, { timeout: 60_000 });

test("both files are asked for", async () => {
  await page.locator("#own").evaluate((details) => (details.open = true));
  await page.getByRole("button", { name: "Check and use it" }).click();
  await told("Choose both files");
  assert.equal(await page.locator("input[type=file][multiple]").count(), 1);
});

test("what is no model, altered or cut is refused, and the shipped one stays", async () => {
  const altered = Buffer.from(weights);
  altered[altered.length >> 1] ^= 0x10;
  for (const [description, bytes, why] of [
    ["patients.json", weights, "cannot be read"],
    [manifest, altered, "SHA-256"],
    [manifest, weights.subarray(0, 1000), "bytes"],
    [{ ...manifest, format: 99 }, weights, "format 99"],
  ]) {
    await open(description, bytes);
    await told(why);
    assert.match(await page.locator("#own-told").textContent(), /^This model cannot be used\./);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.modelSource), "shipped");
  }
  assert.equal((await gradeDrawn(page)).status, "graded");
});

test("a sound one runs, named and marked, and fetches nothing", async () => {
  const teacher = { name: "ward-six 1.0.0", photos: 1200, terms: "research use" };
  const mine = { ...manifest, name: "ward-seven", version: "2.0.0", training: { ...manifest.training, taught_by: [teacher] } };
  const from = visitor.server.requests.length;
  await open(mine, weights);
  await told("ward-seven");
  const mark = page.locator("#own-mark");
  assert.match(await mark.textContent(), /ward-seven 2\.0\.0.*not the one Fovea ships/s);
  assert.match(await page.locator("#model").textContent(), /ward-seven/);
  assert.match(await page.locator("#model-card-body").textContent(), /ward-seven 2\.0\.0/);
  assert.match(await page.locator("#model-card-body").textContent(), /Taught by the answers ofward-six 1\.0\.0, 1,200 photographs: research use/);
  const chances = (await page.locator("#model-card-body").textContent()).match(/by chance alone, of so few photographs0\.\d{3} on average, at most 0\.\d{3} in 95 of 100 cases/g);
  assert.equal(chances?.length, manifest.figures.length);
  const rows = await page.locator("#model-card-body table").first().locator("tbody tr").allTextContents();
  assert.equal(rows.length, manifest.doubt.figures[0].rows.length);
  assert.equal(rows.filter((row) => /as decided here/.test(row)).length, 1);
  assert.match(rows[0], /^100\.0\s%0\.\d{3}\d+\.\d\s%/);
  const graded = await gradeDrawn(page);
  assert.match(graded.bundle, /ward-seven/);
  assert.match(await page.locator("article").last().locator(".card__aside").textContent(), /not Fovea’s/);
  assert.deepEqual((await savedJson(page)).map(({ ownModel }) => ownModel), [false, true]);
  assert.deepEqual(visitor.server.requests.slice(from).filter(({ path }) => path.startsWith("model/")), []);
});

test("a network that no map can be made of says so", async () => {
  const blank = blankPratt(64);
  const preprocessing = { ...manifest.preprocessing, size: 64 };
  await open({ ...manifest, edema: undefined, name: "ward-pratt", architecture: "pratt2016", preprocessing, weights: signed(blank, { ...manifest.weights, file: "mine.safetensors" }) }, blank);
  await told("ward-pratt");
  assert.equal((await gradeDrawn(page)).status, "graded");
  await page.locator("article").last().getByRole("button", { name: "Where it looked" }).click();
  const said = page.locator("dialog.look .look__shows").first();
  await page.waitForFunction((line) => /residual/.test(line.textContent), await said.elementHandle());
  assert.match(await said.textContent(), /^Such a map is made of residual networks only, and this model is of another kind\.$/);
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await open({ ...manifest, name: "ward-seven", version: "2.0.0" }, weights);
  await told("ward-seven");
});

// Weights of Pratt's network, all of them nothing, for pictures this wide.
function blankPratt(size) {
  const shapes = {};
  let input = 3;
  for (const [index, width] of [32, 32, 64, 64, 128, 128, 256, 256, 512, 512].entries()) {
    shapes[`convolutions.${index}.conv.weight`] = [width, input, 3, 3];
    for (const name of ["weight", "bias", "running_mean", "running_var"]) shapes[`convolutions.${index}.bn.${name}`] = [width];
    input = width;
  }
  for (const [name, from, to] of [["fc1", 512 * Math.ceil(size / 32) ** 2, 1024], ["fc2", 1024, 1024], ["fc", 1024, 5]]) {
    shapes[`${name}.weight`] = [to, from];
    shapes[`${name}.bias`] = [to];
  }
  let end = 0;
  const header = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const start = end;
    end += 4 * shape.reduce((product, side) => product * side, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, Buffer.alloc(end)]);
}

test("a photograph under way when it takes over is told as the model's that graded it", async () => {
  await page.reload();
  await modelReady(page);
  await page.workers().find((one) => one.url().includes("worker.js")).evaluate(() => {
    const hear = self.onmessage;
    self.onmessage = (event) => (event.data.method === "grade" ? setTimeout(hear, 6000, event) : hear(event));
  });
  await page.getByRole("button", { name: "Try a drawn photograph" }).click();
  await page.waitForSelector("article[data-status=working]");
  await open({ ...manifest, name: "ward-seven", version: "2.0.0" }, weights);
  await told("ward-seven");
  assert.equal(await page.locator("article").getAttribute("data-status"), "working");
  await page.waitForSelector("article[data-status=graded]");
  assert.deepEqual((await savedJson(page)).map(({ ownModel, bundle }) => [ownModel, /ward-seven/.test(bundle)]), [[false, false]]);
});

test("one that is refused after the next was asked for does not take its files away", async () => {
  await page.reload();
  await modelReady(page);
  const altered = Buffer.from(weights);
  altered[altered.length >> 1] ^= 0x10;
  const sound = { manifest: join(folder, "sound.json"), weights: join(folder, "sound.safetensors") };
  await writeFile(sound.manifest, JSON.stringify({ ...manifest, name: "ward-seven", version: "2.0.0" }));
  await writeFile(sound.weights, weights);
  await open(manifest, altered);
  await page.locator("#own-manifest").setInputFiles(sound.manifest);
  await page.locator("#own-weights").setInputFiles(sound.weights);
  await page.getByRole("button", { name: "Check and use it" }).click();
  await told("ward-seven");
  await gradeDrawn(page);
  await clearEverything(page); // begins a new worker
  await modelReady(page);
  assert.match((await gradeDrawn(page)).bundle, /ward-seven/);
});

test("it survives a worker that dies, and gives way to the shipped one", async () => {
  const workers = page.workers();
  await workers.at(-1).evaluate(() => {
    self.onmessage = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
  });
  assert.equal((await gradeDrawn(page)).status, "error");
  await modelReady(page);
  assert.match((await gradeDrawn(page)).bundle, /ward-seven/);
  await page.getByRole("button", { name: "Back to Fovea’s own model" }).click();
  await told("in use again");
  assert.equal(await page.locator("#own-mark").isHidden(), true);
  assert.doesNotMatch((await gradeDrawn(page)).bundle, /ward-seven/);
});

test("it is not harmed by the shipped one that fails, and comes back when tried again", async () => {
  const other = await visit({ query: "?backend=cpu", goto: false });
  const { page, server } = other;
  try {
    let asked = false;
    server.hold = (path) => path.endsWith(".safetensors") && new Promise(() => (asked = true));
    await page.goto(other.address);
    await page.waitForFunction(() => document.querySelector("#version").textContent);
    await open({ ...manifest, name: "ward-seven", version: "2.0.0" }, weights, page);
    await told("ward-seven", page);
    while (!asked) await page.waitForTimeout(50);
    await server.stop();
    await page.waitForTimeout(1000);
    assert.equal((await modelReady(page)).modelSource, "own");
    assert.match(await page.locator("#runs-on").textContent(), /A model of your own runs on the CPU/);
    assert.match((await gradeDrawn(page)).bundle, /ward-seven/);

    // Its files are away when its worker dies, and back when it is asked for again.
    await rename(folder, `${folder}-away`);
    await page.workers().at(-1).evaluate(() => {
      self.onmessage = () => {
        throw new WebAssembly.RuntimeError("unreachable");
      };
    });
    await page.getByRole("button", { name: "Try a drawn photograph" }).click();
    await page.waitForSelector("html[data-model=error]", { state: "attached" });
    await rename(`${folder}-away`, folder);
    await server.start();
    await page.getByRole("button", { name: "Try again" }).first().click();
    assert.equal((await modelReady(page)).modelSource, "own");
    assert.match((await gradeDrawn(page)).bundle, /ward-seven/);
    assert.deepEqual((await savedJson(page)).map(({ ownModel, bundle }) => [ownModel, /ward-seven/.test(bundle)]).at(-1), [true, true]);
  } finally {
    await other.close();
  }
});

test("the diagnostics tell what runs, test it, and copy as text", async () => {
  await page.locator("#diagnostics > summary").click();
  await page.getByRole("button", { name: "Run the self-test" }).click();
  await page.getByText("Passed in").first().waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "Copy as text" }).click();
  await page.getByText("Copied.").waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  for (const part of [/^Page: [0-9a-f]{16}/m, /^Library: \d+\.\d+\.\d+/m, /^Ran on: cpu/m, /^Graphics processor: /m, /^Threads in use: \d/m, /^Median of what was graded: .* ms/m, /^Photographs kept from other hosts by the browser, too: yes/m, /^Self-test: Passed/m]) assert.match(text, part);
  assert.doesNotMatch(text, /undefined|null|\.png/);
});

test("a sheet tells of lines fixed anew for the same weights, and not that they decided what came before", async () => {
  await page.reload();
  await modelReady(page);
  const eye = async (side, grade) => {
    await choose(page, photo(`7_${side}.png`, await drawnPng(page, grade, 8), "image/png"));
    await allDone(page);
  };
  await eye("left", 3);
  const { referable } = manifest.thresholds;
  await open({ ...manifest, name: "ward-eight", thresholds: { ...manifest.thresholds, referable: { ...referable, threshold: 0.4321 } } }, weights);
  await told("ward-eight");
  await eye("right", 0);
  const [left, right] = await savedJson(page);
  assert.equal(left.model, right.model);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  const text = await page.locator(".sheet").textContent();
  const [, foot] = text.split("Model in brief");
  assert.doesNotMatch(foot, /probability 0\.43/);
  assert.equal(text.split("Operating point").length, 3, "each photograph's own");
  for (const { settings } of [left, right]) assert.ok(text.includes(settings), settings);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  await clearEverything(page);
});

test("a map by it of what the shipped one graded names its own grade, in a translation, too", async () => {
  await page.reload();
  await modelReady(page);
  const graded = await gradeDrawn(page);
  assert.notEqual(graded.grade, "4");
  await page.locator("#language").selectOption("es");
  const shown = async () => {
    await page.locator("article").getByRole("button", { name: "Dónde miró" }).click();
    const said = page.locator("dialog.look .look__shows").first();
    await page.waitForFunction((line) => /“|«/.test(line.textContent), await said.elementHandle());
    const words = await said.textContent();
    await page.getByRole("dialog").getByRole("button", { name: "Cerrar" }).click();
    return words;
  };
  assert.match(await shown(), new RegExp(`indicios de «${graded.grade} ·`));
  await page.locator("#language").selectOption("en");
  const worst = alwaysTheWorst(weights);
  await open({ ...manifest, name: "ward-nine", weights: signed(worst, manifest.weights) }, worst);
  await told("ward-nine");
  await page.locator("#language").selectOption("es");
  assert.match(await shown(), /“4 ·/);
  await page.locator("#language").selectOption("en");
});

test("no map of it is printed for what the shipped one graded, though it took over while maps were made", async () => {
  await page.reload();
  await modelReady(page);
  for (let n = 0; n < 2; n++) await gradeDrawn(page);
  await page.workers()[0].evaluate(() => {
    const hear = self.onmessage;
    self.onmessage = (event) => (event.data.method === "explain" ? setTimeout(hear, 6000, event) : hear(event));
  });
  await page.evaluate(() => (window.print = () => (window.printed = true)));
  await page.getByRole("button", { name: "Print a report" }).click();
  await page.waitForSelector("#print[aria-busy=true]");
  const worst = alwaysTheWorst(weights);
  await open({ ...manifest, name: "ward-ten", weights: signed(worst, manifest.weights) }, worst);
  await told("ward-ten");
  await page.waitForFunction(() => window.printed, null, { timeout: 60_000 });
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.doesNotMatch(await page.locator("#report").textContent(), /evidence for “4/);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
});

// The same network, but that it calls every retina proliferative.
function alwaysTheWorst(file) {
  const worst = Buffer.from(file);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString("utf8"));
  const { dtype, data_offsets: at } = header["fc.bias"];
  assert.equal(dtype, "F16");
  worst.writeUInt16LE(0x5640, 8 + length + at[0] + 2 * 4); // 100
  return worst;
}

test("the weights of the test are the site’s own", () => {
  assert.equal(createHash("sha256").update(weights).digest("hex"), manifest.weights.sha256);
});
