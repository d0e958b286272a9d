// The files of a folder that this page does not read, in a sentence or two: how
// many, of which kinds, and what to do where there are pictures among them.

import { strings } from "./strings.js";

const NAMED = 3; // kinds; of more, the commonest
const PHONES = ["HEIC", "HEIF"];
const PICTURES = ["AVIF", "GIF", "PDF", "JP2", "J2K", "JXL", "DNG", "CR2", "CR3", "NEF", "ARW", "RAF", "ORF", "RW2", "PSD", "E2E", "FDA", "FDS"];

// "" where nothing was left out.
export function leftOutSentence(names) {
  if (!names.length) return "";
  const counts = new Map();
  for (const kind of names.map(kindOf).filter(Boolean)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const common = [...counts].sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1)).slice(0, NAMED);
  // Among letters that run the other way each kind keeps its number beside it.
  const apart = (text) => (strings.direction === "rtl" ? `\u2066${text}\u2069` : text);
  const kinds = common.map(([kind, n]) => apart(`${kind} (${strings.f.count(n)})`));
  const holds = (some) => some.some((kind) => counts.has(kind));
  const advice = holds(PHONES) ? strings.leftOutPhone : holds(PICTURES) ? strings.leftOutPictures : "";
  return [strings.leftOut(names.length, kinds.length ? strings.f.list(kinds) : ""), advice].filter(Boolean).join(" ");
}

const kindOf = (name) => /\.([a-z0-9]{2,5})$/i.exec(name)?.[1].toUpperCase();
