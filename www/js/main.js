// Wires the page: photographs in, cards out, and what is said along the way.

import { Announcer } from "./announcer.js";
import { doubtOf, headingOf, reasonOf, referralOf, riskOf } from "./assessment.js";
import { Diagnostics } from "./diagnostics.js";
import { DICOM_PARTS } from "./dicom.js";
import { byId, el, write } from "./dom.js";
import { acceptPhotos } from "./drop.js";
import { Engine } from "./engine.js";
import { fileName, saveAs, toCsv, toJson } from "./export.js";
import { offlineState, showOffline, showRunning } from "./footer.js";
import { acceptHanded } from "./handed.js";
import { Keeper } from "./keep.js";
import { Keys } from "./keys.js";
import { Leaving } from "./leaving.js";
import { leftOutSentence } from "./left-out.js";
import { Notice } from "./notice.js";
import { Offline } from "./offline.js";
import { OperatingPoints } from "./operating-point.js";
import { OwnModel } from "./own-model.js";
import { Patients } from "./patients.js";
import { isControlled } from "./place.js";
import { Progress } from "./progress.js";
import { canRetry, isDone, Queue } from "./queue.js";
import { Report } from "./report.js";
import { ReportMaps } from "./report-maps.js";
import { Results } from "./results.js";
import { seldom } from "./seldom.js";
import { explain, LANGUAGES, preferred, remember, speak, strings } from "./strings.js";

const page = document.documentElement;
const wishes = new URLSearchParams(location.search);
const only = ["cpu", "webgpu"].find((kind) => kind === wishes.get("backend")) ?? null;

await speak(preferred()).catch(() => speak("en"));

const announcer = new Announcer();
const notice = new Notice();
const engine = new Engine({ only, allowSoftware: wishes.has("allow-software-gpu") });
const queue = new Queue(engine);
const offline = new Offline();
const patients = new Patients(engine, queue);
const keeper = new Keeper((item) => queue.picture(item), () => notKeeping(() => strings.keptClearedElsewhere));
const leaving = new Leaving(queue, () => keeper.on);
const progress = new Progress(queue);
const ownModel = new OwnModel(engine, announce);
const points = new OperatingPoints({ engine, queue, changed: decided, announce });
const results = new Results({ queue, engine, patients, changed: keep, pictured: store, announce });
const maps = new ReportMaps({ queue, engine });
new Report({ queue, engine, patients, cards: results.cards, maps });
const diagnostics = new Diagnostics({ engine, queue, offline });

// --- what runs -------------------------------------------------------------

engine.addEventListener("change", () => {
  const { state } = engine;
  const becameReady = state.model === "ready" && page.dataset.model !== "ready";
  const failed = state.model === "error" && page.dataset.model !== "error";
  page.dataset.model = state.model;
  page.dataset.backend = state.backend;
  showLoading(state);
  showRunning(state);
  showOfflineState();
  showDiagnostics();
  results.showWaiting();
  if (becameReady && !queue.items.length) announce(state.older ? strings.modelOlder(explain(state.older)) : strings.modelReadyShort);
  // Whoever has photographs here may be far from where it stands.
  if (failed && queue.busy) tell(modelFailed, { stays: true });
  else if (failed) announce(modelFailed());
  if (state.model !== "error") notice.hide(modelFailed);
  if (becameReady) offline.again();
  if (becameReady && state.kind === "webgpu") offline.keep(["pkg/fovea_gpu.js", "pkg/fovea_gpu_bg.wasm"]);
});

function modelFailed() {
  return strings.modelFailed(explain(engine.state.error));
}

function showLoading({ model, step, received, total, error, older }) {
  const words = {
    loading: { starting: strings.modelStarting, receiving: strings.modelReceived(received, total), checking: strings.modelChecking }[step],
    ready: older ? strings.modelOlder(explain(older)) : strings.modelReady,
    error: error && modelFailed(),
  }[model];
  write(byId("loading-text"), words);
  byId("loading").dataset.model = model;
  const bar = byId("loading-bar");
  if (step === "starting") bar.removeAttribute("value");
  else bar.value = total ? received / total : 1;
  const again = model === "error" || Boolean(older && model === "ready");
  if (!again && document.activeElement === byId("loading-retry")) byId("loading-text").focus(); // the button goes
  byId("loading-retry").hidden = !again;
}

