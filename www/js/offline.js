// Registers the service worker, tells whether the page works without a network,
// and lets a new version in only when the visitor takes it.

import { forgetChoices } from "./choices.js";
import { forgetModels } from "./model.js";
import { here, isControlled, isHere, isLeft, leave, SCOPE, SERVICE_WORKER } from "./place.js";

const LEFT = here("fovea-left"); // written and taken away, for other windows to hear

export class Offline extends EventTarget {
  #registration = null;
  #asked = false;

  constructor() {
    super();
    this.state = "preparing"; // preparing | ready | insecure | unsupported | failed
    this.update = null; // null | "waiting" | "elsewhere"
    window.addEventListener("storage", ({ key }) => {
      if (key !== LEFT) return;
      leave();
      this.dispatchEvent(new Event("removed"));
    });
  }

  async start() {
    if (!("serviceWorker" in navigator)) return this.#set(window.isSecureContext ? "unsupported" : "insecure");
    const workers = navigator.serviceWorker;
    let first = !isControlled(); // another's, as of a host whose pages this one lies among, is no version of this page
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
    if (isLeft()) return;
    const workers = navigator.serviceWorker;
    try {
      const before = this.#registration;
      this.#registration = await workers.register(SERVICE_WORKER);
      if (isLeft()) return forgetEverything(); // asked for meanwhile
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
    if (!isLeft()) this.#registration?.active?.postMessage({ keep: urls });
  }

  // Removes everything this page stored here: the model, itself, what was chosen
  // and the worker. Other windows hear "removed".
  async remove() {
    leave();
    try {
      localStorage.setItem(LEFT, "");
      localStorage.removeItem(LEFT);
    } catch {
      // Full: the other windows hear nothing, and all goes from here.
    }
    await forgetEverything();
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

// The worker goes first: one that is still storing the page ends by it.
async function forgetEverything() {
  forgetChoices();
  const registration = await navigator.serviceWorker?.getRegistration(SCOPE);
  if (registration?.scope === SCOPE) await registration.unregister(); // and no other Fovea's, whose scope holds this page, too
  if (!("caches" in window)) return; // as over plain http
  await forgetModels();
  for (const name of await caches.keys()) if (isHere(name) || isShell(name)) await caches.delete(name);
}

// Of before there were folders in these names: the site's own then.
const isShell = (name) => /^fovea-(shell-\w+|shared)$/.test(name);
