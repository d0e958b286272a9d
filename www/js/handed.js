// Photographs handed over by the system: shared from a phone's gallery, which
// the service worker took in, or opened from the desktop with the installed app.

import { plain } from "./drop.js";
import { here } from "./place.js";

const SHARED = here("fovea-shared"); // as sw.js calls it

// `take(found, leftOut)` as for what is dropped.
export async function acceptHanded(take) {
  window.launchQueue?.setConsumer(async ({ files = [] }) => {
    if (files.length) take(await Promise.all(files.map(opened)), []);
  });
  if (!new URLSearchParams(location.search).has("shared")) return;
  history.replaceState(null, "", location.pathname);
  const files = await collect();
  take(plain(files), []);
}

// One that cannot be had any more keeps its card, which says so, and the others come.
async function opened(handle) {
  try {
    return plain([await handle.getFile()])[0];
  } catch {
    return { file: null, path: handle.name };
  }
}

// What was shared, and nothing of it stays behind.
async function collect() {
  try {
    const cache = await caches.open(SHARED);
    const files = [];
    for (const request of await cache.keys()) {
      const response = await cache.match(request);
      const name = decodeURIComponent(response.headers.get("x-file-name") ?? "");
      files.push(new File([await response.blob()], name, { type: response.headers.get("content-type") ?? "" }));
    }
    return files;
  } finally {
    await caches.delete(SHARED);
  }
}
