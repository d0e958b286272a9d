// The model's card, laid out from its manifest: what it is for, what it learned
// from and on which terms, and what was measured.

import { el } from "./dom.js";
import { strings } from "./strings.js";

const words = strings.card;
const number = new Intl.NumberFormat(strings.language, { maximumFractionDigits: 3, minimumFractionDigits: 3 });
const whole = new Intl.NumberFormat(strings.language);

export function modelCard({ name, version, architecture, intended_use: use, training, figures, thresholds, weights }) {
  const { referable } = thresholds;
  return el(
    "div",
    {},
    el("p", { class: "model-card__use" }, use),
    facts([
      [words.model, `${name} ${version}, ${architecture}`],
      [words.learned, list(training.data.map(({ name, photos, terms }) => words.data(name, whole.format(photos), terms)))],
      [words.began, `${training.initial_weights.name}: ${training.initial_weights.terms}`],
      [words.recipe, training.recipe],
      [words.line, words.point(number.format(referable.threshold), number.format(referable.sensitivity), number.format(referable.specificity), referable.fixed_on)],
      [words.fingerprint, weights.sha256],
    ]),
    ...figures.map((measured) =>
      el(
        "section",
        { class: "model-card__figures" },
        el("h3", {}, words.measured(measured.dataset, whole.format(measured.n))),
        facts(
          Object.entries(words.figure)
            .filter(([key]) => measured[key] != null)
            .map(([key, title]) => [title, number.format(measured[key])]),
        ),
      ),
    ),
  );
}

function facts(rows) {
  return el("dl", { class: "card__facts" }, ...rows.filter(([, fact]) => fact).map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, fact))));
}

function list(lines) {
  return el("ul", {}, ...lines.map((line) => el("li", {}, line)));
}
