// What the library said of a photograph, in the page's language.

import { english, explain, said, scaleEntry, strings } from "./strings.js";

// The words in the place of the grade.
export function headingOf({ status, assessment }, { model, scale }) {
  if (status === "graded") return gradeOf(assessment, scale).label;
  if (status === "queued" && model !== "ready") return strings.state.queuedForModel;
  return strings.state[status];
}

// { name, label, summary } of the assessment's grade; empty without one.
export function gradeOf(assessment, scale) {
  if (assessment?.grade == null) return {};
  const { grade, gradeName: name, gradeLabel: label, findings: summary } = assessment;
  return scaleEntry({ ...scale?.[grade], grade, name, label, summary });
}

// Why there is doubt, or no grade at all; and where a file holds more photographs
// than the one that was read.
export function reasonOf(item) {
  return [why(item), firstOf(item, strings)].filter(Boolean).join(" ");
}

function firstOf({ told, assessment }, words) {
  const pictures = told?.frames ?? assessment?.pictures;
  return pictures > 1 && words.firstOfFrames(pictures);
}

function why({ status, assessment, fault }) {
  if (status === "cancelled") return strings.cancelledReason;
  if (fault) return explain(fault);
  if (!assessment) return "";
  if (assessment.error) return explain(assessment.error);
  return doubtOf(assessment);
}

// The same for a file, in the library's own words, as the command writes it.
export function reasonInEnglish(item) {
  const { status, assessment, fault } = item;
  const own = status === "cancelled" ? english.cancelledReason : fault && explain(fault, english);
  return [own || (assessment?.error?.message ?? assessment?.doubt), firstOf(item, english)].filter(Boolean).join(" ");
}

// Why a grade is unsure, and the two grades it wavers between. The library's own
// English names them; a translation takes them from its scale.
export function doubtOf(assessment) {
  const reason = said(assessment?.codes?.doubt, assessment?.doubt) ?? "";
  const between = strings.library?.["unsure-between"];
  if (!between || !assessment?.between) return whole(reason);
  const [lower, higher] = assessment.between.map((grade) => scaleEntry({ grade }).label);
  return whole(`${reason} ${between.replace("{lower}", lower).replace("{higher}", higher)}`);
}

// No line ends between a grade's number and its name.
const whole = (sentence) => sentence.replaceAll(" · ", "\u00a0·\u00a0");

// Refer or not, and whether sight is threatened.
export function referralOf(assessment) {
  const { codes, referral, threat } = assessment ?? {};
  return [said(codes?.referral, referral), said(codes?.threat, threat)].filter(Boolean).join(" ");
}

// Where the lines lay that it was decided by; empty where there was no grade.
export function pointOf(assessment) {
  const { operatingPoint: name } = assessment ?? {};
  return name ? strings.points.at(strings.points.name[name]) : "";
}

// The risk of macular oedema, or that it was not assessed. A translation has a place for the chance.
export function edemaOf(assessment) {
  const { codes, edema, edemaLabel } = assessment ?? {};
  return (said(codes?.edema, edema) ?? "").replace("{chance}", () => strings.f.percent(edemaLabel ?? ""));
}

// The same where the photograph is referred for it, else nothing.
export const riskOf = (assessment) => (assessment?.edemaReferable ? edemaOf(assessment) : "");

export const followUpOf = (assessment) => said(assessment?.followUp?.code, assessment?.followUp?.sentence) ?? "";

// Whether the model in use, as it is now, is the one that graded; `state` is the engine's.
export const gradedBy = ({ card, settings }, assessment) => assessment?.model === card?.weights.sha256 && assessment?.settings === settings;

export function preparedBy(assessment, state) {
  if (!strings.provenancePrepared || !state.card || !gradedBy(state, assessment)) return assessment.preprocessing;
  const { size, local_mean: localMean } = state.card.preprocessing;
  return strings.provenancePrepared(strings.f.count(size), localMean !== null);
}
