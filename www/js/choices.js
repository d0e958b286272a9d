// What the visitor chose, kept for the next visit. Where storage is blocked, it holds
// for this one.

import { here } from "./place.js";

const CHOICES = ["fovea-language", "fovea-operating-point", "fovea-keys"];

export function chosen(name) {
  try {
    const own = localStorage.getItem(here(name));
    if (own !== null) return own;
    // Chosen before there were folders in these names: each page takes its copy.
    const shared = localStorage.getItem(name);
    if (shared !== null) remember(name, shared);
    return shared;
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(here(name), value);
  } catch {
    // It holds for this visit.
  }
}

export function forgetChoices() {
  for (const name of CHOICES) [name, here(name)].forEach((key) => localStorage.removeItem(key));
}
