// The words of the page in the visitor's language. One file a language; English
// is the only one so far, so there is nothing to choose between yet.

import en from "./strings/en.js";

export const strings = en;

// The sentence for an error: the library's own words where it spoke, ours
// otherwise.
export function explain(error) {
  const known = strings.fault[error?.code];
  if (typeof known === "function") return known(error.detail);
  if (known) return known;
  return error?.message || strings.fault.unknown;
}
