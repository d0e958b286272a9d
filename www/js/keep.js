// Work that survives a reload, where the visitor allows it: results, small
// pictures, and the photographs that still wait; of a DICOM file only the picture
// in it, never the patient's data. In this browser's own store, off
// until switched on, gone when switched off. One window keeps at a time.

import { isDicom } from "./dicom.js";
import { Fault } from "./fault.js";
import { here } from "./place.js";
import { MOST_BYTES } from "./queue.js";

// Where work is kept, and the switch that says it is.
const OWN = { name: here("fovea-work"), key: here("fovea-keep") };
// Before there were folders in these names, all of a host's had one. What was kept there
// is used on, by each of them, until it is switched off.
const SHARED = { name: "fovea-work", key: "fovea-keep" };
const STORE = "photos";
const PATIENCE = 1000; // milliseconds for a window that is closing to let go
const KEPT = ["name", "path", "drawn", "patient", "side", "byHand", "told", "thumb", "added", "gradedAt", "status", "assessment", "fault", "own"];

export class Keeper {
  #base = null;
  #place = OWN;
  #picture;
  #last = Promise.resolve();
  #round = 0; // rises with each erasing: what began before it keeps nothing any more
  #lost;
  #had = false; // there was a store, and nobody asked to erase it
  #release = null; // lets another window keep; null while this one does not

