// What fingers, mouse, wheel and keys do to a pane of the viewer.

import { latinKey } from "./keys.js";

const DOUBLE = 2; // times, by a double click

// `viewer` is told in its own units; an arrow key moves by `stride` of the pane.
export function listen(pane, viewer, stride) {
  const held = new Map(); // pointers that are down, by their id
  const inPane = ({ clientX, clientY }) => {
    const { left, top } = pane.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const placeOf = ({ x, y }) => viewer.placeAt(pane, x, y);

  pane.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    held.set(event.pointerId, inPane(event));
    pane.setPointerCapture(event.pointerId);
    if (held.size === 1) viewer.pointAt(placeOf(inPane(event)));
  });

  pane.addEventListener("pointermove", (event) => {
    const now = inPane(event);
    const before = held.get(event.pointerId);
    if (!before) return viewer.pointAt(placeOf(now));
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, now);
    if (other) return pinch(before, now, other);
    if (viewer.loupeOn) return viewer.pointAt(placeOf(now));
    const side = Math.min(pane.clientWidth, pane.clientHeight);
    viewer.moveBy((before.x - now.x) / side, (before.y - now.y) / side);
  });

  // Two fingers: what lies between them stays between them.
  function pinch(before, now, other) {
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    if (apart(before) > 0) viewer.zoomBy(apart(now) / apart(before), placeOf(middle));
  }

  for (const ending of ["pointerup", "pointercancel"]) pane.addEventListener(ending, ({ pointerId }) => held.delete(pointerId));

  // Where nothing is left to zoom, the wheel is the page's again.
  pane.addEventListener(
    "wheel",
    (event) => {
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const speed = event.ctrlKey ? 0.01 : 0.002; // a pinch on a touch pad comes in small steps
      if (viewer.zoomBy(Math.exp(-event.deltaY * lines * speed), placeOf(inPane(event))) || event.ctrlKey) event.preventDefault();
    },
    { passive: false },
  );

  pane.addEventListener("dblclick", (event) => viewer.zoomBy(DOUBLE, placeOf(inPane(event))));

  const keys = {
    "+": () => viewer.zoomIn(),
    "=": () => viewer.zoomIn(),
    "-": () => viewer.zoomOut(),
    0: () => viewer.fit(),
    l: () => viewer.toggleLoupe(),
    ArrowLeft: () => viewer.moveBy(-stride, 0),
    ArrowRight: () => viewer.moveBy(stride, 0),
    ArrowUp: () => viewer.moveBy(0, -stride),
    ArrowDown: () => viewer.moveBy(0, stride),
  };
  pane.addEventListener("keydown", (event) => {
    const does = keys[latinKey(event)];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does();
  });
}
