// Single keys for those who grade all day. They can be switched off, and do
// nothing while something is being typed or a dialogue is open.

import { chosen, remember } from "./choices.js";
import { byId, el } from "./dom.js";
import { strings } from "./strings.js";

const SWITCH = "fovea-keys";

// `does` maps the names below to functions; those for the photograph in focus
// are handed its card's element.
export const KEYS = [
  ["j", "next"],
  ["k", "previous"],
  ["o", "choose"],
  ["p", "pause"],
  ["r", "right"],
  ["l", "left"],
  ["t", "again"],
  ["f", "filter"],
  ["v", "view"],
  ["s", "csv"],
  ["d", "print"],
  ["?", "help"],
];

export class Keys {
  constructor(does) {
    const byKey = new Map(KEYS.map(([key, name]) => [key, does[name]]));
    const off = byId("keys-on");
    off.checked = chosen(SWITCH) !== "off";
    off.addEventListener("change", () => remember(SWITCH, off.checked ? "on" : "off"));
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
      if (!off.checked || document.querySelector("dialog[open]") || isTyping(event.target)) return;
      const act = byKey.get(latinKey(event));
      if (!act) return;
      event.preventDefault();
      act(document.activeElement?.closest("article"));
    });
  }

  // Writes the list of keys, in the language of the moment.
  show() {
    byId("keys-list").replaceChildren(...KEYS.map(([key, name]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, strings.keys[name]))));
  }
}

// A key by its name on a Latin keyboard: where other letters are set, such as Arabic
// ones, a letter or digit is known by its place.
export function latinKey({ key, code }) {
  if (key === "؟") return "?";
  const place = /^(?:Key|Digit)(\w)$/.exec(code)?.[1];
  if (place && !/^[ -~]/.test(key)) return place.toLowerCase();
  return key.length === 1 ? key.toLowerCase() : key;
}

function isTyping(target) {
  return target.closest("select, textarea, [contenteditable]") !== null || (target.matches("input") && !["file", "checkbox", "radio", "button"].includes(target.type));
}
