// The model's card: what its answers were worth when the doubtful ones were left
// to a person, as its manifest tells it.

import { el } from "./dom.js";
import { strings } from "./strings.js";

// Null for a model that has not learnt to doubt.
export function doubtFigures(doubt) {
  if (!doubt?.figures?.length) return null;
  const words = strings.card.doubt;
  return el("section", { class: "model-card__figures" }, el("h3", {}, words.heading), el("p", {}, words.note), ...doubt.figures.map((set) => table(set, doubt.unsure_from)));
}

function table({ dataset, n, rows }, unsureFrom) {
  const words = strings.card.doubt;
  const { count, decimal, rate } = strings.f;
  const cell = ({ value }, shown) => el("td", {}, value == null ? "–" : shown(value));
  const heads = [words.answered, strings.card.figure.kappa_quadratic, words.sensitivity, words.specificity];
  return el(
    "table",
    { class: "model-card__doubt" },
    el("caption", {}, strings.card.measured(`${dataset} (validation)`, count(n))),
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el(
      "tbody",
      {},
      ...rows.map(({ coverage, left_from: leftFrom, kappa_quadratic: kappa, sensitivity, specificity }) => {
        const decides = leftFrom === unsureFrom;
        const answered = el("th", { scope: "row" }, coverage.value == null ? "–" : rate(coverage.value), decides ? el("span", {}, ` ${words.decides}`) : null);
        return el("tr", { "data-decides": decides || null }, answered, cell(kappa, decimal), cell(sensitivity, rate), cell(specificity, rate));
      }),
    ),
  );
}
