/** A file: what `await blob.arrayBuffer()` answers, or a view of such. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/** What a model is to run on; `webgpu` in the build for it alone, `fovea/gpu`. */
export type Backend = "cpu" | "webgpu";

/** How a photo ended. `ungradable` counts as one to refer. */
export type Status = "graded" | "ungradable" | "not-fundus" | "error";

/** An entry of the ICDR scale. */
export interface GradeEntry {
  grade: 0 | 1 | 2 | 3 | 4;
  name: string;
  label: string;
  /** What defines the grade. */
  summary: string;
}

/** What a line between refer and not is for; every model has `screening`. */
export type OperatingPointName = "screening" | "balanced" | "specific";

/** A threshold on the probability of some grade or above, and what it reached. */
export interface Line {
  threshold: number;
  sensitivity: number;
  specificity: number;
  /** The photos it was fixed on. */
  fixed_on: string;
}

/** The lines of an operating point. */
export interface OperatingPoint {
  name: OperatingPointName;
  referable: Line;
  /** Null where the model has no line for it. */
  sightThreatening: Line | null;
}

/** A result, as far as a new decision needs it: an `Assessment` is one. */
export type Graded = Pick<Assessment, "status" | "model" | "settings" | "probabilities" | "agreement" | "edemaProbabilities">;

/** All of an assessment that changes with the operating point. */
export interface Decision {
  operatingPoint: OperatingPointName;
  referable: boolean;
  referral: string;
  sightThreatening: boolean | null;
  threat: string | null;
  unsure: boolean;
  doubt: string | null;
  between: Assessment["between"];
  doubtChance: number | null;
  edemaAlone: boolean;
  followUp: Assessment["followUp"];
  codes: { referral: string; threat: string | null; doubt: string | null };
}

/** Where in a photo its grade came from. Never show a map without its `caveats`. */
export interface Explanation {
  method: "grad-cam" | "occlusion";
  /** The photo upright, its longer side as asked: PNG bytes, as all pictures here. */
  photo: Uint8Array<ArrayBuffer>;
  /** The map over it, transparent where there is nothing. */
  photoMap: Uint8Array<ArrayBuffer>;
  /** What the network saw: a centred disc on black. */
  view: Uint8Array<ArrayBuffer>;
  /** The map over that. */
  viewMap: Uint8Array<ArrayBuffer>;
  /** The photo itself, in pixels. */
  photoSize: { width: number; height: number };
  /** What `view` shows of the photo, as fractions of the photo's width and height. */
  placed: { x: number; y: number; width: number; height: number };
  /** What the map shows, in a sentence. */
  shows: string;
  /** Where it is brightest, in a sentence. */
  place: string;
  /** What it is not, in sentences. */
  caveats: string[];
  /** `place` as a code: `empty`, `middle`, `top`, `upper-left` and so on. */
  placeCode: string;
  /** Cells of the map along one side of `view`. */
  cells: number;
}

/** Hears how far an occlusion map is; `false`, or a promise of it, stops it. */
export type OcclusionProgress = (done: number, total: number) => unknown;

