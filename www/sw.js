// The service worker: keeps one whole version of the page for use without a
// network, and serves that version until the visitor takes the next. Answers
// for same-origin GETs, and takes in what is shared with the installed app, so
// that it never goes to the server. The build writes the version in, so that every
// build is a different worker; the files and their hashes are in precache.json,
// where some are for those browsers only that know WebAssembly's relaxed SIMD, and
// some for the others.

const VERSION = "__FOVEA_VERSION__";
const SCOPE = new URL(self.registration.scope);
const SHELL = `fovea-shell-${VERSION}${SCOPE.pathname}`; // a host may have a Fovea in several folders
const LIST = "precache.json";
const SHARED = `fovea-shared${SCOPE.pathname}`;
// Binds these, begun as workers, as the page's own policy binds the page.
const WORKERS = ["js/worker.js", "js/dicom-worker.js"];
const WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
// As js/simd.js asks, which a worker of this kind cannot import.
const RELAXED = WebAssembly.validate(
  new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11]),
);

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  const { data } = event;
  if (data === "take-over") self.skipWaiting();
  if (Array.isArray(data?.keep)) event.waitUntil(Promise.allSettled(data.keep.map(kept)));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method === "POST" && url.href === address("share")) return event.respondWith(receive(request));
  if (request.method !== "GET" || url.origin !== SCOPE.origin || !url.pathname.startsWith(SCOPE.pathname)) return;
  const file = url.pathname.slice(SCOPE.pathname.length);
  // The model keeps itself (js/model.js); the browser asks for the worker's own script past it.
  if (/^model\/(?!model\.json$)/.test(file)) return;
  if (request.mode !== "navigate") return event.respondWith(serve(request, file));
  event.respondWith(navigate(request, file));
  event.waitUntil(mend().catch(() => {}));
});

async function install() {
  const response = await fetch(new URL(LIST, SCOPE), { cache: "no-cache" });
  if (!response.ok) throw new Error(`${LIST}: ${response.status}`);
  const list = await response.clone().json();
  // Between two versions on the server: this worker must not hold the files of the other.
  if (list.version !== VERSION) throw new Error(`${LIST} is of version ${list.version}, this worker of ${VERSION}`);
  const cache = await caches.open(SHELL);
  const own = list.files.filter(({ relaxed = RELAXED }) => relaxed === RELAXED);
  await Promise.all(own.map(async (entry) => cache.put(address(entry.url), await fetchListed(entry))));
  await cache.put(address(LIST), response); // last: its presence says the rest is there
}

// What the browser cleared from under this worker is stored again.
async function mend() {
  if (!(await held(LIST))) await install();
}

async function activate() {
  for (const name of await caches.keys()) {
    const [, folder] = /^fovea-shell-\w+(.*)$/.exec(name) ?? [];
    // Before there were folders in these names, each was a site's own.
    if ([SCOPE.pathname, ""].includes(folder) && name !== SHELL) await caches.delete(name);
    if (name === "fovea-shared") await caches.delete(name); // what was never fetched there, nobody would
  }
  await self.clients.claim();
}

// Keeps shared photographs until the page, opened next, takes them out.
async function receive(request) {
  const shared = (await request.formData()).getAll("photographs").filter((one) => one instanceof File);
  const cache = await caches.open(SHARED);
  for (const [index, file] of shared.entries()) {
    const headers = { "content-type": file.type || "application/octet-stream", "x-file-name": encodeURIComponent(file.name) };
    await cache.put(address(`shared/${Date.now()}-${index}`), new Response(file, { headers }));
  }
  return Response.redirect(address("./?shared"), 303);
}

// The host's other pages under this scope are none of this worker's.
async function navigate(request, file) {
  return (await held(file || "index.html")) ?? fetch(request);
}

async function serve(request, file) {
  const response = (await kept(file)) ?? (await fetch(request));
  return WORKERS.includes(file) ? bound(response) : response;
}

// From the server, too, where what was kept here was cleared or removed.
function bound(response) {
  const headers = plain(response.headers);
  headers.set("content-security-policy", WORKER_POLICY);
  return new Response(response.body, { status: response.status, headers });
}

// A file of this version; null for any other.
async function kept(file) {
  return (await held(file)) ?? keepLazy(file);
}

// Where nothing is kept, as once the page was removed, it makes no place for it either.
function held(file) {
  return caches.match(address(file), { cacheName: SHELL });
}

// Files used on demand are kept from their first use on; null for any other.
async function keepLazy(file) {
  if (file.startsWith("model/")) return null;
  const list = await (await held(LIST))?.json();
  const entry = list?.lazy?.find(({ url }) => url === file);
  if (!entry) return null;
  const response = await fetchListed(entry);
  const cache = await caches.open(SHELL);
  await cache.put(address(file), response.clone());
  return response;
}

// The file exactly as listed: what the browser holds if it is that, else from
// the server, else not at all. The answer is built anew so that a redirect on the
// way does not stick to it.
async function fetchListed({ url, sha256 }) {
  for (const cache of ["default", "reload"]) {
    const response = await fetch(address(url), { cache });
    if (!response.ok) continue;
    const bytes = await response.arrayBuffer();
    if ((await hexSha256(bytes)) !== sha256) continue;
    return new Response(bytes, { headers: plain(response.headers) });
  }
  throw new Error(`${url} is not the file this version lists`);
}

// Those of a body that is built anew, with no encoding of the way.
function plain(given) {
  const headers = new Headers(given);
  headers.delete("content-encoding");
  headers.delete("content-length");
  return headers;
}

async function hexSha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function address(file) {
  return new URL(file, SCOPE).href;
}
