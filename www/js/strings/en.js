// Every word of the page, in English. `page` holds what stands in index.html
// under `data-string`.
//
// Nothing here says what a grade means or whom to refer: in English those
// sentences come out of the library with each assessment. The other languages
// translate them under `library`, by the library's own codes.

export default (f) => {
  const photographs = (n) => f.plural(n, { one: `${f.count(n)} photograph`, other: `${f.count(n)} photographs` });
  const rate = (share) => f.rate(share).replace("%", "\u00a0%");
  return {
    language: "en",
    direction: "ltr",
    // Per cent the library's own way, with a space.
    f: { ...f, percent: (label) => label, rate },
    library: null,

    page: {
      skip: "Skip to the results",
      lead: "Grades photographs of the retina for diabetic retinopathy, on this device. Nothing is uploaded.",
      purpose: "For research and teaching. Not a medical device: a clinician decides.",
      language: "Language",
      arrive: "Choose photographs",
      drop: "Drop photographs here, or choose them",
      formats: "JPEG, PNG, WebP, TIFF or BMP; whole folders and pasting work too",
      draw: "Try a drawn photograph",
      folder: "Choose a folder",
      camera: "Take a photograph",
      retryModel: "Try again",
      results: "Results",
      saveCsv: "Save results (CSV)",
      saveJson: "Save results (JSON)",
      print: "Print a report",
      clear: "Clear everything",
      view: "View",
      viewPhotos: "Photographs",
      viewPatients: "Patients",
      show: "Show",
      sort: "Sort by",
      patientsNone: "No patient’s photographs yet. Drawn examples are nobody’s.",
      noneShown: "No photograph here is of this kind.",
      pointsChoose: "Where to draw the line between refer and not",
      pointsOnly: "This model has one operating point alone.",
      pointsBesides: "These figures are the line’s own. Photographs that are unsure or cannot be graded are referred besides. Every result on the page is decided again at once; none is graded again.",
      queue: "Grading",
      pause: "Pause",
      resume: "Go on",
      cancel: "Cancel the rest",
      retry: "Try the failed ones again",
      keep: "Keep this work on this device",
      keepHint: "Off, everything is gone when this page closes. On, results and small pictures stay in this browser until you switch it off or clear everything.",
      about: "About this page",
      runsOn: "Runs on",
      offline: "Offline",
      model: "Model",
      modelCard: "The model’s card",
      modelCardEmpty: "It appears once the model has loaded.",
      ownModel: "Use a model of your own",
      ownModelHint: "A model made by fovea train is two files: model.json and its weights. They are checked here and leave this device as little as a photograph does. It runs until this page closes.",
      ownManifest: "model.json",
      ownWeights: "Weights (.safetensors)",
      ownUse: "Check and use it",
      ownBack: "Back to Fovea’s own model",
      diagnostics: "Diagnostics",
      selfTest: "Run the self-test",
      copy: "Copy as text",
      version: "Version",
      install: "Install as an app",
      shortcuts: "Keyboard shortcuts",
      keysOn: "Single keys work on this page",
      close: "Close",
      forget: "Remove Fovea from this device",
      study: "What transfer learning is worth: the study behind the model",
      disclaimer: "Fovea is for research and teaching. It is not a medical device, has not been assessed by any authority, and must not decide the care of a patient.",
      update: "Update",
      updateTake: "Use it now",
    },

    // The model on its way.
    modelStarting: "Loading the model…",
    modelReceived: (got, all) => `Loading the model: ${f.MB(got)} of ${f.MB(all)}`,
    modelChecking: "Checking the model…",
    modelReady: "Ready. Nothing you open here leaves this device.",
    modelReadyShort: "The model is ready.",
    modelFailed: (reason) => `The model could not be loaded. ${reason}`,
    modelUnavailable: "Not loaded",

    // A model of the visitor's own.
    own: {
      mark: (name) => `Your own model is in use: ${name}. It is not the one Fovea ships, and nobody has checked its figures.`,
      short: "your own model, not Fovea’s",
      checking: "Checking your model…",
      refused: (reason) => `This model cannot be used. ${reason}`,
      ready: (name) => `${name} is in use. Photographs graded before it keep the model they were graded with.`,
      back: "Fovea’s own model is in use again.",
      need: "Choose both files: model.json and the weights beside it.",
    },

    // The state of a card.
    state: {
      queued: "Waiting",
      queuedForModel: "Waiting for the model",
      working: "Grading…",
      ungradable: "Cannot be graded",
      "not-fundus": "Not a photograph of the retina",
      error: "Could not be graded",
      cancelled: "Not graded",
    },
    cancelledReason: "Cancelled before its turn came.",
    drawnKicker: "Drawn example, not a patient",
    drawnName: (n) => `Drawn photograph ${f.count(n)}`,
    again: "Try again",
    bars: "How sure: probability of each grade",
    barChosen: "graded",
    photoAlt: (name) => `Photograph ${name}`,
    photoAltDrawn: (name) => `${name}, a drawing of a retina`,
    pasted: "Pasted photograph",

    // The operating point.
    points: {
      heading: "Operating point",
      figures: (sensitivity, specificity) => `(sensitivity ${sensitivity}, specificity ${specificity})`,
      at: (name) => `Operating point: ${name}`,
      name: { screening: "screening", balanced: "balanced", specific: "specific" },
      meant: {
        screening: "Misses few. More people are referred who need not be.",
        balanced: "Weighs missed disease and needless referrals alike.",
        specific: "Few needless referrals. More disease is missed.",
      },
      referable: (sensitivity, specificity) => `To refer: sensitivity ${sensitivity}, specificity ${specificity}`,
      sightThreatening: (sensitivity, specificity) => `Sight-threatening: sensitivity ${sensitivity}, specificity ${specificity}`,
      lineReferable: "to refer",
      lineSightThreatening: "sight-threatening",
      measured: "Measured on the photographs that also fixed the line, so rather too well:",
      chosen: (name) => `Operating point: ${name}.`,
      decided: (n, refer) => `${photographs(n)} decided again; ${f.count(refer)} to refer in all.`,
    },

    // Eyes and patients.
    patient: "Patient",
    eyeOf: (photo) => `Eye in ${photo}`,
    patientOf: (photo) => `Patient in ${photo}`,
    side: { none: "Eye not said", right: "Right eye", left: "Left eye" },
    patientSays: (decision) => `Patient: ${decision}`,
    noPatient: "No name",

    // Provenance.
    provenance: "How this was graded",
    provenanceFindings: "Grade defined by",
    provenanceFollowUp: "Guideline",
    provenanceBundle: "Model",
    provenanceModel: "Fingerprint (SHA-256)",
    provenanceBackend: "Ran on",
    provenancePreprocessing: "Prepared by",
    provenancePrepared: null, // the library's own words
    provenanceTime: "Time taken",
    provenanceTimes: (t) => `${f.count(Math.round(t.total))} ms (reading ${f.count(Math.round(t.decode))}, preparing ${f.count(Math.round(t.prepare))}, network ${f.count(Math.round(t.network))})`,
    provenanceWhen: "Graded at",
    provenanceDrawn: "Drawn as",
    provenanceDrawnAs: (label, seed) => `${label}, seed ${seed}`,

    // Where it looked. What the map shows and does not is the library's to say.
    look: {
      library: null, // its words are in this language
      open: "Where it looked",
      openFor: (name) => `in ${name}`,
      working: "Looking at the photograph again…",
      photo: "The photograph",
      view: "What the network saw",
      viewAlt: "The retina as it was prepared for the network: a centred disc on black",
      mapAlt: "The map over it",
      strength: "Strength of the map",
      close: "Close",
    },

    // The queue.
    tally: (done, all) => (done === all ? `${photographs(all)}, all done` : `${f.count(done)} of ${photographs(all)} done`),
    tallyShown: (shown) => `${f.count(shown)} shown`,
    title: (done, all) => `${f.count(done)} of ${f.count(all)} · Fovea`,
    progress: (done, all) => `${f.count(done)} of ${f.count(all)}`,
    timeLeft: (ms) => `about ${f.duration(ms)} left`,
    paused: "paused",
    pausedSaid: "Paused.",
    resumedSaid: "Going on.",
    cancelledSaid: (n) => `Cancelled: ${photographs(n)} not graded.`,
    added: (n, left) => `${photographs(n)} added.${left ? ` ${f.plural(left, { one: `${f.count(left)} other file in the folder was`, other: `${f.count(left)} other files in the folder were` })} left out.` : ""}`,
    nothingAdded: "Nothing to grade was found in there.",
    announceGraded: (name, grade, referral, doubt) => [`${name}: ${grade}.`, doubt, referral].filter(Boolean).join(" "),
    announceOther: (name, state, reason) => `${name}: ${state}. ${reason}`,
    saved: (file) => `Saved as ${file}.`,
    cleared: (n) => `Cleared: ${photographs(n)} and every result are gone from this page.`,

    // Filter and order.
    filter: {
      all: (n) => `All (${f.count(n)})`,
      refer: (n) => `Refer (${f.count(n)})`,
      unsure: (n) => `Unsure (${f.count(n)})`,
      ungradable: (n) => `Ungradable (${f.count(n)})`,
      error: (n) => `No answer (${f.count(n)})`,
      waiting: (n) => `Waiting (${f.count(n)})`,
    },
    order: { added: "As added", newest: "Newest first", grade: "Worst first", name: "Name", patient: "Patient" },

    // Work that stays.
    kept: "This work stays on this device until you switch this off or clear everything.",
    keptErased: "Erased: nothing of this work is kept on this device.",
    keptRestored: (n) => `${photographs(n)} from before, kept on this device.`,
    keepFailed: "This browser does not let the page keep anything. The work is gone when the page closes.",

    // The print sheet.
    report: {
      title: "Diabetic retinopathy grading report",
      patient: (name) => `Patient: ${name}`,
      unnamed: "Patient: not named",
      printed: (when) => `Printed ${when}`,
      photo: "Photograph",
      decision: "For the patient",
      followUp: "Follow-up",
      sure: "Probability of each grade",
      model: "Model in brief",
      incomplete: "Not every photograph of this patient has been graded.",
      sign: "Read by (name, date, signature)",
    },

    // Keys.
    keys: {
      next: "Next photograph",
      previous: "Previous photograph",
      choose: "Choose photographs",
      pause: "Pause, or go on",
      right: "The photograph in focus shows the right eye",
      left: "The photograph in focus shows the left eye",
      again: "Try the photograph in focus again",
      filter: "Choose which photographs to show",
      view: "Switch between photographs and patients",
      csv: "Save results as CSV",
      print: "Print a report",
      help: "Show these shortcuts",
    },

    // What runs.
    starting: "Starting…",
    notRunning: "Nothing is running",
    backendCpu: "CPU",
    backendWebgpu: (name) => (name ? `WebGPU on ${name}` : "WebGPU"),
    backendWith: (what, reason) => `${what}. ${reason}`,
    gpuTrying: "Trying WebGPU…",
    gpu: {
      asked: "Asked for by this page’s address.",
      own: "A model of your own runs on the CPU.",
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
    network: { off: "No network just now; nothing here needs one." },
    forgotten: "Removed: the model, the page and any work kept here are no longer stored. They are fetched again on the next visit. If you installed Fovea as an app, uninstall it, too.",
    forgetFailed: "This browser did not allow the stored copy to be removed. Clear the site’s data in the browser’s settings.",
    installed: "Installed as an app on this device.",

    // Updates.
    updateReady: "A new version is ready.",
    updateBusy: "A new version is ready. It can be taken once these photographs are done.",
    updateElsewhere: "Another window took a new version. Reload to use it here.",
    updateReload: "Reload",
    updateTake: "Use it now",

    // Diagnostics, for whoever is asked why it is slow.
    diagnostics: {
      version: "Page",
      library: "Library",
      browser: "Browser",
      language: "Language",
      screen: "Window",
      cores: "Processor cores",
      threads: "Threads in use",
      memory: "Memory of the page",
      adapter: "Graphics processor",
      backend: "Ran on",
      model: "Model",
      offline: "Offline",
      isolated: "Cross-origin isolated",
      timings: "Median of what was graded",
      selfTest: "Self-test",
      yes: "yes",
      no: "no",
      none: "none",
      notYet: "not run yet",
      running: "Running…",
      timing: (n, t) => `${photographs(n)}: ${f.count(Math.round(t.total))} ms (reading ${f.count(Math.round(t.decode))}, preparing ${f.count(Math.round(t.prepare))}, network ${f.count(Math.round(t.network))})`,
      passed: (ms) => `Passed in ${f.count(Math.round(ms))} ms: a drawn photograph was graded twice with the same answer.`,
      failed: (why) => `Failed. ${why}`,
      differs: "The same photograph got two different answers.",
      copied: "Copied.",
      copyFailed: "The browser did not allow copying. Select the text and copy it by hand.",
    },

    // Faults the page itself meets. Those in a photograph or a bundle are told by
    // the library and shown as it wrote them.
    fault: {
      "worker-crashed": "The grader stopped unexpectedly on this photograph and was started anew. Try again; if it stops again, save the photograph as a JPEG and open that.",
      "worker-slow": "This photograph took too long and was given up. Try again, or open a smaller copy of it.",
      "worker-start": "The grader could not be started. Reload the page; if that does not help, use a current Chrome, Edge, Firefox or Safari.",
      "gpu-start": "It stopped, or did not become ready in time.",
      "wasm-load": "Part of the page could not be fetched. Check the connection and try again.",
      "file-gone": "The file could not be read. It may have been moved, renamed or put away since it was chosen; choose it again.",
      "file-too-large": (limit) => `The file is larger than ${f.MB(limit)}, more than a photograph should be. Open the photograph itself, or a smaller copy.`,
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
      maker: null, // the maker's words are in this language
      model: "Network",
      learned: "Learned from",
      data: (name, photos) => `${name}, ${photos} photographs:`,
      began: "Began from",
      recipe: "Trained by",
      point: (threshold, sensitivity, specificity) => `probability ${threshold}; sensitivity ${sensitivity}, specificity ${specificity}`,
      on: "on",
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
};
