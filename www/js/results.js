// The results on the page: a card a photograph or a line a patient, sifted and
// ordered as the visitor likes.

import { Card } from "./card.js";
import { byId, el, write } from "./dom.js";
import { PatientList } from "./patient-list.js";
import { decisionOf } from "./patients.js";
import { canRetry, isDone } from "./queue.js";
import { KINDS, ORDERS, PATIENT_ORDERS } from "./sift.js";
import { strings } from "./strings.js";

// From here on cards out of sight are not laid out; before, it is not worth it.
const MANY = 40;

export class Results extends EventTarget {
  #queue;
  #engine;
  #patients;
  #changed;
  #list = new PatientList(byId("patients"), (item) => this.#open(item));
  #places = new Map(); // of patients, by their key
  #shown = 0;
  #scale = null;

  // `changed(item)` is called when the visitor corrected eye or patient.
  constructor({ queue, engine, patients, changed }) {
    super();
    this.#queue = queue;
    this.#engine = engine;
    this.#patients = patients;
    this.#changed = changed;
    this.cards = new Map();
    byId("view").append(option("photos"), option("patients"));
    byId("filter").append(...Object.keys(KINDS).map(option));
    byId("order").append(...Object.keys(ORDERS).map(option));
    for (const id of ["view", "filter", "order"]) byId(id).addEventListener("change", () => this.sift());
    patients.addEventListener("read", ({ item }) => this.cards.get(item)?.update());
    patients.addEventListener("change", () => {
      if (!queue.busy) this.#arrangePatients();
      this.#showPatients();
    });
    queue.addEventListener("progress", () => queue.busy || this.#arrange());
  }

  // Photographs the filter lets through.
  get shown() {
    return this.#shown;
  }

  add(item) {
    const card = new Card(item, this.#engine, {
      picture: (one) => this.#queue.picture(one),
      again: (one) => this.#queue.again(one),
      corrected: (one) => this.#corrected(one),
    });
    this.cards.set(item, card);
    byId("results").hidden = false;
    byId("cards").append(card.element);
    byId("cards").toggleAttribute("data-many", this.cards.size >= MANY);
    if (byId("order").value !== "added") this.#arrange();
    this.#filter();
  }

  changed(item) {
    this.cards.get(item)?.update();
    this.#filter();
  }

  clear() {
    for (const card of this.cards.values()) card.element.remove();
    this.cards.clear();
    byId("results").hidden = true;
    byId("cards").toggleAttribute("data-many", false);
    for (const id of ["view", "filter", "order"]) byId(id).selectedIndex = 0;
    this.sift();
  }

  sift() {
    const patients = byId("view").value === "patients";
    byId("cards").hidden = patients;
    byId("patients").hidden = !patients;
    this.#arrange();
    this.#arrangePatients();
    this.#filter();
    this.#showPatients();
    this.dispatchEvent(new Event("sifted"));
  }

  otherView() {
    byId("view").selectedIndex = 1 - byId("view").selectedIndex;
    this.sift();
  }

  // Cards still waiting say so differently as the model comes; those kept from
  // before have their scale once the library is there.
  showWaiting() {
    const { scale } = this.#engine.state;
    for (const [item, card] of this.cards) if (!isDone(item) || scale !== this.#scale) card.update();
    this.#scale = scale;
  }

  // Everything anew, in the language of the moment.
  showAll() {
    for (const name of ["photos", "patients"]) write(byId("view").querySelector(`[value=${name}]`), { photos: strings.page.viewPhotos, patients: strings.page.viewPatients }[name]);
    for (const { value } of byId("order").options) write(byId("order").querySelector(`[value=${value}]`), strings.order[value]);
    for (const card of this.cards.values()) card.update();
    this.#filter();
    this.#showPatients();
  }

  // The card before or after this one among those shown, in focus.
  step(article, by) {
    const shown = [...byId("cards").children].filter((one) => !one.hidden);
    const place = shown.indexOf(article);
    const next = place < 0 ? (by > 0 ? 0 : shown.length - 1) : place + by;
    shown[next]?.focus();
    shown[next]?.scrollIntoView({ block: "nearest" });
  }

  setSide(article, side) {
    const item = this.#itemOf(article);
    if (!item || item.drawn) return;
    Object.assign(item, { side, byHand: true });
    this.#corrected(item);
  }

  again(article) {
    const item = this.#itemOf(article);
    if (item && canRetry(item)) this.#queue.again(item);
  }

  #itemOf(article) {
    return this.#queue.items.find(({ id }) => `photo-${id}` === article?.id);
  }

  #corrected(item) {
    this.cards.get(item)?.update();
    this.#patients.refresh();
    this.#changed(item);
  }

  // Only by the visitor's choice and when a batch ends: nothing moves under their eyes.
  #arrange() {
    const order = [...this.#queue.items].sort(ORDERS[byId("order").value]);
    const wanted = order.map((item) => this.cards.get(item)?.element).filter(Boolean);
    const cards = byId("cards");
    if (wanted.some((element, index) => element !== cards.children[index])) cards.append(...wanted);
  }

  // The same of patients, who come to their decisions a moment after the last photograph.
  #arrangePatients() {
    const order = [...this.#patients.list].sort(PATIENT_ORDERS[byId("order").value]);
    this.#places = new Map(order.map(({ key }, place) => [key, place]));
  }

  #filter() {
    const { items } = this.#queue;
    const wanted = KINDS[byId("filter").value];
    this.#shown = 0;
    for (const item of items) {
      const shown = wanted(item);
      const card = this.cards.get(item);
      if (card && card.element.hidden === shown) card.element.hidden = !shown;
      this.#shown += shown;
    }
    for (const one of byId("filter").options) write(one, strings.filter[one.value](items.filter(KINDS[one.value]).length));
    byId("none-shown").hidden = this.#shown > 0 || !items.length || byId("view").value === "patients";
  }

  #showPatients() {
    const { list, byItem } = this.#patients;
    for (const [item, card] of this.cards) {
      const group = byItem.get(item);
      const paired = group && group.items.length > 1;
      card.showPatient(paired ? decisionOf(group.summary) : "", paired && group.summary.decision === "refer");
    }
    const inView = byId("view").value === "patients";
    const wanted = KINDS[byId("filter").value];
    const place = ({ key }) => this.#places.get(key) ?? list.length; // new ones last
    const shown = list.filter(({ items }) => items.some(wanted)).sort((a, b) => place(a) - place(b));
    if (inView) this.#list.show(shown, this.#engine.state);
    byId("no-patients").hidden = !inView || shown.length > 0;
  }

  // From a patient's line to the photograph itself.
  #open(item) {
    byId("view").value = "photos";
    if (!KINDS[byId("filter").value](item)) byId("filter").value = "all";
    this.sift();
    const card = this.cards.get(item);
    card?.element.focus();
    card?.element.scrollIntoView({ block: "start" });
  }
}

const option = (value) => el("option", { value });
