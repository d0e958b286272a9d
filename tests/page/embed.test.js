// The library in somebody else's page, as examples/embed.html shows it, and in
// a worker; errors carry their codes.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { modelReady, REPOSITORY, SITE, visit } from "./help/page.js";
import { drawnPng } from "./help/pictures.js";

let folder;
let visitor;
let page;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-embed-"));
  await cp(SITE, folder, { recursive: true });
  await cp(join(REPOSITORY, "examples"), join(folder, "examples"), { recursive: true });
  await cp(join(SITE, "model"), join(folder, "www/model"), { recursive: true });
  // Without the service worker, which answers for the page's own files alone.
  visitor = await visit({ site: folder, query: "?backend=cpu", serviceWorkers: "block" });
  page = visitor.page;
  await modelReady(page);
});
after(async () => {
  await visitor?.close();
  await rm(folder, { recursive: true, force: true });
});

test("the example grades a photograph, in fifteen lines of script", async () => {
  const png = await drawnPng(page, 3, 8);
  const html = await readFile(join(REPOSITORY, "examples/embed.html"), "utf8");
  const statements = /<script type="module">\n(.*)<\/script>/s.exec(html)[1].split("\n").filter((line) => /\w/.test(line));
  assert.ok(statements.length <= 15, `${statements.length} lines`);
  const other = await visitor.context.newPage();
  await other.goto(`${visitor.server.origin}/examples/embed.html`);
  await other.getByText("Choose a photograph.").waitFor({ timeout: 60_000 });
  await other.locator("#photo").setInputFiles({ name: "eye.png", mimeType: "image/png", buffer: png });
  await other.getByText(/^[0-4] · \w+/).waitFor({ timeout: 60_000 });
  await other.locator("#photo").setInputFiles({ name: "list.png", mimeType: "image/png", buffer: Buffer.from("a list of patients, not a photograph") });
  await other.getByText("this is not a picture").waitFor();
  // As a browser does whose picker is cancelled.
  const thrown = [];
  other.on("pageerror", ({ message }) => thrown.push(message));
  await other.locator("#photo").setInputFiles([]);
  await other.getByText("Choose a photograph.").waitFor();
  assert.deepEqual(thrown, []);
  await other.close();
});

test("a bundle that cannot be used is an error with its code", async () => {
  const codes = await page.evaluate(async () => {
    const library = await import(new URL("pkg/fovea_cpu.js", document.baseURI));
    await library.default();
    const manifest = new Uint8Array(await (await fetch("model/model.json")).arrayBuffer());
    const weights = async () => (await fetch(`model/${library.bundleInfo(manifest).weights.file}`)).arrayBuffer();
    const failure = (attempt) => attempt().then(() => null, (error) => [error instanceof Error, error.code, error.message.length > 20]);
    return Promise.all([
      failure(async () => library.bundleInfo(new Uint8Array([1, 2, 3]))),
      failure(() => library.Grader.load(manifest, new Uint8Array(10), "cpu")),
      ...[undefined, 5].map((backend) => failure(async () => library.Grader.load(manifest, await weights(), backend))),
    ]);
  });
  assert.deepEqual(codes, [
    [true, "manifest-unreadable", true],
    [true, "weights-size", true],
    [true, "backend", true],
    [true, "backend", true],
  ]);
});

// Fields of an interface in the library's own types.
const types = await readFile(join(REPOSITORY, "src/web/types.d.ts"), "utf8");
function fields(name) {
  const [, body] = new RegExp(`interface ${name} \\{\n(.*?)\n\\}`, "s").exec(types);
  return [...body.matchAll(/^  (\w+)\??:/gm)].map(([, field]) => field).sort();
}

// What a stranger's script has at hand: `fetch` and `File` give an ArrayBuffer.
test("a file may be an ArrayBuffer or any view, and what is neither is said to be so", async () => {
  const found = await page.evaluate(async () => {
    const library = await import(new URL("pkg/fovea_cpu.js", document.baseURI));
    await library.default();
    const get = async (file) => (await fetch(`model/${file}`)).arrayBuffer();
    const manifest = await get("model.json");
    const grader = await library.Grader.load(manifest, await get(library.bundleInfo(manifest).weights.file), "cpu");
    const { buffer } = library.drawPhotograph(3, 8);
    const within = new Uint8Array(buffer.byteLength + 6);
    within.set(new Uint8Array(buffer), 3);
    const views = [buffer, new DataView(buffer), new Uint8ClampedArray(buffer), within.subarray(3, -3)];
    const answers = [];
    for (const view of views) answers.push((await grader.grade(view)).probabilities.join());
    // Changed as soon as it was handed over.
    const changed = new Uint8Array(buffer.slice(0));
    const asked = grader.grade(changed);
    changed.fill(0);
    answers.push((await asked).probabilities?.join());
    const code = (attempt) => attempt().then(() => null, ({ code, message }) => [code, /ArrayBuffer/.test(message)]);
    const none = [null, undefined, "photo.jpg", new Blob([buffer]), 5, {}];
    const refused = await Promise.all([
      ...none.map((one) => code(() => grader.grade(one))),
      code(() => library.Grader.load(manifest, new Blob([]), "cpu")),
      code(() => grader.explain({}, 100)),
      code(() => grader.occlude({}, 100, () => {})),
      code(async () => library.bundleInfo({})),
      code(async () => library.smallPicture({}, 100)),
    ]);
    return { answers, refused };
  });
  assert.equal(new Set(found.answers).size, 1, found.answers.join("\n"));
  for (const refused of found.refused) assert.deepEqual(refused, ["bytes", true]);
});

