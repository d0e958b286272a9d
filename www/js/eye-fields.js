// Which eye a photograph shows and whose: read from its name, correctable by
// hand, with the decision for the patient beneath.

import { el, write } from "./dom.js";
import { strings } from "./strings.js";

const SIDES = ["right", "left"];

export class EyeFields {
  #item;
  #parts = {};

  constructor(item, corrected) {
    this.#item = item;
    const parts = this.#parts;
    parts.side = el("select", { class: "eye__side" }, el("option", { value: "" }), ...SIDES.map((side) => el("option", { value: side })));
    parts.patient = el("input", { class: "eye__patient", type: "text", autocomplete: "off", spellcheck: "false", dir: "auto", maxlength: "120" });
    parts.says = el("p", { class: "eye__says", hidden: true });
    parts.side.addEventListener("change", () => {
      Object.assign(item, { side: parts.side.value || null, byHand: true });
      corrected();
    });
    parts.patient.addEventListener("change", () => {
      Object.assign(item, { patient: parts.patient.value.trim(), byHand: true, typed: true });
      corrected();
    });
    this.element = el("div", { class: "eye" }, parts.side, parts.patient, parts.says);
  }

  update() {
    const { side, patient, says } = this.#parts;
    const { name } = this.#item;
    side.setAttribute("aria-label", strings.eyeOf(name));
    patient.setAttribute("aria-label", strings.patientOf(name));
    patient.placeholder = strings.patient;
    for (const option of side.options) write(option, strings.side[option.value || "none"]);
    side.value = this.#item.side ?? "";
    if (document.activeElement !== patient) patient.value = this.#item.patient ?? "";
    says.hidden = !says.textContent;
  }

  showPatient(sentence, refers) {
    const { says } = this.#parts;
    write(says, sentence ? strings.patientSays(sentence) : "");
    says.toggleAttribute("data-refers", refers);
    says.hidden = !sentence;
  }
}
