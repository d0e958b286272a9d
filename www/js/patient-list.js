// The second way to look at the results: a line a patient, the decision first.

import { doubtOf, headingOf, riskOf } from "./assessment.js";
import { el, write } from "./dom.js";
import { decisionOf } from "./patients.js";
import { strings } from "./strings.js";

const SIDES = ["right", "left", null];

export class PatientList {
  #rows = new Map();
  #open;

  // `open(item)` is called to go to a photograph.
  constructor(element, open) {
    this.element = element;
    this.#open = open;
  }

  show(patients, state) {
    const kept = new Set();
    const rows = patients.map((patient) => {
      kept.add(patient.key);
      if (!this.#rows.has(patient.key)) this.#rows.set(patient.key, row());
      this.#fill(this.#rows.get(patient.key), patient, state);
      return this.#rows.get(patient.key).element;
    });
    for (const key of [...this.#rows.keys()]) if (!kept.has(key)) this.#rows.delete(key);
    if (rows.length !== this.element.children.length || rows.some((one, index) => one !== this.element.children[index])) this.element.replaceChildren(...rows);
  }

  #fill({ element, name, decision, photos }, { name: patient, items, summary }, state) {
    element.dataset.decision = summary?.decision ?? "waiting";
    write(name, patient || strings.noPatient);
    write(decision, decisionOf(summary));
    const sorted = SIDES.flatMap((side) => items.filter((item) => item.side === side));
    const same = sorted.length === photos.children.length && sorted.every((item, index) => photos.children[index].dataset.id === String(item.id));
    if (!same) {
      photos.replaceChildren(
        ...sorted.map((item) => {
          const button = el("button", { type: "button", class: "quiet" });
          button.addEventListener("click", () => this.#open(item));
          button.append(el("span", {}), el("span", { class: "patient__grade" }), el("span", { class: "unseen" }));
          return el("li", { "data-id": item.id }, button, el("p", { class: "patient__doubt" }), el("p", { class: "patient__risk" }));
        }),
      );
    }
    for (const [index, item] of sorted.entries()) {
      const side = strings.side[item.side ?? "none"];
      const li = photos.children[index];
      const deciding = items.indexOf(item) === summary?.deciding;
      li.toggleAttribute("data-deciding", deciding);
      const [button, doubt, risk] = li.children;
      const [eye, grade, more] = button.children;
      write(eye, `${side}: `);
      write(grade, headingOf(item, state));
      write(more, deciding ? ` (${strings.patientDeciding})` : "");
      // The decision does not say which eye is unsure, nor always that oedema is a risk.
      const assessment = item.status === "graded" ? item.assessment : null;
      write(doubt, doubtOf(assessment));
      write(risk, riskOf(assessment));
      for (const line of [doubt, risk]) line.hidden = !line.textContent;
    }
  }
}

let rows = 0;

function row() {
  const id = `patient-${(rows += 1)}`;
  const name = el("h3", { class: "patient__name", id, dir: "auto" });
  const decision = el("p", { class: "patient__decision", id: `${id}-decision` });
  const photos = el("ul", { class: "patient__photos", role: "list" });
  return { name, decision, photos, element: el("li", { class: "patient", tabindex: "-1", "aria-labelledby": `${id} ${id}-decision` }, name, decision, photos) };
}
