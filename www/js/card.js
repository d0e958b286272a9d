// One photograph and its result as an <article>. Every part stands from the
// start and keeps its place, so that nothing moves when a result arrives. Lays
// out what the library says; decides nothing.

import { edemaOf, followUpOf, gradeOf, headingOf, pointOf, preparedBy, reasonOf, referralOf, riskOf } from "./assessment.js";
import { el, write } from "./dom.js";
import { lookButton, updateLookButton } from "./explain.js";
import { EyeFields } from "./eye-fields.js";
import { canRetry, isDone } from "./queue.js";
import { scaleEntry, strings } from "./strings.js";
import { makeThumbnail, show } from "./thumbnail.js";

export class Card {
  #item;
  #engine;
  #picture;
  #pictured;
  #eye;
  #parts = {};

  // `picture(item)` gives the photograph itself; `again(item)` is called when the
  // visitor asks for another try, `corrected(item)` when they say which eye it is or
  // whose, `pictured(item)` once it has a small picture.
  constructor(item, engine, { picture, again, corrected, pictured }) {
    this.#item = item;
    this.#engine = engine;
    this.#picture = () => picture(item);
    this.#pictured = pictured;
    this.#eye = item.drawn ? null : new EyeFields(item, () => corrected(item));
    this.element = this.#build(again);
    this.update();
    this.settle(); // where it comes from an earlier visit
    if (item.file || item.thumb) this.showPhoto();
  }