/** The result for one photo, with its provenance. */
export interface Assessment {
  status: Status;
  /** Why there is no grade: a stable code, and a sentence for the person. */
  error: { code: string; message: string } | null;
  grade: 0 | 1 | 2 | 3 | 4 | null;
  gradeName: string | null;
  /** Number and short name. */
  gradeLabel: string | null;
  findings: string | null;
  /** Calibrated, one a grade, summing to one. */
  probabilities: number[] | null;
  probabilityLabels: string[];
  /** Where it was decided; null where there was no grade to decide by. */
  operatingPoint: OperatingPointName | null;
  /**
   * Moderate or worse at the operating point, or at risk of macular oedema; true where the
   * photo is unsure or ungradable.
   */
  referable: boolean | null;
  referral: string | null;
  /** Severe or proliferative at the operating point; null where the model has no line for it. */
  sightThreatening: boolean | null;
  threat: string | null;
  /** Not to be relied on: a person is to read the photo. Counts as refer. */
  unsure: boolean;
  /** Why, and between which grades, in sentences. */
  doubt: string | null;
  /** The two grades an unsure answer wavers between, the lower first. */
  between: [number, number] | null;
  /** The chance that grade or referral is wrong; null where the model has not learnt one. */
  doubtChance: number | null;
  /** What each look said, as it is first, then mirrored and turned; null where the first was clear enough. */
  agreement: {
    grades: number[];
    /** The share of them with the answer's grade; the answer is their mean. */
    sameGrade: number;
    /** How far a look's expected grade is from the answer's at most. */
    gradeShift: number;
    /** The same of the probability of grade 2 or above. */
    referableShift: number;
    /** The same of the share of the probability that lies on other grades. */
    moved: number;
  } | null;
  /** The risk of macular oedema in a sentence, or that it was not assessed. */
  edema: string;
  /** Of no risk, 1 and 2 on IDRiD's scale; null where the model has no head for it. */
  edemaProbabilities: [number, number, number] | null;
  /** The chance of risk 1 or 2 as whole per cent. */
  edemaLabel: string | null;
  /** Whether that chance reaches the model's line, the same at every operating point. */
  edemaReferable: boolean | null;
  /** Referred for the risk of macular oedema, and not for retinopathy. */
  edemaAlone: boolean;
  /** A guideline's interval for the grade; a clinician decides. */
  followUp: { code: string; sentence: string; guideline: string } | null;
  /** Keys for translating the sentences above. */
  codes: { referral: string | null; threat: string | null; doubt: string | null; edema: string | null };
  bundle: string;
  /** SHA-256 of the weights. */
  model: string;
  /** SHA-256 of the model's settings: how photos are prepared, temperature, lines, doubt, oedema. */
  settings: string;
  backend: string;
  preprocessing: string;
  milliseconds: { decode: number; prepare: number; network: number; looks: number; total: number };
  retina: Record<string, unknown> | null;
  /** How many pictures the file holds, of which the first was read. */
  pictures: number;
}

/** What a model's `model.json` says. */
export interface Manifest {
  format: number;
  name: string;
  version: string;
  architecture: string;
  classes: string[];
  /** The weights file that belongs to it. */
  weights: { file: string; bytes: number; sha256: string };
  intended_use: string;
  [more: string]: unknown;
}

/** What a file's name or path tells. */
export interface NamedEye {
  /** To be shown; two people may have the same. */
  patient: string;
  side: "right" | "left" | null;
  /** The same for both eyes of a patient and for nobody else; empty where nothing tells. */
  key: string;
}

/** One photo, as far as a decision about its patient needs it. */
export interface PatientPhoto {
  side?: "right" | "left" | null;
  /** Absent while the photo waits. */
  status?: Status | null;
  grade?: number | null;
  referable?: boolean | null;
  unsure: boolean;
  /** Absent in results of before there were models with a head for it. */
  edemaAlone?: boolean;
  /** At risk of macular oedema, whatever else it is referred for: `edemaReferable` of its assessment. */
  edema?: boolean;
  /** Over the line of disease that threatens sight: `sightThreatening` of its assessment. */
  threat?: boolean;
}

/** The decision for one patient; the worse eye decides. */
export interface PatientSummary {
  decision: "waiting" | "refer" | "again" | "no-referral";
  code: string;
  sentence: string;
  /** What else there is to refer for, and its code. */
  besidesCode: string | null;
  besides: string | null;
  /** Index of the photo that decided. */
  deciding: number | null;
}

/** Why a photo could not be read. `Assessment.error` has others besides, such as `blurred`. */
export type PhotoErrorCode =
  | "empty"
  | "not-an-image"
  | "unsupported"
  | "not-a-photograph"
  | "truncated"
  | "corrupt"
  | "too-many-bytes"
  | "too-many-pixels"
  | "too-small"
  | "no-retina"
  | "several-retinas"
  | "settings";

/**
 * What the library throws: a sentence, and a code that stays. The codes of an unreadable
 * photo are thrown by `Grader.explain`, `Grader.occlude` and `smallPicture`; by the first
 * `not-residual` besides, for a network of which no such map can be made.
 */
export interface FoveaError extends Error {
  code:
    | PhotoErrorCode
    | "bytes"
    | "manifest-unreadable"
    | "manifest-format"
    | "manifest-value"
    | "weights-size"
    | "weights-hash"
    | "weights-unreadable"
    | "backend"
    | "gpu-init"
    | "gpu-self-test"
    | "network-failed"
    | "not-residual"
    | "grade"
    | "drawing"
    | "operating-point"
    | "conversion";
}
