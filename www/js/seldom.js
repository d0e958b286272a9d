// Work over the whole queue that every photograph asks for: done at once, and of
// what asks again within a frame, once more at its end. With a queue of thousands
// the cost of a photograph would grow with it.

const FRAME = 16; // milliseconds

export function seldom(work) {
  let resting = false;
  let wanted = false;
  return function ask() {
    wanted = resting;
    if (resting) return;
    work();
    resting = true;
    setTimeout(() => {
      resting = false;
      if (wanted) ask();
    }, FRAME);
  };
}
