// How long a queue still takes, from how long its photographs took of late.

const REMEMBERED = 12;
const ENOUGH = 2; // the first photograph warms up; it alone says little

export class Pace {
  #took = [];
  #pauses = 0;

  // Answers what is called when the photograph has ended.
  begin(now = performance.now()) {
    const pauses = this.#pauses;
    return (then = performance.now()) => {
      // A pause is no part of the time a photograph takes.
      if (pauses !== this.#pauses) return;
      this.#took.push(then - now);
      if (this.#took.length > REMEMBERED) this.#took.shift();
    };
  }

  rest() {
    this.#pauses += 1;
  }

  // Milliseconds for `count` more, `hands` at once; null while too little is known.
  left(count, hands = 1) {
    if (this.#took.length < ENOUGH) return null;
    const usual = [...this.#took].sort((a, b) => a - b)[this.#took.length >> 1];
    return (usual * count) / hands;
  }
}
