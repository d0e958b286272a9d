// What the script says, in English. The words that stand on the page from the
// start are in index.html under `data-string`; a translation carries both.
//
// Nothing here says what a grade means or whom to refer: those sentences come
// out of the library with each assessment.

const count = new Intl.NumberFormat("en");
const megabytes = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const MB = (bytes) => `${megabytes.format(bytes / 1e6)} MB`;
const photographs = (n) => (n === 1 ? "1 photograph" : `${count.format(n)} photographs`);

export default {
  language: "en",

  // The model on its way.
  modelStarting: "Loading the model…",
  modelReceived: (got, all) => `Loading the model: ${MB(got)} of ${MB(all)}`,
  modelChecking: "Checking the model…",
  modelReady: "Ready. Nothing you open here leaves this device.",
  modelReadyShort: "The model is ready.",
  modelFailed: (reason) => `The model could not be loaded. ${reason}`,
  modelUnavailable: "Not loaded",

  // The state of a card.
  state: {
    queued: "Waiting",
    queuedForModel: "Waiting for the model",
    working: "Grading…",
    ungradable: "Cannot be graded",
    "not-fundus": "Not a photograph of the retina",
    error: "Could not be graded",
  },
  drawnKicker: "Drawn example, not a patient",
  drawnName: (n) => `Drawn photograph ${n}`,
  again: "Try again",
  bars: "How sure: probability of each grade",
  barChosen: "graded",
  photoAlt: (name) => `Photograph ${name}`,
  photoAltDrawn: (name) => `${name}, a drawing of a retina`,

  // Provenance.
  provenance: "How this was graded",
  provenanceFindings: "Grade defined by",
  provenanceBundle: "Model",
  provenanceModel: "Fingerprint (SHA-256)",
  provenanceBackend: "Ran on",
  provenancePreprocessing: "Prepared by",
  provenanceTime: "Time taken",
  provenanceTimes: (t) => `${count.format(Math.round(t.total))} ms (reading ${Math.round(t.decode)}, preparing ${Math.round(t.prepare)}, network ${Math.round(t.network)})`,
  provenanceDrawn: "Drawn as",
  provenanceDrawnAs: (label, seed) => `${label}, seed ${seed}`,

  // Where it looked. What the map shows and does not is the library's to say.
  look: {
    open: "Where it looked",
    openFor: (name) => `in ${name}`,
    working: "Looking at the photograph again…",
    photo: "The photograph",
    view: "What the network saw",
    viewAlt: "The retina as it was prepared for the network: a centred disc on black",
    mapAlt: "The map over it",
    strength: "Strength of the map",
    percent: (value) => `${count.format(value)} %`,
    close: "Close",
  },

  // The queue.
  tally: (done, all) => (done === all ? `${photographs(all)}, all done` : `${count.format(done)} of ${photographs(all)} done`),
  title: (done, all) => `${count.format(done)} of ${count.format(all)} · Fovea`,
  added: (n, left) => `${photographs(n)} added.${left ? ` ${count.format(left)} other ${left === 1 ? "file in the folder was" : "files in the folder were"} left out.` : ""}`,
  nothingAdded: "Nothing to grade was found in there.",
  announceGraded: (name, grade, referral, doubt) => [`${name}: ${grade}.`, doubt, referral].filter(Boolean).join(" "),
  announceOther: (name, state, reason) => `${name}: ${state}. ${reason}`,
  saved: (file) => `Saved as ${file}.`,
  cleared: (n) => `Cleared: ${photographs(n)} and every result are gone from this page.`,

  // What runs.
  starting: "Starting…",
  notRunning: "Nothing is running",
  backendCpu: "CPU",
  backendWebgpu: (name) => (name ? `WebGPU on ${name}` : "WebGPU"),
  backendWith: (what, reason) => `${what}. ${reason}`,
  gpuTrying: "Trying WebGPU…",
  gpu: {
    asked: "Asked for by this page’s address.",
    "no-webgpu": "This browser offers no WebGPU.",
    "no-adapter": "No graphics processor was offered.",
    software: (name) => `Its WebGPU is only software (${name}), slower than this.`,
    "lacks-feature": (what) => `The graphics processor lacks what the model needs (${what}).`,
    "next-visit": "The graphics processor takes over from the next visit, to keep this first download small.",
    failed: (why) => `WebGPU was tried and set aside. ${why}`,
    crashed: "WebGPU stopped while grading and was set aside.",
  },

  // Offline and stored.
  offline: {
    preparing: "Getting ready to work without a network…",
    unloaded: "Not yet: the model has to load once first",
    ready: "Ready: this page works without a network",
    insecure: "Not available at this address: it needs https or localhost",
    blocked: "Not available: this browser keeps nothing for this page, so the model is loaded on each visit",
    failed: "Not available: the page could not be stored. It tries again on the next visit",
  },
  forgotten: "Removed: the model and the page are no longer stored here. They are fetched again on the next visit.",
  forgetFailed: "This browser did not allow the stored copy to be removed. Clear the site’s data in the browser’s settings.",

  // Updates.
  updateReady: "A new version is ready.",
  updateBusy: "A new version is ready. It can be taken once these photographs are done.",
  updateElsewhere: "Another window took a new version. Reload to use it here.",
  updateReload: "Reload",
  updateTake: "Use it now",

  // Faults the page itself meets. Those in a photograph or a bundle are told by
  // the library and shown as it wrote them.
  fault: {
    "worker-crashed": "The grader stopped unexpectedly on this photograph and was started anew. Try again; if it stops again, save the photograph as a JPEG and open that.",
    "worker-slow": "This photograph took too long and was given up. Try again, or open a smaller copy of it.",
    "worker-start": "The grader could not be started. Reload the page; if that does not help, use a current Chrome, Edge, Firefox or Safari.",
    "gpu-start": "It stopped, or did not become ready in time.",
    "wasm-load": "Part of the page could not be fetched. Check the connection and try again.",
    "file-gone": "The file could not be read. It may have been moved, renamed or put away since it was chosen; choose it again.",
    "file-too-large": (limit) => `The file is larger than ${MB(limit)}, more than a photograph should be. Open the photograph itself, or a smaller copy.`,
    "draw-failed": "The example could not be drawn. Reload the page and try again.",
    "model-network": "The connection broke off. Check it and try again.",
    "model-http": (status) => `The server answered ${status}. Try again later, or tell whoever runs this page.`,
    "model-stalled": "Nothing arrived for a while. Check the connection and try again.",
    "model-length": "What arrived has the wrong length. Try again; if it stays so, tell whoever runs this page.",
    "model-name": "Its description names a file outside this page. Tell whoever runs it.",
    unknown: "Something unexpected happened. Reload the page and try again.",
  },

  // The model's card: headings for what its manifest tells.
  card: {
    model: "Network",
    learned: "Learned from",
    data: (name, photos, terms) => `${name}, ${photos} photographs: ${terms}`,
    began: "Began from",
    recipe: "Trained by",
    line: "Line between refer and not",
    point: (threshold, sensitivity, specificity, photos) => `probability ${threshold}; sensitivity ${sensitivity}, specificity ${specificity} on ${photos}`,
    fingerprint: "Fingerprint (SHA-256)",
    measured: (dataset, n) => `Measured on ${dataset}, ${n} photographs`,
    figure: {
      accuracy: "Accuracy",
      kappa_quadratic: "Quadratic kappa",
      referable_auc: "AUC, referable disease",
      cross_entropy: "Cross-entropy",
      ece: "Calibration error (ECE)",
    },
  },
};
