// Serves the built site from a folder as a static host does, compressed where
// that helps; remembers every request, and can be stopped and started again on
// the same port as a network that goes away; gives the rest of a file, too.

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

export class SiteServer {
  #server = null;
  #port = 0;
  #files = new Map();

  constructor(folder) {
    this.folder = folder;
    this.requests = []; // { method, path, bodyBytes, status, sentBytes }
    this.refuse = () => false; // (path) => true answers 503
    this.hold = async () => {}; // (path) => a promise the answer waits for
    this.breakAfter = () => 0; // (path) => bytes of an answer after which the connection breaks
    this.ranges = true; // parts of files are given
    this.headers = {}; // of the host's own, with every file
  }

  get origin() {
    return `http://127.0.0.1:${this.#port}`;
  }

  // Body bytes sent since `from`, an index into `requests`.
  sent(from = 0) {
    return this.requests.slice(from).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  }

  async start() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = this.#server.address().port;
    return this;
  }

  async stop() {
    if (!this.#server) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    this.#server = null;
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.origin);
    const entry = { method: request.method, path: url.pathname.slice(1), bodyBytes: 0, status: 0, sentBytes: 0 };
    this.requests.push(entry);
    for await (const chunk of request) entry.bodyBytes += chunk.length;

    if (this.refuse(entry.path)) return response.writeHead((entry.status = 503)).end();
    await this.hold(entry.path);
    const path = normalize(join(this.folder, decodeURIComponent(url.pathname).replace(/\/$/, "/index.html")));
    const inside = path.startsWith(this.folder + sep);
    const found = inside && (await stat(path).catch(() => null));
    if (!found?.isFile()) return response.writeHead((entry.status = 404)).end();

    const { tag, body, gzipped } = await this.#file(path, found);
    const headers = { ...this.headers, "content-type": TYPES[extname(path)] ?? "application/octet-stream", "cache-control": "no-cache", etag: tag };
    if (request.headers["if-none-match"] === tag) return response.writeHead((entry.status = 304), headers).end();
    if (gzipped) headers["content-encoding"] = "gzip";
    const from = gzipped || !this.ranges || request.headers["if-range"] !== tag ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range)?.[1] ?? 0);
    if (from) headers["content-range"] = `bytes ${from}-${body.length - 1}/${body.length}`;
    const sent = body.subarray(from);
    response.writeHead((entry.status = from ? 206 : 200), { ...headers, "content-length": sent.length });
    const end = this.breakAfter(entry.path) || sent.length;
    entry.sentBytes = Math.min(end, sent.length);
    if (end >= sent.length) return response.end(sent);
    response.write(sent.subarray(0, end), () => setTimeout(() => response.destroy(), 500));
  }

  async #file(path, { mtimeMs, size }) {
    const key = `${path} ${mtimeMs} ${size}`;
    if (!this.#files.has(key)) {
      const plain = await readFile(path);
      const gzipped = extname(path) in TYPES;
      const tag = `"${createHash("sha256").update(plain).digest("hex")}"`;
      this.#files.set(key, { tag, body: gzipped ? gzipSync(plain) : plain, gzipped });
    }
    return this.#files.get(key);
  }
}

// A proxy that lets nothing through and remembers who was asked for: what the
// browser sends anywhere but to the site ends up here, whoever sent it.
export class Outside {
  asked = [];
  #server = createServer((request, response) => {
    this.asked.push(request.url);
    response.writeHead(403).end();
  }).on("connect", (request, socket) => {
    this.asked.push(request.url);
    // A browser that is closed hangs up without a word, and nobody else listens here.
    socket.on("error", () => {});
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });

  async start() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get address() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
