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
  #asked = false;
  #deciding = null;
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
    if (item.drawn || item.pair !== null) return this.refresh();
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
      await this.#decide();
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
      const { patient, side, key } = found[index];
      one.pair = side ? key : "";
      if (!one.byHand) Object.assign(one, { patient, side: told?.side ?? side });
      else if (one.patient === null) one.patient = patient; // the side alone was corrected, before its name was read
      else if (one.patient !== patient) one.typed = true; // and kept so from an earlier visit
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

  // One decision at a time; asked meanwhile, once more for all who asked.
  #decide() {
    this.#asked = true;
    return (this.#deciding ||= this.#decideAll());
  }

  async #decideAll() {
    try {
      while (this.#asked) {
        this.#asked = false;
        await this.#decideOnce();
      }
    } finally {
      this.#deciding = null;
    }
  }

  async #decideOnce() {
    const list = grouped(this.#queue.items.filter(({ drawn }) => !drawn));
    const summaries = list.length ? await this.#engine.consult("summarisePatients", list.map(({ items }) => items.map(photoOf))) : [];
    this.list = list.map((group, index) => ({ ...group, summary: summaries[index] }));
    this.byItem = new Map(this.list.flatMap((group) => group.items.map((item) => [item, group])));
    this.dispatchEvent(new Event("change"));
  }
}

// Photographs pair where their names, read with a side, and folders agree, or where
// a person typed the same patient: cameras call everything "image", and a stranger's
// photograph must not take the place of a bad one. A patient who was typed is the one
// of that name on the page, if there is one alone.
function grouped(items) {
  const groups = new Map();
  const join = (key, item) => {
    if (!groups.has(key)) groups.set(key, { key, name: item.patient ?? "", items: [], summary: null });
    groups.get(key).items.push(item);
  };
  const isTyped = (item) => item.typed && item.patient;
  for (const item of items) if (!isTyped(item)) join(item.pair && !item.typed ? `patient ${item.pair}` : `photo ${item.id}`, item);
  const read = byName([...groups.values()].filter(({ key }) => key.startsWith("patient ")));
  for (const item of items.filter(isTyped)) {
    const called = read.get(plain(item.patient)) ?? [];
    join(called.length === 1 ? called[0].key : `typed ${plain(item.patient)}`, item);
  }
  const order = new Map(items.map((item, index) => [item, index]));
  const list = [...groups.values()];
  for (const group of list) group.items.sort((a, b) => order.get(a) - order.get(b));
  list.sort((a, b) => order.get(a.items[0]) - order.get(b.items[0]));
  // Two people of one name are told apart by where their photographs lay.
  const namesakes = byName(list.filter(({ name }) => name));
  for (const group of list) {
    const folder = group.items[0].path?.split("/").slice(0, -1).join("/");
    if (folder && namesakes.get(plain(group.name))?.length > 1) group.name = `${group.name} (${folder})`;
  }
  return list;
}

function byName(groups) {
  const named = new Map();
  for (const group of groups) named.set(plain(group.name), [...(named.get(plain(group.name)) ?? []), group]);
  return named;
}

const plain = (name) => name.trim().toLocaleLowerCase();

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
    edema: Boolean(assessment?.edemaReferable),
    threat: Boolean(assessment?.sightThreatening),
  };
}

export const decisionOf = (summary) =>
  [said(summary?.code, summary?.sentence), said(summary?.besidesCode, summary?.besides)].filter(Boolean).join(" ");