byId("loading-retry").addEventListener("click", () => engine.start());

// --- photographs -----------------------------------------------------------

function take(found, leftOut) {
  const own = OwnModel.among(found);
  if (own) {
    byId("own").open = true;
    return ownModel.use(own);
  }
  const [first] = found.map(({ file, path }) => queue.add({ name: file?.name || path || strings.pasted, path, file }));
  const sentence = () => [found.length ? strings.added(found.length) : strings.nothingAdded, leftOutSentence(leftOut)].filter(Boolean).join(" ");
  if (leftOut.length || !first) tell(sentence, { stays: true });
  else {
    notice.hide(); // the cards say it
    announce(sentence());
  }
  if (first) results.bring(first);
}

acceptPhotos({ pickers: [byId("picker"), byId("camera")], folder: byId("folder"), target: byId("lightbox"), take });
byId("choose-folder").addEventListener("click", () => byId("folder").click());
byId("take-photo").addEventListener("click", () => byId("camera").click());

let drawn = 0;
byId("draw").addEventListener("click", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const grade = drawn % 5;
  drawn += 1;
  results.bring(queue.add(named({ drawn: { grade, seed, number: drawn } })));
});

// A drawn one has its name from the page, in the language of the moment.
function named(photo) {
  if (photo.drawn?.number) photo.name = strings.drawnName(photo.drawn.number);
  return photo;
}

queue.addEventListener("added", ({ item }) => {
  results.add(item);
  patients.read(item);
  if (!item.key) keep(item);
});

queue.addEventListener("drawn", ({ item }) => results.cards.get(item)?.showPhoto());

queue.addEventListener("changed", ({ item }) => {
  results.changed(item);
  patients.refresh();
  keep(item);
  if (isDone(item) && item.status !== "cancelled") announcer.tell(spoken(item));
});

// The same photographs at another operating point: nothing was graded.
function decided(items) {
  results.showAll();
  patients.refresh();
  for (const item of items) keep(item);
  showTally();
}

const showTallySoon = seldom(showTally);
queue.addEventListener("progress", () => (queue.busy ? showTallySoon() : showTally()));

queue.addEventListener("cleared", () => {
  announcer.forget();
  results.clear();
  patients.refresh();
  showTally();
});

function spoken(item) {
  const heading = headingOf(item, engine.state);
  const { assessment } = item;
  if (item.status === "graded") return strings.announceGraded(item.name, heading, [referralOf(assessment), riskOf(assessment)].filter(Boolean).join(" "), doubtOf(assessment));
  return strings.announceOther(item.name, heading, reasonOf(item));
}

function showTally() {
  const all = queue.items.length;
  const { done } = queue;
  const shown = results.shown;
  write(byId("tally"), all ? [strings.tally(done, all), shown < all && strings.tallyShown(shown)].filter(Boolean).join(" · ") : "");
  document.title = queue.busy ? strings.title(done, all) : "Fovea";
  for (const id of ["save-csv", "save-json", "print"]) byId(id).disabled = done === 0;
  byId("skip").hidden = !all;
  byId("retry").hidden = !queue.items.some(canRetry);
  progress.show();
  showUpdate();
}

results.addEventListener("sifted", showTally); // on every change of a photograph, too
byId("retry").addEventListener("click", () => {
  byId("results-heading").focus();
  queue.retry();
});
byId("queue-pause").addEventListener("click", () => announce(queue.paused ? strings.pausedSaid : strings.resumedSaid));
byId("queue-cancel").addEventListener("click", () => {
  const gone = queue.items.filter(({ status }) => status === "cancelled").length;
  tell(() => strings.cancelledSaid(gone));
});

// --- leaving ---------------------------------------------------------------

