// What a deployment does to the site's folder.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { siteList } from "./page.js";

// The site's files as they stand, as version `name`; with a `digestOfStyle` that is
// not its own, one that cannot be had whole.
export async function publish(site, name, digestOfStyle = null) {
  const list = await siteList(site);
  for (const file of ["index.html", "sw.js"]) {
    const path = join(site, file);
    await writeFile(path, (await readFile(path, "utf8")).replaceAll(list.version, name));
  }
  for (const entry of list.files) {
    const bytes = await readFile(join(site, entry.url));
    entry.sha256 = createHash("sha256").update(bytes).digest("hex");
    entry.bytes = bytes.length;
    if (entry.url === "style.css" && digestOfStyle) entry.sha256 = digestOfStyle;
  }
  await writeFile(join(site, "precache.json"), JSON.stringify({ ...list, version: name }));
}
