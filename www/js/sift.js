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

// The same of patients: first what is first of theirs, the worst by the decision.
const byName = (a, b) => byText.compare(a.name, b.name);
const ids = ({ items }) => items.map(({ id }) => id);

export const PATIENT_ORDERS = {
  added: (a, b) => Math.min(...ids(a)) - Math.min(...ids(b)),
  newest: (a, b) => Math.max(...ids(b)) - Math.max(...ids(a)),
  grade: (a, b) => patientUrgency(b) - patientUrgency(a) || PATIENT_ORDERS.added(a, b),
  name: (a, b) => byName(a, b) || PATIENT_ORDERS.added(a, b),
  patient: (a, b) => byName(a, b) || PATIENT_ORDERS.added(a, b),
};

function patientUrgency({ items, summary }) {
  const worst = Math.max(...items.map(({ assessment }) => assessment?.grade ?? -1));
  return ({ refer: 100, again: 60, "no-referral": 0 }[summary?.decision] ?? -10) + worst;
}

// Only an order of reading: those to refer first, the worst of them before the
// others; then what was not seen at all, then the rest.
function urgency({ assessment, status }) {
  if (assessment?.referable) return 100 + (assessment.grade ?? 0);
  if (assessment?.unsure) return 80;
  if (KINDS.error({ status })) return 60;
  return assessment?.grade ?? -1;
}
