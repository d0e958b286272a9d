// The model's card, laid out from its manifest: what it is for, what it learned
// from and on which terms, and what was measured.

import { el } from "./dom.js";
import { doubtFigures } from "./doubt-figures.js";
import { reached } from "./operating-point.js";
import { strings } from "./strings.js";

// What the model's maker wrote is shown as written, in English.
const written = (text) => el("span", { lang: "en", dir: "ltr" }, text);

export function modelCard({ name, version, architecture, intended_use: use, training, figures, doubt, weights, edema }, points) {
  const words = strings.card;
  const { count } = strings.f;
  return el(
    "div",
    {},
    words.maker ? el("p", {}, words.maker) : null,
    el("p", { class: "model-card__use" }, written(use)),
    facts([
      [words.model, written(`${name} ${version}, ${architecture}`)],
      [words.learned, sources(training.data)],
      [words.began, written(`${training.initial_weights.name}: ${training.initial_weights.terms}`)],
      [words.taught, sources(training.taught_by)],
      [words.recipe, written(training.recipe)],
      ...points.map((point) => [strings.points.at(strings.points.name[point.name]), reached(point)]),
      [words.fingerprint, weights.sha256],
    ]),
    ...figures.map((measured) => measuredOn(words.measured(measured.dataset, count(measured.n)), measured, byChance(measured))),
    edema && measuredOn(words.edema(edema.figures.dataset, count(edema.figures.n)), edema.figures, [[words.edemaLine, edemaLine(edema)]]),
    doubtFigures(doubt),
  );
}

// Figures of one set of photographs, and what else is to be said of them.
function measuredOn(heading, measured, further = []) {
  const figures = Object.entries(strings.card.figure).filter(([key]) => measured[key] != null);
  return el("section", { class: "model-card__figures" }, el("h3", {}, heading), facts([...figures.map(([key, title]) => [title, strings.f.decimal(measured[key])]), ...further]));
}

// What a model whose every confidence is true would show for a calibration error on
// as few photographs; nothing of models measured before that was told.
function byChance({ ece_if_calibrated: chance }) {
  const { card, f } = strings;
  return chance ? [[card.byChance, card.chance(f.decimal(chance.mean), f.decimal(chance.high))]] : [];
}

// Where a risk of macular oedema is referred, and what that reached.
export function edemaLine({ referable: { threshold, sensitivity, specificity, fixed_on: photos } }) {
  const { decimal } = strings.f;
  return [strings.card.point(decimal(threshold), decimal(sensitivity), decimal(specificity)), ` ${strings.card.on} `, written(photos)];
}

// Of how many photographs each source was, and its terms, once where several have
// the same; nothing where there is none.
function sources(from = []) {
  const { data } = strings.card;
  const byTerms = new Map();
  for (const { name, photos, terms } of from) byTerms.set(terms, [...(byTerms.get(terms) ?? []), data(name, strings.f.count(photos))]);
  return from.length > 0 && list([...byTerms].map(([terms, named]) => [`${named.join("; ")}: `, written(terms)]));
}

function facts(rows) {
  return el("dl", { class: "card__facts" }, ...rows.filter(([, fact]) => fact).map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, ...[fact].flat()))));
}

function list(lines) {
  return el("ul", {}, ...lines.map((line) => el("li", {}, ...line)));
}
