// Results as files, made on this device: a row for every photograph, whatever
// became of it. The JSON has the fields of `fovea grade --format json`, and the
// CSV the same as columns. Both are in English, as the command's are, whatever
// language the page speaks: a file is read by others, and by programs.

import { reasonInEnglish } from "./assessment.js";

const COLUMNS = ["file", "drawn", "status", "grade", "grade_name", "operating_point", "referable", "sight_threatening", "p0", "p1", "p2", "p3", "p4", "unsure", "reason", "patient", "eye", "patient_decision", "follow_up", "guideline", "bundle", "model_sha256", "own_model", "backend", "preprocessing", "milliseconds", "graded_at", "doubt_chance", "between", "looks_agreeing", "edema", "edema_referable", "edema_p0", "edema_p1", "edema_p2", "settings_sha256"];

// `patientOf(item)` is what is known of a photograph's patient: { summary }, if anything.
export function toJson(items, patientOf) {
  const results = items.map((item) => {
    const a = item.assessment;
    const failed = a?.error ?? (item.fault && { code: item.fault.code, message: reasonInEnglish(item) });
    return {
      file: fileOf(item),
      drawn: Boolean(item.drawn),
      status: item.status,
      grade: a?.grade ?? null,
      gradeName: a?.gradeName ?? null,
      probabilities: a?.probabilities ? [...a.probabilities] : null,
      operatingPoint: a?.operatingPoint ?? null,
      referable: a?.referable ?? null,
      sightThreatening: a?.sightThreatening ?? null,
      referral: a?.referral ?? null,
      threat: a?.threat ?? null,
      unsure: a?.unsure ?? null,
      doubt: a?.doubt ?? null,
      patient: item.patient || null,
      eye: item.side,
      patientDecision: patientOf(item)?.summary?.decision ?? null,
      followUp: a?.followUp?.sentence ?? null,
      guideline: a?.followUp?.guideline ?? null,
      bundle: a?.bundle ?? null,
      model: a?.model ?? null,
      ownModel: item.own,
      backend: a?.backend ?? null,
      preprocessing: a?.preprocessing ?? null,
      milliseconds: a?.milliseconds ?? null,
      gradedAt: moment(item),
      error: failed?.message ?? null,
      errorCode: failed?.code ?? null,
      doubtChance: a?.doubtChance ?? null,
      between: a?.between ?? null,
      agreement: a?.agreement ?? null,
      edema: a?.edema ?? null,
      edemaProbabilities: a?.edemaProbabilities ? [...a.edemaProbabilities] : null,
      edemaReferable: a?.edemaReferable ?? null,
      settings: a?.settings ?? null,
    };
  });
  return `${JSON.stringify(results, null, 2)}\n`;
}

export function toCsv(items, patientOf) {
  const rows = items.map((item) => {
    const a = item.assessment;
    return [
      fileOf(item),
      Boolean(item.drawn),
      item.status,
      a?.grade,
      a?.gradeName,
      a?.operatingPoint,
      a?.referable,
      a?.sightThreatening,
      ...Array.from({ length: 5 }, (_, grade) => a?.probabilities?.[grade]),
      a?.unsure,
      reasonInEnglish(item),
      item.patient,
      item.side,
      patientOf(item)?.summary?.decision,
      a?.followUp?.sentence,
      a?.followUp?.guideline,
      a?.bundle,
      a?.model,
      item.own,
      a?.backend,
      a?.preprocessing,
      a?.milliseconds?.total,
      moment(item),
      a?.doubtChance,
      a?.between?.join("|"),
      a?.agreement?.sameGrade,
      a?.edema,
      a?.edemaReferable,
      ...Array.from({ length: 3 }, (_, risk) => a?.edemaProbabilities?.[risk]),
      a?.settings,
    ];
  });
  // RFC 4180, with the byte order mark by which spreadsheets know UTF-8.
  return "\ufeff" + [COLUMNS, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

// With the folders it lay in, where they are known: a left.jpg is in every patient's.
const fileOf = ({ path, name }) => path || name;

const moment = ({ gradedAt }) => (gradedAt ? new Date(gradedAt).toISOString() : null);

// A spreadsheet takes text that begins like this for a formula and runs it; the
// apostrophe makes it text again.
function cell(value) {
  if (value == null) return "";
  let text = String(value);
  if (typeof value === "string" && /^[=+\-@\t\r\n]/.test(text)) text = `'${text}`;
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function saveAs(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function fileName(extension, now = new Date()) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `fovea-results-${day}-${two(now.getHours())}${two(now.getMinutes())}.${extension}`;
}
