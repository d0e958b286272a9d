// Takes the network away from a worker for good. The content security policy
// of a page does not reach into its workers, nor into workers these would make,
// which inherit none either where a static host sends none with the script; so
// every function that sends or begins a worker goes, and code that holds a
// photograph is left none to call. `import()` alone stays: it is syntax, which
// nothing in a worker can take away. Nothing here calls it on a sealed worker.

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
