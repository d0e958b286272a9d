// The study's page: reads study/study.json, which `fovea study` wrote, and shows
// it. Every number and every sentence about one comes from that file; what is
// done here is drawing, and reading shares off straight lines between them.

import { byId, el, write } from "./dom.js";

const FORMAT = 1;
const SVG = "http://www.w3.org/2000/svg";

// The figures that `study.json` carries, as its `collect` names them: the
// talk's three first, which are the ones drawn.
const FIGURES = [
  { name: "accuracy", title: "Accuracy", higher: true, shown: percent },
  { name: "kappa_quadratic", title: "Kappa, quadratic", higher: true, shown: three },
  { name: "cross_entropy", title: "Cross-entropy", higher: false, shown: three },
  { name: "cross_entropy_before", title: "Cross-entropy before temperature scaling", higher: false, shown: three },
  { name: "macro_recall", title: "Recall, macro", higher: true, shown: percent },
  { name: "macro_specificity", title: "Specificity, macro", higher: true, shown: percent },
  { name: "auc_macro", title: "AUC, each grade against the rest, macro", higher: true, shown: three },
];
const DRAWN = FIGURES.slice(0, 3);
const ANSWERS = { yes: "Yes", no: "No", undecided: "Not shown", unknown: "Not known yet" };

start();

async function start() {
  let study;
  try {
    study = await read("study");
  } catch (error) {
    return tell("error", `The results could not be read (${error.message}). Reload the page; if that does not help, they are damaged.`);
  }
  if (!study) {
    return tell("none", "No results have been published with this page yet. `fovea study` makes them; put its study.json beside this page, in the folder “study”, and this page shows it.");
  }
  showClaims(study);
  DRAWN.forEach((figure) => byId("curves").append(panel(study, figure)));
  showNeed(study);
  byId("table").replaceChildren(table(study));
  showNotes(study);
  byId("study").hidden = false;
  await showRetinaMnist();
  const missing = study.missing.length;
  tell("ready", missing ? `Not finished: ${missing} ${missing === 1 ? "run has" : "runs have"} no result yet (${study.missing.join(", ")}).` : "");
}

// Null where no results were published.
async function read(name) {
  const response = await fetch(`study/${name}.json`, { cache: "no-cache" });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const study = await response.json();
  if (study.format !== FORMAT) throw new Error(`they are of format ${study.format}, this page reads ${FORMAT}`);
  return study;
}

function tell(state, sentence) {
  write(byId("state"), sentence);
  document.documentElement.dataset.study = state;
}

function percent(value) {
  return `${(value * 100).toFixed(1)} %`;
}

function three(value) {
  return value.toFixed(3);
}

// The arms of a start, from the smallest share up, where the figure is defined.
function curve(study, start, name) {
  return study.arms
    .filter((arm) => arm.start === start && arm.figures[name]?.mean != null)
    .sort((a, b) => a.percent - b.percent)
    .map(({ percent: share, photos, figures: { [name]: figure } }) => ({
      share,
      photos,
      mean: figure.mean,
      low: figure.interval?.low ?? figure.mean,
      high: figure.interval?.high ?? figure.mean,
      seeds: figure.by_seed.length > 1 ? figure.by_seed.filter((value) => value != null) : [],
    }));
}

// Claims -------------------------------------------------------------------

function showClaims(study) {
  byId("claims").replaceChildren(
    ...study.claims.map(({ question, answer, by_figure }) =>
      el(
        "article",
        { class: "claim", "data-answer": answer },
        el("h3", {}, question),
        el("p", { class: "claim__answer" }, ANSWERS[answer] ?? answer),
        el("ul", {}, ...by_figure.map(({ words }) => el("li", {}, words))),
      ),
    ),
  );
}

// The same question on MedMNIST's pictures. Its absence takes nothing from the rest.
async function showRetinaMnist() {
  const study = await read("retinamnist").catch(() => null);
  if (!study) return;
  byId("retinamnist-table").replaceChildren(table(study));
  byId("retinamnist-answers").replaceChildren(...study.claims.flatMap(({ by_figure }) => by_figure.map(({ words }) => el("li", {}, words))));
  write(byId("retinamnist-measured"), measured(study));
  byId("retinamnist").hidden = false;
}

// Curves -------------------------------------------------------------------

const WIDTH = 320;
const HEIGHT = 260;
const BOX = { left: 46, right: 10, top: 10, bottom: 38 };

