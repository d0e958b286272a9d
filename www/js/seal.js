// Takes the network away from a worker for good: every function that sends or
// begins a worker goes, and code that holds a photograph is left none to call, not
// even for the page's own host, which the policy that binds the worker
// (bound-worker.js) allows. `import()` stays: it is syntax, which nothing in a worker
// can take away. By that policy it brings in files of the page's own host alone, and
// nothing here calls it on a sealed worker.

const WAYS_OUT = [
  ...["fetch", "XMLHttpRequest", "WebSocket", "WebSocketStream", "WebTransport", "EventSource", "BroadcastChannel", "importScripts", "caches", "indexedDB"],
  ...["Worker", "SharedWorker", "FontFace", "Notification"], // by an address they are given
];

export function seal(scope = self) {
  for (const name of WAYS_OUT) {
    for (let holder = scope; holder; holder = Object.getPrototypeOf(holder)) {
      if (Object.hasOwn(holder, name)) delete holder[name];
    }
    Object.defineProperty(scope, name, { value: undefined, writable: false, configurable: false });
  }
}
