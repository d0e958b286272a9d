// What one is asked for when something is slow or wrong: what runs, where, how
// fast, and whether the grader gives the same answer twice. Plain text, copied
// only by the visitor's own hand; it names no photograph.

import { offlineState } from "./footer.js";
import { explain, strings } from "./strings.js";

const SELF_TEST = { grade: 2, seed: 7 };

export class Diagnostics {
  #engine;
  #queue;
  #offline;
  #selfTest = null; // { passed, ms, why }
  #bound = null; // whether the browser, too, keeps the worker from other hosts

  constructor({ engine, queue, offline }) {
    this.#engine = engine;
    this.#queue = queue;
    this.#offline = offline;
  }

  text() {
    const words = strings.diagnostics;
    const { state } = this.#engine;
    const heap = performance.memory?.usedJSHeapSize;
    const graded = this.#queue.items.map(({ assessment }) => assessment?.milliseconds).filter((times) => times?.network > 0);
    const rows = [
      [words.version, document.documentElement.dataset.version],
      [words.library, state.library],
      [words.model, state.bundle && `${state.bundle}${state.own ? ` (${strings.own.short})` : ""}`],
      [words.backend, state.backend],
      [words.adapter, state.gpu ?? (state.setAside && `${words.none} (${[state.setAside.reason, typeof state.setAside.detail === "string" && state.setAside.detail].filter(Boolean).join(": ")})`)],
      [words.threads, words.threadsNow(state.hands, state.kind === "cpu" ? state.mostHands : 1)],
      [words.cores, navigator.hardwareConcurrency],
      [words.isolated, window.crossOriginIsolated ? words.yes : words.no],
      [words.memory, heap && strings.f.MB(heap)],
      [words.offline, offlineState(this.#offline, state)],
      [words.language, `${strings.language}, ${strings.f.locale}`],
      [words.screen, `${innerWidth} × ${innerHeight} @ ${devicePixelRatio}`],
      [words.browser, navigator.userAgent],
      [words.timings, graded.length ? words.timing(graded.length, medians(graded)) : words.none],
      [words.bound, this.#bound === null ? words.notYet : this.#bound ? words.yes : words.no],
      [words.selfTest, this.#said()],
    ];
    return rows.map(([name, value]) => `${name}: ${value ?? words.none}`).join("\n");
  }

  // Grades a drawn photograph twice, and asks whether the policy holds.
  async selfTest() {
    const began = performance.now();
    try {
      await this.#engine.ready({ orFail: true });
      this.#bound = await this.#engine.bound();
      const answers = [];
      for (let n = 0; n < 2; n++) {
        const drawing = await this.#engine.draw(SELF_TEST.grade, SELF_TEST.seed);
        const { probabilities, error } = await this.#engine.grade(drawing);
        if (error) throw error;
        answers.push(JSON.stringify(probabilities));
      }
      this.#selfTest = { passed: answers[0] === answers[1], ms: performance.now() - began, why: null };
    } catch (error) {
      this.#selfTest = { passed: false, why: error };
    }
    return this.#said();
  }

  #said() {
    const words = strings.diagnostics;
    const test = this.#selfTest;
    if (!test) return words.notYet;
    if (test.passed) return words.passed(test.ms);
    return words.failed(test.why ? explain(test.why) : words.differs);
  }
}

function medians(times) {
  const middle = (key) => times.map((one) => one[key] ?? 0).sort((a, b) => a - b)[times.length >> 1];
  return Object.fromEntries(["total", "decode", "prepare", "network", "looks"].map((key) => [key, middle(key)]));
}
