// The model's files: fetched with progress, kept in Cache Storage under their
// hash, each with the manifest it was accepted by. No model is kept before the
// library has accepted it, and older models are removed only after the new one is
// in, so that a page that has moved on can grade by the one before. What had come when a connection broke
// is kept apart, so that the next try asks for the rest alone. Works, one download
// a visit, where the browser keeps nothing.

import { Fault } from "./fault.js";

const FOLDER = new URL("../model/", import.meta.url);
const MANIFEST = new URL("model.json", FOLDER);
const PREFIX = "fovea-model-";
const STALLED_AFTER = 45_000; // milliseconds without a byte

export async function fetchManifest() {
  const response = await get(MANIFEST, { cache: "no-cache" });
  return new Uint8Array(await response.arrayBuffer());
}

// `weights` is what the manifest says: { file, bytes, sha256 }. Answers
// { bytes, stored }, `stored` telling whether they came from this device.
export async function fetchWeights(weights, { fresh = false, keeping = true, progress = () => {} } = {}) {
  const url = addressOf(weights.file);
  const stored = fresh ? null : await recall(weights);
  if (stored) return { bytes: stored, stored: true };

  const stall = new AbortController();
  let timer = setTimeout(() => stall.abort(), STALLED_AFTER);
  const bytes = new Uint8Array(weights.bytes);
  let received = 0;
  let tag = null;
  try {
    const options = { signal: stall.signal, cache: fresh ? "reload" : "default" };
    const part = fresh ? null : await recallPart(weights);
    const response = (part && (await getRest(url, part, weights, options))) ?? (await get(url, options));
    if (response.status === 206) {
      bytes.set(part.bytes);
      received = part.bytes.length;
    }
    tag = response.headers.get("etag");
    const reader = response.body.getReader();
    progress(received, weights.bytes);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), STALLED_AFTER);
      if (received + value.length > bytes.length) {
        stall.abort();
        throw new Fault("model-length");
      }
      bytes.set(value, received);
      received += value.length;
      progress(received, weights.bytes);
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (keeping) await keepPart(weights, bytes.subarray(0, received), tag);
    throw new Fault(stall.signal.aborted ? "model-stalled" : "model-network");
  } finally {
    clearTimeout(timer);
  }
  if (received !== bytes.length) throw new Fault("model-length");
  return { bytes, stored: false };
}

// Keeps an accepted model, of which the bytes may be here already (null); true when
// it will be there on the next visit.
export async function keep(weights, manifest, bytes) {
  try {
    const name = PREFIX + weights.sha256;
    const cache = await caches.open(name);
    if (bytes) await cache.put(addressOf(weights.file), new Response(bytes, { headers: { "content-type": "application/octet-stream" } }));
    await cache.put(MANIFEST, new Response(manifest, { headers: { "content-type": "application/json" } }));
    for (const other of await caches.keys()) {
      if (other.startsWith(PREFIX) && other !== name) await remove(other);
    }
    return true;
  } catch {
    return false; // no Cache Storage here, or it is full or blocked
  }
}

export async function discard(weights) {
  try {
    await remove(PREFIX + weights.sha256);
    await remove(partOf(weights));
  } catch {
    // Nothing kept, nothing to discard.
  }
}

// Every model kept for this page, and what had come of one.
export async function forgetModels() {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await remove(name);
}

// What of a cache is this site's: another folder of the host may hold another Fovea,
// with another model.
async function remove(name) {
  const cache = await caches.open(name);
  for (const request of await cache.keys()) if (request.url.startsWith(FOLDER.href)) await cache.delete(request);
  if (!(await cache.keys()).length) await caches.delete(name);
}

// The bytes kept on this device; null where there are none.
export async function recall(weights) {
  try {
    const name = PREFIX + weights.sha256;
    if (!(await caches.has(name))) return null;
    const found = await (await caches.open(name)).match(addressOf(weights.file));
    return found ? new Uint8Array(await found.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

// The manifest of a model kept here that has other weights than these; null where
// there is none.
export async function recallOlder(weights) {
  try {
    for (const name of await caches.keys()) {
      if (!name.startsWith(PREFIX) || name.startsWith(PREFIX + weights.sha256)) continue;
      const found = await (await caches.open(name)).match(MANIFEST);
      if (found) return new Uint8Array(await found.arrayBuffer());
    }
  } catch {
    // No Cache Storage here.
  }
  return null;
}

// The beginning that came before the connection broke: { bytes, tag }, `tag` being
// the server's word for this very file. Null where there is none.
async function recallPart(weights) {
  try {
    if (!(await caches.has(partOf(weights)))) return null;
    const found = await (await caches.open(partOf(weights))).match(addressOf(weights.file));
    const bytes = new Uint8Array(await found.arrayBuffer());
    return bytes.length < weights.bytes ? { bytes, tag: found.headers.get("etag") } : null;
  } catch {
    return null;
  }
}

// Where the server has a strong word for the file, and the browser room.
async function keepPart(weights, bytes, tag) {
  if (!bytes.length || !tag?.startsWith('"')) return;
  try {
    const cache = await caches.open(partOf(weights));
    await cache.put(addressOf(weights.file), new Response(bytes, { headers: { etag: tag } }));
  } catch {
    // The next try begins at the beginning.
  }
}

// The rest of it, from a server that has the same file still and gives parts, or all
// of it; null where the server would rather be asked plainly.
async function getRest(url, { bytes, tag }, weights, options) {
  const headers = { range: `bytes=${bytes.length}-`, "if-range": tag };
  const response = await get(url, { ...options, headers }).catch((error) => {
    if (error.code !== "model-http") throw error;
  });
  if (response?.status === 200) return response;
  const range = `bytes ${bytes.length}-${weights.bytes - 1}/${weights.bytes}`;
  if (response?.headers.get("etag") === tag && response.headers.get("content-range") === range) return response;
  response?.body?.cancel();
  return null;
}

const partOf = (weights) => `${PREFIX}${weights.sha256}-part`;

async function get(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault("model-network");
  }
  if (!response.ok) throw new Fault("model-http", response.status);
  return response;
}

// The manifest is read before its weights are trusted: it may name a file
// beside it and nothing else.
function addressOf(file) {
  if (!/^[\w][\w.-]*$/.test(file)) throw new Fault("model-name");
  return new URL(file, FOLDER);
}
