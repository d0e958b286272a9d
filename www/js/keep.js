// Work that survives a reload, where the visitor allows it: results, small
// pictures, and the photographs that still wait; of a DICOM file only the picture
// in it, never the patient's data. In this browser's own store, off
// until switched on, gone when switched off.

import { isDicom } from "./dicom.js";

const NAME = "fovea-work";
const STORE = "photos";
const SWITCH = "fovea-keep";
const KEPT = ["name", "path", "drawn", "patient", "side", "byHand", "told", "thumb", "added", "gradedAt", "status", "assessment", "fault", "own"];

export class Keeper {
  #base = null;
  #picture;
  #last = Promise.resolve();
  #round = 0; // rises with each erasing: what began before it keeps nothing any more

  // `picture(item)` gives the photograph in an item's file.
  constructor(picture) {
    this.#picture = picture;
  }

  get on() {
    try {
      return localStorage.getItem(SWITCH) === "on";
    } catch {
      return false;
    }
  }

  // Throws where the browser keeps nothing for this page.
  async switchOn() {
    await this.#open();
    localStorage.setItem(SWITCH, "on");
  }

  async switchOff() {
    localStorage.removeItem(SWITCH);
    await this.erase();
  }

  // What was kept, in the order it came. What was under way waits again.
  async restore() {
    if (!this.on) return [];
    const base = await this.#open();
    const records = await settled(base.transaction(STORE).objectStore(STORE).getAll());
    return records.sort((a, b) => a.added - b.added || a.number - b.number).map(({ key, fault, ...record }) => {
      const status = record.status === "working" ? "queued" : record.status;
      return { ...record, key, status, fault: fault && Object.assign(new Error(fault.message), fault) };
    });
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
    const sealed = waits(item) && item.file && (await isDicom(item.file));
    await this.#put(item, sealed ? null : item.file, round);
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
    const record = Object.fromEntries(KEPT.map((name) => [name, item[name]]));
    const { fault } = item;
    record.fault = fault && { code: fault.code, detail: fault.detail, message: fault.message };
    Object.assign(record, { key: item.key, number: item.id, file: waits(item) ? file : null });
    try {
      await stored(base, record);
    } catch (error) {
      // A file that was moved or renamed meanwhile cannot be kept; its card can.
      if (!record.file || error?.name === "QuotaExceededError" || round !== this.#round) throw error;
      await stored(base, { ...record, file: null });
    }
  }

  // Everything kept is gone; the switch stays as it is.
  async erase() {
    this.#round += 1;
    this.#base?.then((base) => base.close(), () => {});
    this.#base = null;
    await settled(indexedDB.deleteDatabase(NAME));
  }

  #open() {
    this.#base ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        // Another window erases: let go, so that it can.
        request.result.onversionchange = () => {
          request.result.close();
          this.#base = null;
        };
        resolve(request.result);
      };
    });
    return this.#base;
  }
}

// Will it be read again?
function waits({ status, fault }) {
  return ["queued", "working", "cancelled"].includes(status) || Boolean(fault && fault.code !== "file-gone");
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
