// Wires the page: photographs in, cards out, and what is said along the way.

import { Card, headingOf, reasonOf } from "./card.js";
import { byId, write } from "./dom.js";
import { acceptPhotos } from "./drop.js";
import { Engine } from "./engine.js";
import { fileName, saveAs, toCsv, toJson } from "./export.js";
import { offlineState, showOffline, showRunning } from "./footer.js";
import { forgetEverything, Offline } from "./offline.js";
import { isDone, Queue } from "./queue.js";
import { explain, strings } from "./strings.js";

const page = document.documentElement;
const wishes = new URLSearchParams(location.search);
const only = ["cpu", "webgpu"].find((kind) => kind === wishes.get("backend")) ?? null;

const engine = new Engine({ only, allowSoftware: wishes.has("allow-software-gpu") });
const queue = new Queue(engine);
const offline = new Offline();
const cards = new Map();

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
  for (const [item, card] of cards) if (!isDone(item)) card.update();
  if (becameReady && !queue.items.length) announce(strings.modelReadyShort);
  if (failed) announce(strings.modelFailed(explain(state.error)));
  if (becameReady && state.kind === "webgpu") offline.keep(["pkg/fovea_gpu.js", "pkg/fovea_gpu_bg.wasm"]);
});

function showLoading({ model, step, received, total, error }) {
  const words = {
    loading: { starting: strings.modelStarting, receiving: strings.modelReceived(received, total), checking: strings.modelChecking }[step],
    ready: strings.modelReady,
    error: error && strings.modelFailed(explain(error)),
  }[model];
  write(byId("loading-text"), words);
  byId("loading").dataset.model = model;
  const bar = byId("loading-bar");
  if (step === "starting") bar.removeAttribute("value");
  else bar.value = total ? received / total : 1;
  byId("loading-retry").hidden = model !== "error";
}

byId("loading-retry").addEventListener("click", () => engine.start());

// --- photographs -----------------------------------------------------------

acceptPhotos({
  picker: byId("picker"),
  target: byId("lightbox"),
  take(files, leftOut) {
    for (const file of files) queue.add({ name: file.name || strings.photoAlt(""), file });
    announce(files.length ? strings.added(files.length, leftOut) : strings.nothingAdded);
  },
});

let drawn = 0;
byId("draw").addEventListener("click", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const grade = drawn % 5;
  drawn += 1;
  queue.add({ name: strings.drawnName(drawn), drawn: { grade, seed } });
});

queue.addEventListener("added", ({ item }) => {
  const card = new Card(item, engine, (chosen) => queue.again(chosen));
  cards.set(item, card);
  byId("results").hidden = false;
  byId("cards").append(card.element);
  showTally();
});

queue.addEventListener("drawn", ({ item }) => cards.get(item)?.showPhoto());

queue.addEventListener("changed", ({ item }) => {
  cards.get(item)?.update();
  showTally();
  if (isDone(item)) announce(spoken(item));
});

queue.addEventListener("cleared", () => {
  for (const card of cards.values()) card.element.remove();
  cards.clear();
  byId("results").hidden = true;
  showTally();
});

function spoken(item) {
  const heading = headingOf(item, engine.state);
  const { assessment } = item;
  if (item.status === "graded") return strings.announceGraded(item.name, heading, assessment.referral, assessment.doubt);
  return strings.announceOther(item.name, heading, reasonOf(item));
}

function showTally() {
  const all = queue.items.length;
  const { done } = queue;
  write(byId("tally"), all ? strings.tally(done, all) : "");
  document.title = queue.busy ? strings.title(done, all) : "Fovea";
  for (const id of ["save-csv", "save-json"]) byId(id).disabled = done === 0;
  showUpdate();
}

// --- leaving ---------------------------------------------------------------

function save(extension, type, text) {
  const name = fileName(extension);
  saveAs(name, type, text);
  announce(strings.saved(name));
}
byId("save-csv").addEventListener("click", () => save("csv", "text/csv;charset=utf-8", toCsv(queue.items)));
byId("save-json").addEventListener("click", () => save("json", "application/json", toJson(queue.items)));

byId("clear").addEventListener("click", () => {
  const gone = queue.items.length;
  queue.clear();
  drawn = 0;
  byId("picker").focus(); // the button that had the focus is gone
  announce(strings.cleared(gone));
});

byId("forget").addEventListener("click", async () => {
  try {
    await forgetEverything();
    write(byId("offline"), strings.forgotten);
    page.dataset.offline = "removed";
  } catch {
    write(byId("offline"), strings.forgetFailed);
  }
  announce(byId("offline").textContent);
});

// --- offline and updates ---------------------------------------------------

offline.addEventListener("change", () => {
  showOfflineState();
  showUpdate();
});

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

// --- saying it -------------------------------------------------------------

// Sentences that come quickly after one another are read together.
let unsaid = [];
let speaking = 0;
function announce(sentence) {
  unsaid.push(sentence);
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    byId("announcer").textContent = unsaid.join(" ");
    unsaid = [];
  }, 150);
}

write(byId("version"), page.dataset.version);
engine.start();

// The service worker fetches the same files again: on a first visit the model
// goes before it. A model that fails must not keep a repaired version away.
if (navigator.serviceWorker?.controller) offline.start();
else settled().then(() => offline.start());

function settled() {
  return new Promise((resolve) => {
    engine.addEventListener("change", () => engine.state.model !== "loading" && resolve());
  });
}
