// The page in WebKit, of which Safari is made.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WEBKIT, visitInWebkit } from "./help/webkit.js";
import { wholePath } from "./help/whole-path.js";

const skip = !WEBKIT && "no WebKit: install its driver and Xvfb, and name the driver in FOVEA_WEBKIT";
wholePath(skip, visitInWebkit);

// It throws where others report an error later.
test("where the host's own policy forbids the blob that workers begin from, the model runs all the same", { skip }, async () => {
  const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob:";
  const visitor = await visitInWebkit({ headers: { "content-security-policy": policy } });
  try {
    const state = () => visitor.evaluate(() => [document.documentElement.dataset.model, document.querySelector("#loading-text").textContent]);
    let [model, words] = await state();
    for (const end = Date.now() + 60_000; model === "loading" && Date.now() < end; [model, words] = await state()) await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(model, "ready", words);
  } finally {
    await visitor.close();
  }
});
