// How long a queue still takes, from how long its photographs took of late.

const REMEMBERED = 12;
const ENOUGH = 2; // the first photograph warms up; it alone says little

export class Pace {
  #took = [];
  #began = 0;

  begin(now = performance.now()) {
    this.#began = now;
  }

  end(now = performance.now()) {
    if (!this.#began) return;
    this.#took.push(now - this.#began);
    if (this.#took.length > REMEMBERED) this.#took.shift();
    this.#began = 0;
  }

  // A pause is no part of the time a photograph takes.
  rest() {
    this.#began = 0;
  }

  // Milliseconds for `count` more; null while too little is known.
  left(count) {
    if (this.#took.length < ENOUGH) return null;
    const usual = [...this.#took].sort((a, b) => a - b)[this.#took.length >> 1];
    return usual * count;
  }
}