function panel(study, figure) {
  const tl = curve(study, "tl", figure.name);
  const ref = curve(study, "ref", figure.name);
  const values = [...tl, ...ref].flatMap(({ low, high, seeds }) => [low, high, ...seeds]).concat(study.talk.map((row) => row[figure.name]));
  const room = Math.max(0.02, Math.max(...values) - Math.min(...values)) * 0.06;
  const [lowest, highest] = [Math.min(...values) - room, Math.max(...values) + room];
  const x = (share) => BOX.left + (share / 105) * (WIDTH - BOX.left - BOX.right);
  const y = (value) => HEIGHT - BOX.bottom - ((value - lowest) / (highest - lowest)) * (HEIGHT - BOX.top - BOX.bottom);
  const at = ({ share }, value) => `${x(share).toFixed(1)} ${y(value).toFixed(1)}`;
  const line = (points, value) => points.map((point) => at(point, value(point))).join("L");

  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": described(figure, tl, ref) });
  for (const value of ticks(lowest, highest)) {
    drawing.append(svg("path", { class: "rule", d: `M${BOX.left} ${y(value)}H${WIDTH - BOX.right}` }), label(BOX.left - 6, y(value) + 4, "end", trimmed(value)));
  }
  drawing.append(svg("path", { class: "axis", d: `M${BOX.left} ${HEIGHT - BOX.bottom}H${WIDTH - BOX.right}` }));
  for (const share of [20, 40, 60, 80, 100]) drawing.append(label(x(share), HEIGHT - BOX.bottom + 16, "middle", String(share)));
  drawing.append(label((WIDTH + BOX.left) / 2, HEIGHT - 6, "middle", "% of the training photos"));

  if (ref.length > 1) {
    drawing.append(svg("path", { class: "band", d: `M${line(ref, ({ low }) => low)}L${line([...ref].reverse(), ({ high }) => high)}Z` }));
  }
  for (const [kind, points] of [["ref", ref], ["tl", tl]]) {
    if (points.length > 1) drawing.append(svg("path", { class: `curve curve--${kind}`, d: `M${line(points, ({ mean }) => mean)}` }));
    for (const point of points) {
      for (const seed of point.seeds) drawing.append(svg("path", { class: `seed seed--${kind}`, d: `M${x(point.share) - 6} ${y(seed)}h12` }));
      drawing.append(svg("circle", { class: `dot--${kind}`, cx: x(point.share), cy: y(point.mean), r: 3.5 }));
    }
  }
  for (const point of tl) drawing.append(svg("path", { class: "whisker", d: `M${at(point, point.low)}L${at(point, point.high)}` }));
  for (const row of study.talk) {
    const [cx, cy] = [x(row.percent), y(row[figure.name])];
    drawing.append(row.transfer ? svg("circle", { class: "talk", cx, cy, r: 5 }) : svg("rect", { class: "talk", x: cx - 5, y: cy - 5, width: 10, height: 10 }));
  }
  drawing.append(svg("path", { class: "wanted", "data-wanted": figure.name, "data-from": lowest, "data-to": highest }));
  return el("figure", {}, el("figcaption", {}, `${figure.title} (${figure.higher ? "higher" : "lower"} is better)`), drawing);
}

function described({ title, shown }, tl, ref) {
  const list = (points) => points.map(({ share, mean }) => `${share} %: ${shown(mean)}`).join(", ") || "no run yet";
  return `${title} against the share of the training photos. TL: ${list(tl)}. Ref: ${list(ref)}. The table below holds the same numbers with their intervals.`;
}

// Round values inside a range, four to eight of them.
function ticks(from, to) {
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2].find((size) => (to - from) / size <= 8) ?? (to - from) / 5;
  const found = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) found.push(n * step);
  return found;
}

function trimmed(value) {
  return String(Number(value.toFixed(2)));
}

