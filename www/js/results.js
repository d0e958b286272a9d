// The results on the page: a card a photograph or a line a patient, sifted and
// ordered as the visitor likes.

import { Card } from "./card.js";
import { byId, el, write } from "./dom.js";
import { PatientList } from "./patient-list.js";
import { decisionOf } from "./patients.js";
import { canRetry, isDone } from "./queue.js";
import { seldom } from "./seldom.js";
import { KINDS, ORDERS, PATIENT_ORDERS } from "./sift.js";
import { strings } from "./strings.js";

// From here on cards out of sight are not laid out; before, it is not worth it.
const MANY = 40;

export class Results extends EventTarget {
  #queue;
  #engine;
  #patients;
  #changed;
  #pictured;
  #announce;
  #list = new PatientList(byId("patients"), (item) => this.#open(item));
  #places = new Map(); // of patients, by their key
  #shown = 0;
  #shownPatients = 0;
  #scale = null;
  #model = null;
  #filterSoon = seldom(() => {
    this.#filter();
    this.dispatchEvent(new Event("sifted"));
  });
  #arrangeSoon = seldom(() => this.#arrange());

  // `changed(item)` is called when the visitor corrected eye or patient, `pictured(item)`
  // when a small picture is there.
  constructor({ queue, engine, patients, changed, pictured, announce }) {
    super();
    this.#queue = queue;
    this.#engine = engine;
    this.#patients = patients;
    this.#changed = changed;
    this.#pictured = pictured;
    this.#announce = announce;
    this.cards = new Map();
    byId("view").append(option("photos"), option("patients"));
    byId("filter").append(...Object.keys(KINDS).map(option));
    byId("order").append(...Object.keys(ORDERS).map(option));
    byId("order").addEventListener("change", () => this.sift());
    for (const id of ["view", "filter"]) {
      byId(id).addEventListener("change", () => {
        this.sift();
        this.#saySifted();
      });
    }
    patients.addEventListener("read", ({ item }) => this.cards.get(item)?.update());
    patients.addEventListener("change", () => {
      if (!queue.busy) this.#arrangePatients();
      this.#showPatients();
    });
    queue.addEventListener("progress", () => queue.busy || this.#rest());
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
      pictured: (one) => this.#pictured(one),
    });
    this.cards.set(item, card);
    byId("results").hidden = false;
    byId("cards").append(card.element);
    byId("cards").toggleAttribute("data-many", this.cards.size >= MANY);
    if (byId("order").value !== "added") this.#arrangeSoon();
    this.#sieve(item);
    this.#filterSoon();
  }

  changed(item) {
    this.cards.get(item)?.update();
    this.#sieve(item);
    this.#filterSoon();
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
    if (byId(patients ? "cards" : "patients").contains(document.activeElement)) byId("results-heading").focus(); // it goes
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
    this.#saySifted();
  }

  #saySifted() {
    const { value, selectedOptions } = byId("view");
    this.#announce(`${selectedOptions[0].textContent}: ${strings.tallyShown(value === "patients" ? this.#shownPatients : this.#shown)}.`);
  }

  // Cards still waiting say so differently as the model comes; those kept from
  // before have their scale once the library is there.
  showWaiting() {
    const { scale, model } = this.#engine.state;
    if (scale === this.#scale && model === this.#model) return;
    for (const [item, card] of this.cards) if (!isDone(item) || scale !== this.#scale) card.update();
    this.#scale = scale;
    this.#model = model;
  }

  // Everything anew, in the language of the moment.
  showAll() {
    for (const name of ["photos", "patients"]) write(byId("view").querySelector(`[value=${name}]`), { photos: strings.page.viewPhotos, patients: strings.page.viewPatients }[name]);
    for (const { value } of byId("order").options) write(byId("order").querySelector(`[value=${value}]`), strings.order[value]);
    for (const card of this.cards.values()) card.update();
    this.#filter();
    this.#showPatients();
  }

  // Into sight, where its grade would be out of it. At once: gliding there is broken
  // off when anything else scrolls. The focus stays, and nobody who types is taken away.
  bring(item) {
    const { element } = this.cards.get(item);
    if (byId("order").value !== "added") this.#arrange();
    if (document.activeElement.matches("input[type=text]") || element.hidden || byId("cards").hidden) return;
    const { top, bottom } = element.querySelector(".card__grade").getBoundingClientRect();
    const room = innerHeight - document.querySelector(".dock").offsetHeight;
    if (top >= 0 && bottom <= room) return;
    element.scrollIntoView({ block: element.offsetHeight <= room ? "nearest" : "start", behavior: "instant" });
  }

  // The card, or patient's line, before or after the one in focus, of those shown.
  step(by) {
    const shown = [...byId(byId("view").value === "patients" ? "patients" : "cards").children].filter((one) => !one.hidden);
    const place = shown.findIndex((one) => one.contains(document.activeElement));
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
    this.#sayCorrected(item);
  }

  // Whose eye it is now, and what that makes of the patient's decision.
  async #sayCorrected(item) {
    await this.#patients.settled();
    if (item.dropped) return;
    const decision = this.#pairedOf(item);
    this.#announce(strings.announceEye(item.name, strings.side[item.side ?? "none"], decision && strings.patientSays(decision)));
  }

  // The decision for the patient, where it is more than the photograph's own.
  #pairedOf(item) {
    const group = this.#patients.byItem.get(item);
    return group?.items.length > 1 ? decisionOf(group.summary) : "";
  }

  // Only by the visitor's choice and when a batch ends: nothing moves under their
  // eyes. A card they are at is never taken out, which would cut off their typing:
  // the others are put around it, and it stays where it is on the screen.
  #arrange() {
    const order = [...this.#queue.items].sort(ORDERS[byId("order").value]);
    const wanted = order.map((item) => this.cards.get(item)?.element).filter(Boolean);
    const cards = byId("cards");
    if (wanted.every((element, index) => element === cards.children[index])) return;
    const place = wanted.findIndex((element) => element.contains(document.activeElement));
    if (place < 0) return cards.append(...wanted);
    const held = wanted[place];
    const { top } = held.getBoundingClientRect();
    held.before(...wanted.slice(0, place));
    held.after(...wanted.slice(place + 1));
    scrollBy({ top: held.getBoundingClientRect().top - top, behavior: "instant" });
  }

  // A batch has ended: what was refused need keep no room for a grade. What is in
  // the middle of the screen stays there.
  #rest() {
    const seen = document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest(".card");
    const top = seen?.getBoundingClientRect().top;
    for (const card of this.cards.values()) card.settle();
    if (seen) scrollBy({ top: seen.getBoundingClientRect().top - top, behavior: "instant" });
    this.#arrange();
    this.#filter();
  }

  // Does the filter let it through?
  #sieve(item, wanted = KINDS[byId("filter").value]) {
    const shown = wanted(item);
    const card = this.cards.get(item);
    if (!shown && card?.element.contains(document.activeElement)) byId("results-heading").focus(); // it goes
    if (card && card.element.hidden === shown) card.element.hidden = !shown;
    return shown;
  }

  // The same of patients, who come to their decisions a moment after the last photograph.
  #arrangePatients() {
    const order = [...this.#patients.list].sort(PATIENT_ORDERS[byId("order").value]);
    this.#places = new Map(order.map(({ key }, place) => [key, place]));
  }

  #filter() {
    const { items } = this.#queue;
    const wanted = KINDS[byId("filter").value];
    this.#shown = items.filter((item) => this.#sieve(item, wanted)).length;
    for (const one of byId("filter").options) write(one, strings.filter[one.value](items.filter(KINDS[one.value]).length));
    byId("none-shown").hidden = this.#shown > 0 || !items.length || byId("view").value === "patients";
  }

  #showPatients() {
    const { list, byItem } = this.#patients;
    for (const [item, card] of this.cards) {
      const decision = this.#pairedOf(item);
      card.showPatient(decision, decision !== "" && byItem.get(item).summary.decision === "refer");
    }
    const inView = byId("view").value === "patients";
    const wanted = KINDS[byId("filter").value];
    const place = ({ key }) => this.#places.get(key) ?? list.length; // new ones last
    const shown = list.filter(({ items }) => items.some(wanted)).sort((a, b) => place(a) - place(b));
    this.#shownPatients = shown.length;
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
