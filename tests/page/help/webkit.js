// The page in WebKit, of which Safari is made, where one is there: WebKitGTK's own,
// driven by WebDriver (W3C), on a screen that nobody sees.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { SITE, siteList } from "./page.js";
import { SiteServer } from "./server.js";

// The driver, named by `cargo xtask test` where it found or installed one.
export const WEBKIT = process.env.FOVEA_WEBKIT || undefined;

const FILES = "input[type=file][multiple]";

// `headers` are the host's own, sent with every file.
export async function visitInWebkit({ headers = {} } = {}) {
  await siteList();
  const server = await Object.assign(new SiteServer(SITE), { headers }).start();
  const screen = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x1024x24"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  let driver = null;
  let session = null;
  const close = async () => {
    await session?.("DELETE", "").catch(() => {});
    driver?.kill();
    screen.kill();
    await server.stop();
  };
  try {
    const [display] = await once(screen.stdio[3], "data");
    const port = await freePort();
    // As root, and in a container, there is neither a sandbox to be had nor a GPU.
    const env = { ...process.env, DISPLAY: `:${String(display).trim()}`, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1", NO_AT_BRIDGE: "1" };
    driver = spawn(WEBKIT, [`--port=${port}`], { stdio: "ignore", env });
    session = await begin(`http://127.0.0.1:${port}`);
    await session("POST", "/url", { url: `${server.origin}/` });
    const evaluate = (ask, ...args) => session("POST", "/execute/sync", { script: `return (${ask})(...arguments)`, args });
    const errors = [];
    const gather = async () => errors.push(...(await evaluate(() => window.thrown)));
    await evaluate(listen);
    return {
      server,
      evaluate,
      errors: async () => {
        await gather();
        return errors;
      },
      reload: async () => {
        await gather();
        await session("POST", "/refresh", {});
        await evaluate(listen);
      },
      upload: async (...files) => {
        const [element] = Object.values(await session("POST", "/element", { using: "css selector", value: FILES }));
        await session("POST", `/element/${element}/value`, { text: files.join("\n") });
      },
      close,
    };
  } catch (error) {
    // A browser left running would keep the tests from ending.
    await close();
    throw error;
  }
}

// In the page: WebDriver tells of no errors.
function listen() {
  window.thrown = [];
  window.addEventListener("error", ({ message }) => window.thrown.push(message));
  window.addEventListener("unhandledrejection", ({ reason }) => window.thrown.push(String(reason)));
}

// What sends a session's commands, once the driver answers.
async function begin(address) {
  const send = async (method, path, body) => {
    const response = await fetch(`${address}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (value?.error) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const status = await send("GET", "/status").catch(() => null);
    if (status?.ready) break;
    if (Date.now() > end) throw new Error("WebKit's driver does not answer");
  }
  const { sessionId } = await send("POST", "/session", { capabilities: {} });
  return (method, path, body) => send(method, `/session/${sessionId}${path}`, body);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