test("every code that is thrown stands in the types and in the package's words", async () => {
  const read = (file) => readFile(join(REPOSITORY, file), "utf8");
  const [, photo] = /pub const CODES: .*?\[(.*?)\];/s.exec((await read("src/photo/error.rs")).replace(/\[&'static str; \d+\]/, ""));
  const codes = new Set([...photo.matchAll(/"([a-z-]+)"/g)].map(([, code]) => code));
  const thrown = [
    ...["mod", "gpu", "patients", "points", "explanation"].map((name) => [`src/web/${name}.rs`, /\bcoded\(\s*"([a-z-]+)"/g]),
    ["src/web_bytes.rs", /&"code"\.into\(\), &"([a-z-]+)"/g],
    ["src/bundle/error.rs", /=> "([a-z-]+)"/g],
    ["src/explain/mod.rs", /"(not-residual|network-[a-z]+)"/g],
  ];
  for (const [file, pattern] of thrown) for (const [, code] of (await read(file)).matchAll(pattern)) codes.add(code);
  assert.ok(codes.size > 25, [...codes].join());
  const words = await read("xtask/src/package_readme.md");
  const [, listed] = /type PhotoErrorCode =(.*)/s.exec(types);
  for (const code of codes) {
    assert.ok(listed.includes(`| "${code}"`), `${code} in the types`);
    assert.ok(words.includes(`\`${code}\``), `${code} in the package's words`);
  }
});

test("everything that is exported stands in the package's words", async () => {
  const exported = await page.evaluate(async () => {
    const [library, dicom] = await Promise.all(["cpu", "dicom"].map((part) => import(new URL(`pkg/fovea_${part}.js`, document.baseURI))));
    const own = (names) => names.filter((name) => !/^(constructor|default|initSync|start|__\w+)$/.test(name));
    const methods = own(Object.getOwnPropertyNames(library.Grader.prototype));
    return [...own(Object.keys(library)), ...own(Object.keys(dicom)), ...methods.map((name) => `.${name}`)];
  });
  assert.ok(exported.includes("openDicom") && exported.includes(".grade"), exported.join());
  const words = await readFile(join(REPOSITORY, "xtask/src/package_readme.md"), "utf8");
  const table = /## What there is(.*?)\n\n[^|]/s.exec(words)[1];
  assert.deepEqual(exported.filter((name) => !new RegExp(`${name.replace(".", "\\.")}\\b`).test(table)), []);
});

// `new Blob([explanation.photo])` is an error to TypeScript where the bytes might be shared.
test("bytes that the library gives are typed as what a Blob is made of", async () => {
  const read = (file) => readFile(join(REPOSITORY, file), "utf8");
  for (const text of [types, await read("src/web_dicom.rs")]) assert.doesNotMatch(text, /: Uint8Array[^<]/);
  const functions = await read("src/web/mod.rs");
  const count = (pattern) => functions.match(pattern).length;
  assert.equal(count(/-> Result<Vec<u8>, JsValue>/g), count(/unchecked_return_type = "Uint8Array<ArrayBuffer>"/g));
});

test("what the library answers has the fields its types promise, all of them and no more", async () => {
  const found = await page.evaluate(async () => {
    const library = await import(new URL("pkg/fovea_cpu.js", document.baseURI));
    await library.default();
    const get = async (file) => new Uint8Array(await (await fetch(`model/${file}`)).arrayBuffer());
    const manifest = await get("model.json");
    const grader = await library.Grader.load(manifest, await get(library.bundleInfo(manifest).weights.file), "cpu");
    const drawing = library.drawPhotograph(3, 8);
    const assessment = await grader.grade(drawing, "specific");
    const others = [{ model: "another" }, { settings: "as they were" }, { settings: undefined }].map((other) => ({ ...assessment, ...other }));
    const [decision, ...refused] = grader.decide([assessment, ...others], "balanced");
    const steps = [];
    const stopped = await grader.occlude(drawing, 200, async (done, total) => (steps.push([done, total]), done < 16));
    const failed = await grader.occlude(drawing, 200, () => Promise.reject(new Error("no more"))).catch(({ message }) => message);
    const unknown = await grader.grade(drawing, "lenient").catch(({ code, message }) => [code, message]);
    const explanation = await grader.explain(drawing, 200);
    const [point] = grader.operatingPoints;
    const keys = (value) => Object.keys(value).sort();
    return {
      Assessment: keys(assessment),
      Explanation: keys(explanation),
      Decision: keys(decision),
      OperatingPoint: keys(point),
      Line: keys(point.referable),
      points: [assessment.operatingPoint, decision.operatingPoint],
      pictures: ["photo", "photoMap", "view", "viewMap"].every((name) => explanation[name] instanceof Uint8Array),
      placed: explanation.placed,
      stopped,
      steps,
      failed,
      unknown,
      refused,
    };
  });
  for (const name of ["Assessment", "Explanation", "Decision", "OperatingPoint", "Line"]) assert.deepEqual(found[name], fields(name), name);
  assert.deepEqual(found.points, ["specific", "balanced"]);
  assert.deepEqual(found.refused, [null, null, null], "another model's result was decided, or one of other settings");
  assert.ok(found.pictures);
  assert.ok(found.placed.width > 0.5 && found.placed.width < 1.2, JSON.stringify(found.placed));
  assert.equal(found.stopped, null);
  assert.deepEqual(found.steps.map(([done]) => done), [0, 8, 16]);
  assert.equal(found.failed, "no more");
  assert.equal(found.unknown[0], "operating-point");
  assert.match(found.unknown[1], /screening, balanced, specific/);
});