function label(x, y, anchor, text) {
  const element = svg("text", { x, y, "text-anchor": anchor });
  element.append(text);
  return element;
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// How many photos? ---------------------------------------------------------

function showNeed(study) {
  const select = byId("need-figure");
  select.replaceChildren(...DRAWN.map(({ name, title }) => el("option", { value: name }, title)));
  const slider = byId("need-value");
  const update = () => answerNeed(study, DRAWN.find(({ name }) => name === select.value), Number(slider.value) / 100);
  select.addEventListener("change", update);
  slider.addEventListener("input", update);
  update();
  byId("break-even").replaceChildren(...study.break_even.map(({ words }) => el("li", {}, words)));
  write(byId("collecting"), study.collecting_source);
}

// `wish` runs from the worst value of either curve (0) to the best (1).
function answerNeed(study, figure, wish) {
  const tl = curve(study, "tl", figure.name);
  const ref = curve(study, "ref", figure.name);
  const means = [...tl, ...ref].map(({ mean }) => mean);
  if (!means.length) return;
  const [lowest, highest] = [Math.min(...means), Math.max(...means)];
  const target = figure.higher ? lowest + wish * (highest - lowest) : highest - wish * (highest - lowest);
  const text = figure.shown(target);
  write(byId("need-target"), `${figure.higher ? "at least" : "at most"} ${text}`);
  byId("need-value").setAttribute("aria-valuetext", `${figure.title} ${figure.higher ? "at least" : "at most"} ${text}`);
  write(byId("need-answer"), `${sentence("From ImageNet (TL)", needed(tl, target, figure))} ${sentence("From random weights (Ref)", needed(ref, target, figure))}`);
  mark(figure, target);
}

// The fewest photos with which a curve reaches the target.
function needed(points, target, { higher }) {
  const over = points.map(({ mean }) => (higher ? mean - target : target - mean));
  const first = over.findIndex((value) => value >= -1e-12);
  if (!points.length) return { kind: "unknown" };
  if (first < 0) return { kind: "never", photos: points.at(-1).photos };
  if (first === 0) return { kind: "at-most", photos: points[0].photos, share: points[0].share };
  const part = -over[first - 1] / (over[first] - over[first - 1]);
  const [a, b] = [points[first - 1], points[first]];
  return { kind: "about", photos: a.photos + part * (b.photos - a.photos), share: a.share + part * (b.share - a.share) };
}

function sentence(from, { kind, photos, share }) {
  const count = Math.round(photos).toLocaleString("en");
  if (kind === "unknown") return `${from}: no run yet.`;
  if (kind === "never") return `${from}: more than the ${count} photos there are.`;
  return `${from}: ${kind === "at-most" ? "at most" : "about"} ${count} photos (${Math.round(share)} %).`;
}

// A dotted line at the target in its own panel, none in the others.
function mark({ name }, target) {
  for (const path of document.querySelectorAll("[data-wanted]")) {
    const { wanted, from, to } = path.dataset;
    const y = HEIGHT - BOX.bottom - ((target - from) / (to - from)) * (HEIGHT - BOX.top - BOX.bottom);
    path.setAttribute("d", wanted === name ? `M${BOX.left} ${y.toFixed(1)}H${WIDTH - BOX.right}` : "");
  }
}

// The table ----------------------------------------------------------------

function table(study) {
  const heading = (text) => el("th", { scope: "col" }, text);
  const head = el("tr", {}, heading("Run"), heading("Photos"), heading("Seeds"), ...FIGURES.map(({ title }) => heading(title)), heading("Accuracy against"), heading("The talk, or its authors"));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...study.arms.map((arm) => row(study, arm))));
}

function row(study, arm) {
  const figures = FIGURES.map(({ name, shown }) => {
    const { mean, interval, by_seed: seeds } = arm.figures[name] ?? {};
    if (mean == null) return el("td", {}, "–");
    const each = seeds.length > 1 ? el("small", {}, seeds.map((value) => (value == null ? "–" : shown(value))).join(", ")) : null;
    return el("td", {}, shown(mean), interval && el("small", {}, `${shown(interval.low)} to ${shown(interval.high)}`), each);
  });
  return el(
    "tr",
    { "data-arm": arm.arm },
    el("th", { scope: "row" }, arm.title),
    el("td", {}, Math.round(arm.photos).toLocaleString("en")),
    el("td", {}, String(arm.seeds.length)),
    ...figures,
    el("td", {}, ...against(study, arm)),
    el("td", {}, elsewhere(study, arm)),
  );
}

// TL against Ref on the same share, a preset against TL on all.
function against(study, arm) {
  const other = { tl: arm.arm.replace(/^tl/, "ref"), ref: null }[arm.start] ?? (arm.start ? null : "tl-100");
  const found = study.differences.find(({ a, b, figure }) => a === other && b === arm.arm && figure === "accuracy");
  if (found?.difference == null) return ["–"];
  const points = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value * 100).toFixed(1)}`;
  const { difference, interval, p } = found;
  return [`${points(difference)} points`, interval && el("small", {}, `${points(interval.low)} to ${points(interval.high)}, p ${three(p)}`)].filter(Boolean);
}

function elsewhere(study, arm) {
  if (arm.start && !Object.keys(arm.published).length) {
    const said = study.talk.find(({ transfer, percent: share }) => share === arm.percent && transfer === (arm.start === "tl"));
    return said ? [said.accuracy, said.kappa_quadratic, said.cross_entropy].map((value) => value.toFixed(2)).join(", ") : "–";
  }
  const published = FIGURES.filter(({ name }) => name in arm.published).map(({ name, title, shown }) => `${title} ${shown(arm.published[name])}`);
  return published.join(", ") || "–";
}

function showNotes(study) {
  write(byId("measured"), measured(study));
  write(byId("talk"), study.talk_source);
}

function measured({ test_photos: photos, test_groups: groups, datasets, size, epochs, bootstrap, version }) {
  return (
    `Measured by Fovea ${version} on ${photos.toLocaleString("en")} photos of ${datasets.join(", ")} kept aside, ${size} px, ${epochs} epochs. ` +
      `A figure is the mean over seeds, after temperature scaling but where the heading says before. The small print is its 95 % interval from ${bootstrap.samples.toLocaleString("en")} resamplings of ${groups.toLocaleString("en")} groups of test photos: it holds the chance in the photos, not that in the seeds. Where there are several, each seed’s own value stands below it and as a short line in the curves.`
  );
}