  // Makes the small picture where there is none yet.
  async showPhoto() {
    const item = this.#item;
    const { image, frame } = this.#parts;
    const known = item.thumb !== null;
    item.thumb ??= await makeThumbnail(this.#picture, (bytes, side) => this.#engine.smallPicture(bytes, side), () => !item.dropped);
    if (item.drawn) item.file = null; // drawn again when asked for again
    if (item.thumb && !known) this.#pictured(item);
    const shown = item.thumb !== null && !item.dropped && (await show(image, item.thumb));
    frame.dataset.shown = shown;
    image.hidden = !shown;
    this.update();
  }

  // The decision for the patient whose photograph this is.
  showPatient(sentence, refers) {
    this.#eye?.showPatient(sentence, refers);
  }

  // The picture as an element, for a while: the report shows the same one.
  get picture() {
    return this.#parts.image.hidden ? null : this.#parts.image;
  }

  returnPicture() {
    this.#parts.frame.append(this.#parts.image);
  }

  // Nothing more is to come for now.
  settle() {
    this.element.toggleAttribute("data-settled", isDone(this.#item));
  }

  update() {
    const { status, assessment, name, drawn, own } = this.#item;
    const { element } = this;
    element.dataset.status = status;
    element.dataset.grade = assessment?.grade ?? "";
    element.dataset.referable = assessment?.referable ?? "";
    element.dataset.point = assessment?.operatingPoint ?? "";
    element.dataset.bundle = assessment?.bundle ?? "";
    element.dataset.unsure = Boolean(assessment?.unsure);
    element.setAttribute("aria-busy", String(!isDone(this.#item)));
    if (!isDone(this.#item)) element.removeAttribute("data-settled");

    const { kicker, title, image, heading, full, referral, followUp, doubt, risk, edema, point, again, summary, bars } = this.#parts;
    const { state } = this.#engine;
    if (kicker) write(kicker, strings.drawnKicker);
    write(title, name);
    image.alt = image.hidden ? "" : drawn ? strings.photoAltDrawn(name) : strings.photoAlt(name);
    write(heading, headingOf(this.#item, state));
    write(full, (status === "graded" && gradeOf(assessment, state.scale).name) || "");
    write(referral, referralOf(assessment));
    write(followUp, followUpOf(assessment));
    write(doubt, reasonOf(this.#item));
    const graded = status === "graded";
    // What refers stands with the referral, and only there.
    write(risk, graded ? riskOf(assessment) : "");
    write(edema, graded && !risk.textContent ? edemaOf(assessment) : "");
    write(point, graded ? [pointOf(assessment), own && strings.own.short].filter(Boolean).join(" · ") : "");
    for (const line of [full, referral, risk, followUp, doubt]) line.hidden = !line.textContent;
    write(again, strings.again);
    const retriable = canRetry(this.#item);
    if (!retriable && document.activeElement === again) element.focus({ preventScroll: true }); // the button goes
    again.hidden = !retriable;
    updateLookButton(this.#parts.look, this.#item);
    write(summary, strings.provenance);
    bars.setAttribute("aria-label", strings.bars);
    this.#eye?.update();
    this.#updateBars();
    this.#updateProvenance();
  }

  #build(again) {
    const { id, drawn } = this.#item;
    const parts = this.#parts;
    parts.image = el("img", { alt: "", hidden: true, decoding: "async" });
    parts.frame = el("div", { class: "card__photo" }, parts.image);
    parts.kicker = drawn ? el("p", { class: "card__kicker" }) : null;
    parts.title = el("h3", { class: "card__name", id: `photo-${id}-name`, dir: "auto" });
    parts.heading = el("p", { class: "card__grade" });
    parts.full = el("p", { class: "card__full" });
    parts.edema = el("p", {});
    parts.point = el("p", { class: "card__point" });
    parts.referral = el("p", { class: "card__referral" });
    parts.risk = el("p", { class: "card__risk" });
    parts.followUp = el("p", { class: "card__follow-up" });
    parts.doubt = el("p", { class: "card__doubt" });
    parts.again = el("button", { type: "button", class: "quiet card__again", hidden: true });
    parts.again.addEventListener("click", () => again(this.#item));
    parts.bars = el("ol", { class: "bars", role: "list" });
    parts.facts = el("dl", { class: "card__facts" });
    parts.summary = el("summary", {});
    parts.provenance = el("details", { class: "card__provenance" }, parts.summary, parts.facts);

    return el(
      "article",
      { class: "card", id: `photo-${id}`, tabindex: "-1", "aria-labelledby": `photo-${id}-name`, "data-drawn": drawn ? true : null },
      parts.frame,
      el("header", { class: "card__head" }, parts.kicker, parts.title),
      this.#eye?.element ?? null,
      el("div", { class: "card__verdict" }, parts.heading, parts.full, parts.doubt, parts.referral, parts.risk, parts.again),
      parts.bars,
      (parts.look = lookButton(this.#item, this.#engine, this.#picture)),
      el("div", { class: "card__aside" }, parts.edema, parts.followUp, parts.point),
      parts.provenance,
    );
  }

  #updateBars() {
    const { bars } = this.#parts;
    const { scale } = this.#engine.state;
    const { assessment, status } = this.#item;
    if (scale && bars.children.length !== scale.length) bars.replaceChildren(...scale.map(bar));
    // The place is kept where there is nothing to show, but nobody is read an empty scale.
    const empty = !assessment?.probabilities;
    bars.toggleAttribute("data-empty", empty);
    bars.setAttribute("aria-hidden", String(empty));
    for (const [grade, row] of [...bars.children].entries()) {
      const { label, name, summary } = scaleEntry(scale[grade]);
      const probability = assessment?.probabilities?.[grade] ?? 0;
      const chosen = status === "graded" && assessment.grade === grade;
      row.title = summary;
      row.toggleAttribute("data-chosen", chosen);
      row.style.setProperty("--probability", probability);
      write(row.querySelector(".bar__label"), label ?? name);
      write(row.querySelector(".bar__value"), strings.f.percent(assessment?.probabilityLabels?.[grade] ?? ""));
      write(row.querySelector(".unseen"), chosen ? ` (${strings.barChosen})` : "");
    }
  }

  #updateProvenance() {
    const { facts, provenance } = this.#parts;
    const { assessment, drawn, gradedAt, status } = this.#item;
    const { state } = this.#engine;
    // One that no grade came of was not graded any way.
    const empty = status !== "graded";
    provenance.toggleAttribute("data-empty", empty);
    if (empty) return;
    const rows = [
      [strings.provenanceFindings, gradeOf(assessment, state.scale).summary],
      [strings.points.heading, strings.points.name[assessment.operatingPoint]],
      [strings.provenanceFollowUp, assessment.followUp?.guideline, "en"],
      [strings.provenanceBundle, assessment.bundle, "en"],
      [strings.provenanceModel, assessment.model],
      [strings.provenanceSettings, assessment.settings],
      [strings.provenanceBackend, assessment.backend, "en"],
      [strings.provenancePreprocessing, preparedBy(assessment, state)],
      [strings.provenanceTime, assessment.milliseconds && strings.provenanceTimes(assessment.milliseconds)],
      [strings.provenanceWhen, gradedAt && strings.f.moment(gradedAt)],
      [strings.provenanceDrawn, drawn && strings.provenanceDrawnAs(state.scale?.[drawn.grade] ? scaleEntry(state.scale[drawn.grade]).label : drawn.grade, drawn.seed)],
    ];
    const shown = rows.filter(([, fact]) => fact);
    facts.replaceChildren(...shown.map(([name, fact, lang]) => el("div", {}, el("dt", {}, name), el("dd", { lang, dir: lang && "ltr" }, fact))));
  }
}

function bar() {
  return el(
    "li",
    { class: "bar" },
    el("span", { class: "bar__name" }, el("span", { class: "bar__label" }), el("span", { class: "unseen" })),
    el("span", { class: "bar__track", "aria-hidden": "true" }, el("span", { class: "bar__fill" })),
    el("span", { class: "bar__value" }),
  );
}
