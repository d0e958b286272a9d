// The photographs by patient. Names are read and decisions made by the library;
// here is only which photographs belong together.

import { isDone } from "./queue.js";
import { said } from "./strings.js";

const SETTLE = 150; // milliseconds in which changes are gathered
const PATIENCE = 5000; // milliseconds a save waits for the last decisions

export class Patients extends EventTarget {
  #engine;
  #queue;
  #unread = [];
  #timer = 0;
  #round = 0;
  #reading = Promise.resolve();

  constructor(engine, queue) {
    super();
    this.#engine = engine;
    this.#queue = queue;
    this.list = []; // { key, name, items, summary }
    this.byItem = new Map();
  }

  // Reads the side and the patient from a photograph's name. Drawn ones are nobody's.
  read(item) {
    if (item.drawn || item.patient !== null) return this.refresh();
    this.#unread.push(item);
    if (this.#unread.length > 1) return; // goes with those already asked for
    this.#reading = this.#readAll();
  }

  // Once every name is read and every decision stands: what is saved or printed
  // must not be a moment old. Not waited for where no library answers.
  settled() {
    const now = async () => {
      await this.#reading;
      clearTimeout(this.#timer);
      this.#timer = 0;
      while (!(await this.#decide()));
    };
    return Promise.race([now(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  }

  async #readAll() {
    await Promise.resolve();
    const items = this.#unread;
    this.#unread = [];
    const found = await this.#engine.consult("readNames", items.map(({ path, name }) => path ?? name));
    for (const [index, one] of items.entries()) {
      const { told } = one; // a DICOM file is surer of the side than its name
      if (!one.byHand) Object.assign(one, found[index], told?.side && { side: told.side });
      this.dispatchEvent(Object.assign(new Event("read"), { item: one }));
    }
    this.refresh();
  }

  // Has the library decide anew, once for changes that come together.
  refresh() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#decide();
    }, SETTLE);
  }

  async #decide() {
    const round = ++this.#round;
    const groups = new Map();
    for (const item of this.#queue.items) {
      if (item.drawn) continue;
      const key = keyOf(item);
      if (!groups.has(key)) groups.set(key, { key, name: item.patient ?? "", items: [], summary: null });
      groups.get(key).items.push(item);
    }
    const list = [...groups.values()];
    const summaries = list.length ? await this.#engine.consult("summarisePatients", list.map(({ items }) => items.map(photoOf))) : [];
    if (round !== this.#round) return false; // overtaken by a later one
    this.list = list.map((group, index) => ({ ...group, summary: summaries[index] }));
    this.byItem = new Map(this.list.flatMap((group) => group.items.map((item) => [item, group])));
    this.dispatchEvent(new Event("change"));
    return true;
  }
}

// Photographs pair by name once a side or a person says that the name is a
// patient's: cameras call everything "image".
function keyOf(item) {
  return item.patient && (item.side || item.byHand) ? `patient ${item.patient}` : `photo ${item.id}`;
}

// A cancelled photograph still waits for an answer: it clears nobody.
function photoOf(item) {
  const { side, status, assessment } = item;
  return {
    side,
    status: isDone(item) && status !== "cancelled" ? status : null,
    grade: assessment?.grade ?? null,
    referable: assessment?.referable ?? null,
    unsure: Boolean(assessment?.unsure),
    edemaAlone: Boolean(assessment?.edemaAlone),
  };
}

export const decisionOf = (summary) => said(summary?.code, summary?.sentence) ?? "";
