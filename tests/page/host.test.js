// The host the page lies on may have other pages.

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { modelReady, offlineReady, SITE, visit } from "./help/page.js";

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

test("another page below the same folder stays what it is", async () => {
  await mkdir(join(host, "clinic/hours"), { recursive: true });
  await writeFile(join(host, "clinic/hours/today.html"), "<title>Opening hours</title>");
  const other = await visitor.context.newPage();
  await other.goto(`${visitor.server.origin}/clinic/hours/today.html`);
  assert.equal(await other.title(), "Opening hours");
  await other.close();
});