async function save(extension, type, write) {
  const name = fileName(extension);
  await points.settled();
  await patients.settled();
  saveAs(name, type, write(queue.items, patientOf));
  leaving.saved();
  tell(() => strings.saved(name));
}
const patientOf = (item) => patients.byItem.get(item);
const saveCsv = () => save("csv", "text/csv;charset=utf-8", toCsv);
// Asked a second time, it prints with the maps there are.
async function print() {
  const button = byId("print");
  if (button.ariaBusy === "true") return maps.stop();
  button.ariaBusy = "true";
  await points.settled();
  await patients.settled();
  if (maps.missing().length) tell(() => strings.report.makingMaps);
  await maps.make((done, all) => write(button, strings.report.mapsMade(done, all)));
  button.ariaBusy = "false";
  write(button, strings.page.print);
  // Everything may have been cleared meanwhile.
  if (queue.items.length) window.print();
}
byId("save-csv").addEventListener("click", saveCsv);
byId("save-json").addEventListener("click", () => save("json", "application/json", toJson));
byId("print").addEventListener("click", print);

byId("clear").addEventListener("click", async () => {
  if (!(await leaving.mayClear())) return;
  const gone = queue.items.length;
  queue.clear();
  drawn = 0;
  byId("picker").focus(); // the button that had the focus is gone
  const erased = await keeper.erase().then(() => true, () => !keeper.holds);
  tell(() => (erased ? strings.cleared(gone) : strings.forgetFailed), { stays: !erased });
});

byId("forget").addEventListener("click", async () => {
  try {
    const kept = keeper.holds;
    const [erased] = await Promise.all([keeper.switchOff().then(() => true, () => !kept), offline.remove()]);
    byId("keep").checked = false;
    notice.hide();
    showRemoved(erased ? strings.forgotten : strings.forgetFailed);
  } catch {
    write(byId("offline"), strings.forgetFailed);
  }
  announce(byId("offline").textContent);
});

offline.addEventListener("removed", () => showRemoved(strings.forgotten));

function showRemoved(sentence) {
  write(byId("offline"), sentence);
  page.dataset.offline = "removed";
}

// --- work that stays -------------------------------------------------------

function keep(item) {
  leaving.changed(item);
  return store(item);
}

// As it is: a file of results that was saved holds it still.
function store(item) {
  return keeper.save(item).catch(() => stopKeeping(() => strings.keepStopped));
}

// Really off where the browser refuses, and what was kept until then is gone.
function stopKeeping(why) {
  keeper.switchOff().catch(() => {});
  notKeeping(why);
}

function notKeeping(why) {
  byId("keep").checked = false;
  tell(why, { stays: true }); // the box alone would not be seen from anywhere
}

// Of what was kept before, nothing is erased for it.
function cannotKeep({ code }) {
  const words = { "kept-elsewhere": "keptElsewhere", "kept-unread": "keptUnread" }[code] ?? "keepFailed";
  notKeeping(() => strings[words]);
}

byId("keep").addEventListener("change", async ({ target }) => {
  notice.hide();
  if (!target.checked) return keeper.switchOff().then(() => tell(() => strings.keptErased), () => notKeeping(() => strings.forgetFailed));
  try {
    await resume(() => keeper.switchOn());
    if (keeper.on) tell(() => strings.kept);
  } catch (error) {
    cannotKeep(error);
  }
});

// What was kept comes back, and what came meanwhile is kept with it.
async function resume(start) {
  const kept = await start();
  byId("keep").checked = keeper.on;
  const back = new Set(kept.map((photo) => queue.add(named(photo))));
  drawn += kept.filter((photo) => photo.drawn).length;
  if (kept.length) tell(() => strings.keptRestored(kept.length));
  for (const item of queue.items) if (!back.has(item)) await store(item);
}

// --- offline and updates ---------------------------------------------------

offline.addEventListener("change", () => {
  showOfflineState();
  showUpdate();
  keepReader();
});

// A clinic without a network has the reader of DICOM files, too: kept once the page
// has come to rest, brought in when it is needed.
const REST = 5000; // milliseconds
let resting = 0;
function keepReader() {
  if (offline.state !== "ready") return;
  resting ||= setTimeout(() => offline.keep(DICOM_PARTS), REST);
}
// What the network's absence broke off is taken up again by itself.
window.addEventListener("online", () => {
  showOfflineState();
  const { model, older } = engine.state;
  if (model === "error" || (older && !queue.busy)) engine.start(); // never under a running batch
  else offline.again();
});
window.addEventListener("offline", showOfflineState);

