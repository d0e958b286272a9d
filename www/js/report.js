// The print sheet: a page a patient, or more with their name on each, made when
// printing begins and taken apart
// when it ends. A good PDF comes from the browser's own print dialogue.

import { edemaOf, followUpOf, gradedBy, gradeOf, headingOf, preparedBy, reasonOf, referralOf } from "./assessment.js";
import { byId, el } from "./dom.js";
import { edemaLine } from "./model-card.js";
import { reached } from "./operating-point.js";
import { decisionOf } from "./patients.js";
import { isDone } from "./queue.js";
import { scaleEntry, strings } from "./strings.js";

const SIDES = ["right", "left", null];

export class Report {
  #queue;
  #engine;
  #patients;
  #cards;
  #maps;

  constructor({ queue, engine, patients, cards, maps }) {
    this.#queue = queue;
    this.#engine = engine;
    this.#patients = patients;
    this.#cards = cards;
    this.#maps = maps;
    window.addEventListener("beforeprint", () => this.build());
    window.addEventListener("afterprint", () => this.clear());
  }

  build() {
    this.clear();
    if (!this.#queue.items.length) return;
    // Drawn ones are nobody's; of others the library says whose, where it could be had.
    const { list, byItem } = this.#patients;
    const alone = this.#queue.items.filter((item) => !byItem.has(item)).map((item) => ({ name: item.drawn ? item.name : item.patient, items: [item], summary: null }));
    byId("report").replaceChildren(...[...list, ...alone].map((patient) => this.#page(patient)));
    document.documentElement.dataset.report = "";
  }

  clear() {
    for (const card of this.#cards.values()) card.returnPicture();
    byId("report").replaceChildren();
    delete document.documentElement.dataset.report;
  }

  #page({ name, items, summary }) {
    const words = strings.report;
    const isDrawn = items.some((item) => item.drawn);
    const decision = summary ? decisionOf(summary) : "";
    const inOrder = SIDES.flatMap((side) => items.filter((item) => item.side === side));
    const maps = new Map(inOrder.map((item) => [item, this.#maps.figure(item)]));
    return el(
      "section",
      { class: "sheet" },
      el(
        "header",
        { class: "sheet__head" },
        el("p", { class: "sheet__title" }, `Fovea · ${words.title}`),
        el("h2", { dir: "auto" }, isDrawn ? `${name} · ${strings.drawnKicker}` : name ? words.patient(name) : words.unnamed),
        el("p", {}, words.printed(strings.f.moment(Date.now()))),
      ),
      el(
        "div",
        { class: "sheet__body" },
        decision ? el("p", { class: "sheet__decision" }, el("strong", {}, `${words.decision}: `), decision) : null,
        items.some((item) => !isDone(item)) ? el("p", { class: "sheet__decision" }, words.incomplete) : null,
        ...inOrder.map((item) => this.#photo(item, maps.get(item), this.#used(items).length !== 1)),
        [...maps.values()].find(Boolean)?.caveats ?? null,
        this.#model(items),
        el("div", { class: "sheet__end" }, el("p", { class: "sheet__sign" }, words.sign), el("p", { class: "sheet__purpose" }, strings.page.disclaimer)),
      ),
    );
  }

  // The operating points of these photographs, where the model in use graded them all.
  #used(items) {
    const { state } = this.#engine;
    const decided = items.map(({ assessment }) => assessment).filter((assessment) => assessment?.operatingPoint);
    if (!decided.every((assessment) => gradedBy(state, assessment))) return [];
    return state.points.filter(({ name }) => decided.some(({ operatingPoint }) => operatingPoint === name));
  }

  // `map`: where its evidence lay, if one was made. `pointed`: with its operating point, where the sheet does not say one for all.
  #photo(item, map, pointed) {
    const words = strings.report;
    const { assessment: a, side, name, own, gradedAt } = item;
    const { state } = this.#engine;
    const picture = this.#cards.get(item)?.picture;
    const graded = item.status === "graded";
    // One that no grade came of was not graded any way.
    const how = graded && [
      [strings.provenanceFindings, gradeOf(a, state.scale).summary],
      [strings.points.heading, pointed && strings.points.name[a.operatingPoint]],
      [words.followUp, followUpOf(a)],
      [words.sure, a.probabilityLabels?.length && apart("; ", a.probabilityLabels.map((label, grade) => `${scaleEntry({ ...state.scale?.[grade], grade }).label ?? grade}: ${strings.f.percent(label)}`))],
      [strings.provenanceBundle, a.bundle],
      ...(gradedBy(state, a) ? [] : [[strings.provenanceModel, a.model], [strings.provenanceSettings, a.settings]]), // else beneath
      [strings.provenanceBackend, apart(" · ", [a.backend, preparedBy(a, state), strings.f.ms(a.milliseconds.total)])],
      [strings.provenanceWhen, gradedAt && strings.f.moment(gradedAt)],
    ];
    const lines = [[words.photo, `${name}${graded && own ? ` (${strings.own.short})` : ""}`], ...(how || [])];
    return el(
      "div",
      { class: "sheet__photo" },
      el("div", { class: "sheet__pictures" }, picture ? el("div", { class: "sheet__picture" }, picture) : null, map?.picture),
      el(
        "div",
        {},
        item.drawn ? null : el("p", { class: "sheet__side" }, strings.side[side ?? "none"]),
        el("p", { class: "sheet__grade" }, headingOf(item, state)),
        el("p", {}, gradeOf(a, state.scale).name ?? ""),
        ...[reasonOf(item), referralOf(a), graded ? edemaOf(a) : ""].filter(Boolean).map((line) => el("p", { class: "sheet__line" }, line)),
        el("dl", { class: "sheet__facts" }, ...lines.filter(([, fact]) => fact).map(([title, fact]) => el("div", {}, el("dt", {}, title), Array.isArray(fact) ? el("dd", {}, ...fact) : el("dd", { dir: "auto" }, fact)))),
        map?.words,
      ),
    );
  }

  // The card in brief, of the model in use, where it is the one that graded.
  #model(items) {
    const { state } = this.#engine;
    const { card } = state;
    if (!card || !items.some(({ assessment }) => gradedBy(state, assessment))) return null;
    const guidelines = [...new Set(items.map(({ assessment }) => assessment?.followUp?.guideline).filter(Boolean))];
    const figures = card.figures.map(({ dataset, n, kappa_quadratic: kappa, referable_auc: auc }) =>
      [strings.card.measured(dataset, strings.f.count(n)), kappa != null && `${strings.card.figure.kappa_quadratic} ${strings.f.decimal(kappa)}`, auc != null && `${strings.card.figure.referable_auc} ${strings.f.decimal(auc)}`].filter(Boolean).join("; "),
    );
    return el(
      "div",
      { class: "sheet__model" },
      el("h3", {}, strings.report.model),
      el("p", { lang: "en", dir: "ltr" }, card.intended_use),
      guidelines.length ? el("p", {}, `${strings.provenanceFollowUp}: `, el("span", { lang: "en", dir: "ltr" }, guidelines.join("; "))) : null,
      el("p", { class: "sheet__print" }, `${strings.card.fingerprint}: ${card.weights.sha256}`),
      items.every(({ assessment }) => !assessment || gradedBy(state, assessment)) ? null : el("p", { class: "sheet__print" }, `${strings.provenanceSettings}: ${state.settings}`),
      ...this.#used(items).map((point) => el("p", {}, `${strings.points.at(strings.points.name[point.name])}; `, ...reached(point))),
      ...figures.map((line) => el("p", {}, line)),
      card.edema ? el("p", {}, `${strings.card.edema(card.edema.figures.dataset, strings.f.count(card.edema.figures.n))}; ${strings.card.edemaLine}: `, ...edemaLine(card.edema)) : null,
    );
  }
}

// Several facts in a line, each for itself: written from the right, a number would
// otherwise run together with that of the next.
function apart(by, facts) {
  return facts.flatMap((fact, place) => [place ? by : "", el("bdi", {}, fact)]);
}
