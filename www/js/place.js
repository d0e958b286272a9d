// The folder this page lies in. What it stores on the device bears the folder's name,
// because a host may have a Fovea in several.

const FOLDER = new URL("../", import.meta.url);

export const SCOPE = FOLDER.href; // of the service worker
export const SERVICE_WORKER = new URL("sw.js", FOLDER).href;

// The name of a cache, a store or a choice of this page's.
export const here = (name) => `${name}${FOLDER.pathname}`;

export const isHere = (name) => /^fovea-[\w-]+(\/.*)$/.exec(name)?.[1] === FOLDER.pathname;

let removed = false;

// Nothing is stored any more on this visit, and its service worker answers for no
// worker that is begun from now on.
export function leave() {
  removed = true;
}

export const isLeft = () => removed;

// Whether its own service worker answers for it, and not another's whose scope holds
// this page, too.
export const isControlled = () => !removed && navigator.serviceWorker?.controller?.scriptURL === SERVICE_WORKER;
