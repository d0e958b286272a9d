// One photograph and its result as an <article>. Every part stands from the
// start and keeps its place, so that nothing moves when a result arrives. Lays
// out what the library says; decides nothing.

import { el, write } from "./dom.js";
import { lookButton } from "./explain.js";
import { isDone } from "./queue.js";
import { explain, strings } from "./strings.js";
import { showThumbnail } from "./thumbnail.js";

export class Card {
  #item;
  #engine;
  #parts = {};

  // `again(item)` is called when the visitor asks for another try.
  constructor(item, engine, again) {
    this.#item = item;
    this.#engine = engine;
    this.element = this.#build(again);
    this.update();
    if (item.file) this.showPhoto();
  }

  async showPhoto() {
    const { image, frame } = this.#parts;
    const shown = await showThumbnail(image, this.#item.file, () => !this.#item.dropped);
    frame.dataset.shown = shown;
    const { name, drawn } = this.#item;
    image.alt = shown ? (drawn ? strings.photoAltDrawn(name) : strings.photoAlt(name)) : "";
    image.hidden = !shown;
  }

  update() {
    const { status, assessment } = this.#item;
    const { element } = this;
    element.dataset.status = status;
    element.dataset.grade = assessment?.grade ?? "";
    element.dataset.referable = assessment?.referable ?? "";
    element.dataset.bundle = assessment?.bundle ?? "";
    element.dataset.unsure = Boolean(assessment?.unsure);
    element.setAttribute("aria-busy", String(!isDone(this.#item)));

    const { heading, full, referral, doubt, edema, again } = this.#parts;
    write(heading, headingOf(this.#item, this.#engine.state));
    write(full, assessment?.gradeName ?? "");
    write(referral, assessment?.referral ?? "");
    write(doubt, reasonOf(this.#item));
    write(edema, (status === "graded" && assessment.edema) || "");
    for (const line of [full, referral, doubt]) line.hidden = !line.textContent;
    again.hidden = !this.#item.fault;
    this.#parts.look.toggleAttribute("data-empty", status !== "graded");
    this.#updateBars();
    this.#updateProvenance();
  }

  #build(again) {
    const { id, name, drawn } = this.#item;
    const parts = this.#parts;
    parts.image = el("img", { alt: "", hidden: true, decoding: "async" });
    parts.frame = el("div", { class: "card__photo" }, parts.image);
    parts.heading = el("p", { class: "card__grade" });
    parts.full = el("p", { class: "card__full" });
    parts.edema = el("p", { class: "card__aside" });
    parts.referral = el("p", { class: "card__referral" });
    parts.doubt = el("p", { class: "card__doubt" });
    parts.again = el("button", { type: "button", class: "quiet card__again", hidden: true }, strings.again);
    parts.again.addEventListener("click", () => again(this.#item));
    parts.bars = el("ol", { class: "bars", "aria-label": strings.bars, role: "list" });
    parts.facts = el("dl", { class: "card__facts" });
    parts.provenance = el("details", { class: "card__provenance" }, el("summary", {}, strings.provenance), parts.facts);

    return el(
      "article",
      { class: "card", id: `photo-${id}`, "aria-labelledby": `photo-${id}-name`, "data-drawn": drawn ? true : null },
      parts.frame,
      el(
        "header",
        { class: "card__head" },
        drawn ? el("p", { class: "card__kicker" }, strings.drawnKicker) : null,
        el("h3", { class: "card__name", id: `photo-${id}-name`, dir: "auto" }, name),
      ),
      el("div", { class: "card__verdict" }, parts.heading, parts.full, parts.referral, parts.doubt, parts.again),
      parts.bars,
      (parts.look = lookButton(this.#item, this.#engine)),
      parts.edema,
      parts.provenance,
    );
  }

  #updateBars() {
    const { bars } = this.#parts;
    const { scale } = this.#engine.state;
    const { assessment, status } = this.#item;
    if (scale && bars.children.length !== scale.length) {
      bars.replaceChildren(...scale.map(({ label, name, summary }) => bar(label ?? name, summary)));
    }
    // The place is kept where there is nothing to show, but nobody is read an empty scale.
    const empty = !assessment?.probabilities;
    bars.toggleAttribute("data-empty", empty);
    bars.setAttribute("aria-hidden", String(empty));
    for (const [grade, row] of [...bars.children].entries()) {
      const probability = assessment?.probabilities?.[grade] ?? 0;
      const chosen = status === "graded" && assessment.grade === grade;
      row.toggleAttribute("data-chosen", chosen);
      row.style.setProperty("--probability", probability);
      write(row.querySelector(".bar__value"), assessment?.probabilityLabels?.[grade] ?? "");
      write(row.querySelector(".unseen"), chosen ? ` (${strings.barChosen})` : "");
    }
  }

  #updateProvenance() {
    const { facts, provenance } = this.#parts;
    const { assessment, drawn } = this.#item;
    const { scale } = this.#engine.state;
    provenance.toggleAttribute("data-empty", !assessment);
    if (!assessment) return;
    const rows = [
      [strings.provenanceFindings, assessment.findings],
      [strings.provenanceBundle, assessment.bundle],
      [strings.provenanceModel, assessment.model],
      [strings.provenanceBackend, assessment.backend],
      [strings.provenancePreprocessing, assessment.preprocessing],
      [strings.provenanceTime, assessment.milliseconds && strings.provenanceTimes(assessment.milliseconds)],
      [strings.provenanceDrawn, drawn && strings.provenanceDrawnAs(scale?.[drawn.grade]?.label ?? drawn.grade, drawn.seed)],
    ];
    facts.replaceChildren(...rows.filter(([, fact]) => fact).map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, fact))));
  }
}

// The words in the place of the grade.
export function headingOf({ status, assessment }, { model }) {
  if (status === "graded") return assessment.gradeLabel;
  if (status === "queued" && model !== "ready") return strings.state.queuedForModel;
  return strings.state[status];
}

// Why there is doubt, or no grade at all.
export function reasonOf({ assessment, fault }) {
  if (fault) return explain(fault);
  if (!assessment) return "";
  if (assessment.error) return explain(assessment.error);
  return assessment.doubt ?? "";
}

function bar(name, summary) {
  return el(
    "li",
    { class: "bar", title: summary },
    el("span", { class: "bar__name" }, name, el("span", { class: "unseen" })),
    el("span", { class: "bar__track", "aria-hidden": "true" }, el("span", { class: "bar__fill" })),
    el("span", { class: "bar__value" }),
  );
}
