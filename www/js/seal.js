// Takes the network away from a worker for good. The content security policy
// of a page does not reach into its workers; after this, code that holds a
// photograph has nothing left to send it with.

const WAYS_OUT = ["fetch", "XMLHttpRequest", "WebSocket", "WebSocketStream", "WebTransport", "EventSource", "BroadcastChannel", "importScripts", "caches", "indexedDB"];

export function seal(scope = self) {
  for (const name of WAYS_OUT) {
    for (let holder = scope; holder; holder = Object.getPrototypeOf(holder)) {
      if (Object.hasOwn(holder, name)) delete holder[name];
    }
    Object.defineProperty(scope, name, { value: undefined, writable: false, configurable: false });
  }
}
