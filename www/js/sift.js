// Which photographs are shown, and in which order.

import { isDone } from "./queue.js";

export const KINDS = {
  all: () => true,
  refer: ({ assessment }) => assessment?.referable === true,
  unsure: ({ assessment }) => assessment?.unsure === true,
  ungradable: ({ status }) => status === "ungradable",
  error: ({ status }) => ["error", "not-fundus", "cancelled"].includes(status),
  waiting: (item) => !isDone(item),
};

const byText = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export const ORDERS = {
  added: (a, b) => a.id - b.id,
  newest: (a, b) => b.id - a.id,
  grade: (a, b) => urgency(b) - urgency(a) || a.id - b.id,
  name: (a, b) => byText.compare(a.name, b.name) || a.id - b.id,
  patient: (a, b) => byText.compare(a.patient ?? "", b.patient ?? "") || byText.compare(b.side ?? "", a.side ?? "") || a.id - b.id,
};

// Only an order of reading: those to refer first, the worst of them before the
// others; then what was not seen at all, then the rest.
function urgency({ assessment, status }) {
  if (assessment?.referable) return 100 + (assessment.grade ?? 0);
  if (assessment?.unsure) return 80;
  if (KINDS.error({ status })) return 60;
  return assessment?.grade ?? -1;
}
