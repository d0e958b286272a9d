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
  await other.close();
});

test("a bundle that cannot be used is an error with its code", async () => {
  const codes = await page.evaluate(async () => {
    const library = await import(new URL("pkg/fovea_cpu.js", document.baseURI));
    await library.default();
    const manifest = new Uint8Array(await (await fetch("model/model.json")).arrayBuffer());
    const failure = (attempt) => attempt().then(() => null, (error) => [error instanceof Error, error.code, error.message.length > 20]);
    return Promise.all([
      failure(async () => library.bundleInfo(new Uint8Array([1, 2, 3]))),
      failure(() => library.Grader.load(manifest, new Uint8Array(10), "cpu")),
    ]);
  });
  assert.deepEqual(codes, [
    [true, "manifest-unreadable", true],
    [true, "weights-size", true],
  ]);
});
