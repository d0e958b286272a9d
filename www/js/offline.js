// Registers the service worker, tells whether the page works without a network,
// and lets a new version in only when the visitor takes it.

export class Offline extends EventTarget {
  #registration = null;
  #asked = false;

  constructor() {
    super();
    this.state = "preparing"; // preparing | ready | insecure | failed
    this.update = null; // null | "waiting" | "elsewhere"
  }

  async start() {
    if (!("serviceWorker" in navigator)) return this.#set("insecure");
    const workers = navigator.serviceWorker;
    const hadController = Boolean(workers.controller);
    let first = !hadController;
    workers.addEventListener("controllerchange", () => {
      if (!first) this.#offer("elsewhere"); // stays where the visitor, asked by the browser, does not leave yet
      if (this.#asked) return location.reload();
      first = false;
    });
    await this.#register();
  }

  // Once more, after the network was away when the page was to be stored.
  async again() {
    if (this.state !== "failed") return;
    this.#set("preparing");
    await this.#register();
  }

  async #register() {
    const workers = navigator.serviceWorker;
    try {
      const before = this.#registration;
      this.#registration = await workers.register(new URL("../sw.js", import.meta.url));
      if (this.#registration !== before) this.#watch(this.#registration);
      const installing = this.#registration.installing;
      // A first installation that fails leaves `ready` pending for ever.
      if (installing && !this.#registration.active) {
        installing.addEventListener("statechange", () => {
          if (installing.state === "redundant" && !this.#registration.active) this.#set("failed");
        });
      }
      await workers.ready;
      this.#set("ready");
    } catch {
      this.#set("failed");
    }
  }

  // The visitor's word: the waiting version takes over, then the page reloads.
  take() {
    if (this.update === "elsewhere") return location.reload();
    this.#asked = true;
    this.#registration?.waiting?.postMessage("take-over");
  }

  // Asks for files used on demand to be kept beside the rest.
  keep(urls) {
    this.#registration?.active?.postMessage({ keep: urls });
  }

  #watch(registration) {
    if (registration.waiting) this.#offer("waiting");
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker?.addEventListener("statechange", () => {
        if (worker.state === "installed" && registration.active) this.#offer("waiting");
      });
    });
    // A tab left open for days learns of new versions when it is looked at again.
    let looked = Date.now();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || Date.now() - looked < 3_600_000) return;
      looked = Date.now();
      registration.update().catch(() => {});
    });
  }

  #offer(update) {
    this.update = update;
    this.dispatchEvent(new Event("change"));
  }

  #set(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

// Removes everything this page stored here: the model, itself, what was chosen
// and the worker.
export async function forgetEverything() {
  for (const name of Object.keys(localStorage)) {
    if (name.startsWith("fovea-")) localStorage.removeItem(name);
  }
  const names = "caches" in window ? await caches.keys() : []; // over plain http there are none
  for (const name of names) {
    if (name.startsWith("fovea-")) await caches.delete(name);
  }
  const registration = await navigator.serviceWorker?.getRegistration(new URL("../", import.meta.url));
  await registration?.unregister();
}
