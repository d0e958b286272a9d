// Begins a worker that the page's content security policy binds. A worker's policy
// is the one its script came with, and a static host sends none; one begun from a
// blob of the page inherits the page's. Where the service worker answers, it sends a
// policy along (sw.js), and the file itself has to be begun: what the worker of a
// blob imports not every browser asks the service worker for, which is all there is
// without a network. So has it where the host's own policy forbids blobs: that comes
// with the file, too, as a rule, and the self-test tells.

import { isControlled } from "./place.js";

let forbidden = false; // blobs
document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => (forbidden ||= effectiveDirective === "worker-src"));

// Where that was what kept a worker from beginning, the next is begun otherwise.
export const canBeginOtherwise = () => forbidden;

export function beginBound(script) {
  const options = { type: "module", name: "fovea" };
  if (forbidden || isControlled()) return new Worker(script, options);
  const source = `import ${JSON.stringify(script.href)};\nURL.revokeObjectURL(self.location.href.split("#")[0]);\n`;
  const blob = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return new Worker(`${blob}#${script.pathname.split("/").at(-1)}`, options); // named, for whoever looks at a list of workers
  } catch {
    return new Worker(script, options); // forbidden: WebKit says it at once
  }
}
