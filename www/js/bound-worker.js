// Begins a worker that the page's content security policy binds. A worker's policy
// is the one its script came with, and a static host sends none; one begun from a
// blob of the page inherits the page's. Where the service worker answers, it sends a
// policy along (sw.js), and the file itself has to be begun: what the worker of a
// blob imports not every browser asks the service worker for, which is all there is
// without a network.

const OWN = new URL("../sw.js", import.meta.url).href;

export function beginBound(script) {
  const options = { type: "module", name: "fovea" };
  // Another's, as of a host whose pages this one lies among, sends none.
  if (navigator.serviceWorker?.controller?.scriptURL === OWN) return new Worker(script, options);
  const source = `import ${JSON.stringify(script.href)};\nURL.revokeObjectURL(self.location.href.split("#")[0]);\n`;
  const blob = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return new Worker(`${blob}#${script.pathname.split("/").at(-1)}`, options); // named, for whoever looks at a list of workers
}