  // `picture(item)` gives the photograph in an item's file; `lost()` hears that
  // another window erased what was kept, and that keeping is off.
  constructor(picture, lost) {
    this.#picture = picture;
    this.#lost = lost;
    window.addEventListener("storage", ({ key }) => key === this.#place.key && !switchedOn(this.#place) && this.#lose());
  }

  get on() {
    return this.#release !== null && switchedOn(this.#place);
  }

  // Whether there may be kept work on this device, be it this window's or not.
  get holds() {
    this.#settle();
    return switchedOn(this.#place);
  }

  // Answers what was kept before, like `restore`. Throws where the browser keeps
  // nothing for this page, a Fault "kept-elsewhere" where another window keeps, and a
  // Fault "kept-unread" where what was kept cannot be read, of which nothing is erased.
  async switchOn() {
    const round = this.#round;
    const before = this.holds;
    await this.#take();
    try {
      if (round !== this.#round) return [];
      const base = await this.#open();
      if (round !== this.#round) return [];
      localStorage.setItem(this.#place.key, "on");
      return await this.#read(base);
    } catch (error) {
      if (round !== this.#round) return [];
      this.#close();
      if (!before) await this.switchOff().catch(() => {});
      this.#letGo();
      throw before ? new Fault("kept-unread") : error;
    } finally {
      if (!this.on) this.#letGo();
    }
  }

  async switchOff() {
    try {
      this.#settle();
      localStorage.removeItem(this.#place.key);
      await this.erase();
    } finally {
      this.#letGo();
    }
  }

  // What was kept, in the order it came, where keeping was switched on. What was
  // under way waits again.
  async restore() {
    return this.holds ? this.switchOn() : [];
  }

  // Which place it is; while this window keeps, it stays.
  #settle() {
    if (!this.#release) this.#place = !switchedOn(OWN) && switchedOn(SHARED) ? SHARED : OWN;
  }

  async #read(base) {
    const round = this.#round;
    const records = await settled(base.transaction(STORE).objectStore(STORE).getAll());
    if (round !== this.#round) return [];
    return records.sort((a, b) => a.added - b.added || a.number - b.number).map(({ key, fault, ...record }) => {
      const status = record.status === "working" ? "queued" : record.status;
      const [file, thumb] = [asBlob(record.file), asBlob(record.thumb)];
      return { ...record, key, status, file, thumb, fault: fault && Object.assign(new Error(fault.message), fault) };
    });
  }

  // Two windows that keep would grade the same photographs twice and erase each
  // other's work unseen. Over plain http a browser has no locks, and each keeps.
  #take() {
    if (this.#release) return;
    if (!navigator.locks) return (this.#release = () => {});
    return new Promise((resolve, reject) => {
      const held = () => new Promise((release) => resolve((this.#release = release)));
      const refused = (error) => reject(["TimeoutError", "AbortError"].includes(error.name) ? new Fault("kept-elsewhere") : error);
      navigator.locks.request(this.#place.name, { signal: AbortSignal.timeout(PATIENCE) }, held).catch(refused);
    });
  }

  #letGo() {
    this.#release?.();
    this.#release = null;
  }

  #lose() {
    if (!this.#release) return;
    this.switchOff().catch(() => {});
    this.#lost();
  }

  // Keeps a photograph as it stands now. Throws where the browser refuses.
  async save(item) {
    if (!this.on || item.dropped) return;
    const round = this.#round;
    try {
      await this.#save(item, round);
    } catch (error) {
      if (round === this.#round) throw error;
    }
  }

  async #save(item, round) {
    item.key ??= crypto.getRandomValues(new Uint32Array(4)).join("-");
    const film = item.file?.size > MOST_BYTES; // never read: it would only take the room of others
    const sealed = waits(item) && item.file && !film && (await isDicom(item.file));
    await this.#put(item, sealed || film ? null : item.file, round);
    if (sealed) await this.#putPicture(item, round);
  }

  // What a DICOM file holds, one after the other, so that only one is in memory.
  #putPicture(item, round) {
    this.#last = this.#last.catch(() => {}).then(async () => {
      if (round !== this.#round || !waits(item)) return;
      const picture = await this.#picture(item).catch(() => null);
      if (picture) await this.#put(item, picture, round);
    });
    return this.#last;
  }

  // Asked again after each wait: opening what was erased would make it anew.
  async #put(item, file, round) {
    if (round !== this.#round) return;
    const base = await this.#open();
    if (round !== this.#round) return;
    try {
      await stored(base, recordOf(item, file, item.thumb));
    } catch (error) {
      if (error?.name === "QuotaExceededError" || round !== this.#round) throw error;
      // A private window of WebKit takes no Blob into its store, but takes the bytes of
      // one. They are in memory all at once, so elsewhere the Blob itself is kept. A
      // file that was moved or renamed has none any more: its card is kept without it.
      // Anything else may be a store that a phone has lost without a word: opened anew.
      if (error?.name !== "DataCloneError") this.#close();
      const bytes = await bytesIn(file).catch(() => null);
      let thumb, small;
      do small = await bytesIn((thumb = item.thumb));
      while (thumb !== item.thumb);
      if (round === this.#round) await stored(await this.#open(), recordOf(item, bytes, small));
    }
  }

  // Everything kept is gone; the switch stays as it is.
  async erase() {
    this.#settle();
    this.#round += 1;
    this.#had = false;
    this.#close();
    await settled(indexedDB.deleteDatabase(this.#place.name));
  }

  #close() {
    this.#base?.then((base) => base.close(), () => {});
    this.#base = null;
  }

  #open() {
    this.#base ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(this.#place.name, 1);
      const again = this.#had;
      request.onupgradeneeded = () => {
        // Cleared by the browser, or by the visitor with all it holds: nothing is put back.
        if (again) request.transaction.abort();
        else request.result.createObjectStore(STORE, { keyPath: "key" });
      };
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        // Another window erases: let go, so that it can.
        request.result.onversionchange = () => {
          request.result.close();
          this.#base = null;
          this.#lose();
        };
        // As a phone closes the store of a page that was put aside: it is opened again.
        request.result.onclose = () => (this.#base = null);
        this.#had = true;
        resolve(request.result);
      };
    });
    return this.#base;
  }
}

function switchedOn({ key }) {
  try {
    return localStorage.getItem(key) === "on";
  } catch {
    return false;
  }
}

// Will it be read again?
function waits({ status, fault }) {
  return ["queued", "working", "cancelled"].includes(status) || Boolean(fault && fault.code !== "file-gone");
}

// A photograph as it stands now: what is stored later never is of an earlier time.
function recordOf(item, file, thumb) {
  const record = Object.fromEntries(KEPT.map((name) => [name, item[name]]));
  const { fault } = item;
  record.fault = fault && { code: fault.code, detail: fault.detail, message: fault.message };
  return Object.assign(record, { key: item.key, number: item.id, file: waits(item) ? file : null, thumb });
}

async function bytesIn(blob) {
  return blob && { bytes: await blob.arrayBuffer(), type: blob.type };
}

function asBlob(kept) {
  return kept?.bytes instanceof ArrayBuffer ? new Blob([kept.bytes], { type: kept.type }) : kept;
}

// Once the browser has it for good: that room has run out shows at the very end.
function stored(base, record) {
  return new Promise((resolve, reject) => {
    const transaction = base.transaction(STORE, "readwrite");
    transaction.objectStore(STORE).put(record);
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