function showOfflineState() {
  if (page.dataset.offline === "removed") return;
  page.dataset.offline = offlineState(offline, engine.state);
  showOffline(offline, engine.state);
}

function showUpdate() {
  const { update } = offline;
  byId("update").hidden = !update;
  if (!update) return;
  const waiting = update === "waiting";
  write(byId("update-text"), waiting ? (queue.busy ? strings.updateBusy : strings.updateReady) : strings.updateElsewhere);
  write(byId("update-take"), waiting ? strings.updateTake : strings.updateReload);
  byId("update-take").disabled = queue.busy; // never under a running batch
}
byId("update-take").addEventListener("click", () => offline.take());

let installing = null;
window.addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  installing = event;
  byId("install").hidden = false;
});
window.addEventListener("appinstalled", () => {
  byId("install").hidden = true;
  tell(() => strings.installed);
});
// A browser's question can be put once; it offers another when it sees fit.
byId("install").addEventListener("click", async () => {
  const asked = installing;
  installing = null;
  byId("shortcuts").focus(); // the button that had the focus goes
  byId("install").hidden = true;
  await asked?.prompt();
});

// --- for whoever is asked --------------------------------------------------

function showDiagnostics() {
  if (byId("diagnostics").open) write(byId("diagnostics-text"), diagnostics.text());
}
byId("diagnostics").addEventListener("toggle", showDiagnostics);
byId("self-test").addEventListener("click", async () => {
  write(byId("diagnostics-told"), strings.diagnostics.running);
  write(byId("diagnostics-told"), await diagnostics.selfTest());
  showDiagnostics();
});
byId("diagnostics-copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(diagnostics.text());
    write(byId("diagnostics-told"), strings.diagnostics.copied);
  } catch {
    write(byId("diagnostics-told"), strings.diagnostics.copyFailed);
  }
});

// --- keys ------------------------------------------------------------------

const keys = new Keys({
  next: () => results.step(1),
  previous: () => results.step(-1),
  choose: () => byId("picker").click(),
  pause: () => progress.toggle(),
  right: (article) => results.setSide(article, "right"),
  left: (article) => results.setSide(article, "left"),
  again: (article) => results.again(article),
  filter: () => byId("filter").focus(),
  view: () => results.otherView(),
  csv: () => queue.done && saveCsv(),
  print: () => queue.done && print(),
  help: () => byId("keys").showModal(),
});
byId("shortcuts").addEventListener("click", () => byId("keys").showModal());
byId("keys-close").addEventListener("click", () => byId("keys").close());

// --- the language ----------------------------------------------------------

byId("language").append(...Object.entries(LANGUAGES).map(([code, name]) => el("option", { value: code, lang: code }, name)));
byId("language").addEventListener("change", async ({ target }) => {
  try {
    await speak(target.value);
    remember(target.value);
  } catch {
    target.value = strings.language; // its file could not be had
  }
  showEverything();
});

function showEverything() {
  byId("language").value = strings.language;
  showLoading(engine.state);
  showRunning(engine.state);
  showOfflineState();
  showDiagnostics();
  write(byId("diagnostics-told"), "");
  queue.items.forEach(named);
  results.showAll();
  ownModel.show();
  points.show();
  keys.show();
  notice.show();
  showTally();
}

// --- saying it -------------------------------------------------------------

// For who hears the page alone; what is said there is to be seen elsewhere.
function announce(sentence) {
  announcer.say(sentence);
}

// For who hears it and who sees it. `sentence()` gives the words.
function tell(sentence, options) {
  notice.tell(sentence, options);
  announcer.say(sentence());
}

write(byId("version"), page.dataset.version);
showEverything();
engine.start();
resume(() => keeper.restore()).catch(cannotKeep);
acceptHanded(take);

// The service worker fetches the same files again: on a first visit the model
// goes before it. A model that fails must not keep a repaired version away.
if (isControlled()) offline.start();
else settled().then(() => offline.start());

function settled() {
  return new Promise((resolve) => {
    engine.addEventListener("change", () => engine.state.model !== "loading" && resolve());
  });
}
