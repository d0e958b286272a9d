// The operating point: where the line between refer and not lies. Which points
// there are, what they reached, and what is decided at each, is the library's to
// say; here is the choice, and the results it changes without grading again.

import { gradedBy } from "./assessment.js";
import { chosen, remember } from "./choices.js";
import { byId, el, write } from "./dom.js";
import { strings } from "./strings.js";

const KEPT = "fovea-operating-point";

export class OperatingPoints {
  #engine;
  #queue;
  #changed;
  #announce;
  #known = null; // what the radio buttons show
  #deciding = Promise.resolve();
  #again = false;

  // `changed(items)` hears of results decided anew.
  constructor({ engine, queue, changed, announce }) {
    this.#engine = engine;
    this.#queue = queue;
    this.#changed = changed;
    this.#announce = announce;
    engine.point = chosen(KEPT);
    engine.addEventListener("change", () => this.#engineChanged());
    // The choice may have changed while a photograph was under way.
    for (const event of ["added", "changed"]) queue.addEventListener(event, ({ item }) => this.#stale(item) && this.#decide());
  }

  // Once every result on the page is decided at the point chosen: what is saved
  // or printed must not be a moment old.
  settled() {
    return this.#deciding;
  }

  // What is in use: the one wished for where the model offers it, else its first.
  get #inUse() {
    const { points } = this.#engine.state;
    return points.find(({ name }) => name === this.#engine.point) ?? points[0] ?? null;
  }

  show() {
    const { points } = this.#engine.state;
    const inUse = this.#inUse;
    const words = strings.points;
    write(byId("points-in-use"), inUse ? words.at(words.name[inUse.name]) : words.heading);
    write(byId("points-figures"), inUse ? words.figures(strings.f.rate(inUse.referable.sensitivity), strings.f.rate(inUse.referable.specificity)) : "");
    byId("points").dataset.point = inUse?.name ?? "";
    if (!inUse) return;
    if (this.#known !== points || byId("points-list").lang !== strings.language) {
      byId("points-list").replaceChildren(...points.map((point) => this.#choice(point)));
      byId("points-list").lang = strings.language;
      this.#known = points;
    }
    for (const radio of byId("points-list").querySelectorAll("input")) radio.checked = radio.value === inUse.name;
    byId("points-only").hidden = points.length > 1;
    byId("points-measured").replaceChildren(`${words.measured} `, el("span", { lang: "en", dir: "ltr" }, inUse.referable.fixed_on));
  }

  #choice(point) {
    const { name } = point;
    const words = strings.points;
    const radio = el("input", { type: "radio", name: "operating-point", value: name, id: `point-${name}`, "aria-describedby": `point-${name}-says` });
    radio.addEventListener("change", () => this.#choose(name));
    return el(
      "div",
      { class: "points__one" },
      el("label", { for: `point-${name}` }, radio, el("strong", {}, words.name[name])),
      el("div", { id: `point-${name}-says`, class: "points__says" }, el("p", {}, words.meant[name]), ...lines(point).map((line) => el("p", {}, line))),
    );
  }

  #choose(name) {
    this.#engine.point = name;
    remember(KEPT, name);
    this.show();
    this.#decide(true);
  }

  #engineChanged() {
    if (this.#known !== this.#engine.state.points) this.show();
    if (this.#queue.items.some((item) => this.#stale(item))) this.#decide();
  }

  // Decided elsewhere than it would be now. What another model graded stays, and
  // what this one graded before its settings were fixed anew.
  #stale({ status, assessment, dropped }) {
    const { state } = this.#engine;
    const inUse = this.#inUse;
    return status === "graded" && !dropped && inUse && state.model === "ready" && gradedBy(state, assessment) && assessment.operatingPoint !== inUse.name;
  }

  // One after the other; changes that come meanwhile are gathered into the next.
  #decide(tell = false) {
    if (this.#again && !tell) return;
    this.#again = true;
    this.#deciding = this.#deciding.then(async () => {
      this.#again = false;
      const items = this.#queue.items.filter((item) => this.#stale(item));
      const asked = items.map(({ assessment }) => assessment);
      try {
        const decisions = items.length ? await this.#engine.decide(asked.map(({ status, model, settings, probabilities, agreement, edemaProbabilities }) => ({ status, model, settings, probabilities, agreement, edemaProbabilities }))) : [];
        const changed = items.filter((item, at) => {
          if (!decisions[at] || item.assessment !== asked[at]) return false;
          item.assessment = { ...asked[at], ...decisions[at], codes: { ...asked[at].codes, ...decisions[at].codes } };
          return true;
        });
        if (changed.length) this.#changed(changed);
        if (tell) this.#announce(this.#told(changed.length));
      } catch {
        // The worker went away under it; the next one is asked once it is ready.
      }
    });
  }

  #told(count) {
    const words = strings.points;
    const refer = this.#queue.items.filter(({ assessment }) => assessment?.referable).length;
    return [words.chosen(words.name[this.#inUse?.name]), count > 0 && words.decided(count, refer)].filter(Boolean).join(" ");
  }
}

// What its lines reached, a sentence a line.
function lines({ referable, sightThreatening }) {
  const words = strings.points;
  const { rate } = strings.f;
  return [words.referable(rate(referable.sensitivity), rate(referable.specificity)), sightThreatening && words.sightThreatening(rate(sightThreatening.sensitivity), rate(sightThreatening.specificity))].filter(Boolean);
}

// The same with the thresholds and the photographs they were fixed on, for cards
// and reports.
export function reached({ referable, sightThreatening }) {
  const words = strings.points;
  const { decimal } = strings.f;
  const line = (title, one) => one && `${title}: ${strings.card.point(decimal(one.threshold), decimal(one.sensitivity), decimal(one.specificity))}`;
  return [[line(words.lineReferable, referable), line(words.lineSightThreatening, sightThreatening)].filter(Boolean).join("; "), ` ${strings.card.on} `, el("span", { lang: "en", dir: "ltr" }, referable.fixed_on)];
}
