// The facts at the foot of the page: what runs and why, whether it works
// offline, which model, and the model's card as the library tells it.

import { byId, el, write } from "./dom.js";
import { explain, strings } from "./strings.js";

export function showRunning(state) {
  write(byId("runs-on"), sentence(state));
  write(byId("model"), state.bundle ?? (state.model === "error" ? strings.modelUnavailable : strings.modelStarting));
  if (state.card && byId("model-card-body").card !== state.card) {
    byId("model-card-body").card = state.card;
    byId("model-card-body").replaceChildren(facts(state.card));
  }
}

function sentence({ kind, backend, gpu, trying, setAside, model }) {
  if (!kind) return model === "error" ? strings.notRunning : strings.starting;
  if (kind === "webgpu") return strings.backendWebgpu(gpu);
  const what = backend === "none" ? strings.backendCpu : `${strings.backendCpu} (${backend})`;
  if (trying) return strings.backendWith(what, strings.gpuTrying);
  return setAside ? strings.backendWith(what, whySetAside(setAside)) : what;
}

function whySetAside({ reason, detail }) {
  const said = strings.gpu[reason];
  if (typeof said !== "function") return said;
  return said(reason === "failed" ? explain(detail) : detail);
}

export function showOffline(offline, engine) {
  write(byId("offline"), strings.offline[offlineState(offline, engine)]);
}

// Ready means the page *and* the model are stored.
export function offlineState(offline, engine) {
  if (offline.state !== "ready") return offline.state;
  if (engine.kept === null) return engine.model === "error" ? "unloaded" : "preparing";
  return engine.kept ? "ready" : "blocked";
}

// Facts of any shape: text, numbers, lists, facts within facts.
function facts(value) {
  if (Array.isArray(value)) return el("ul", {}, ...value.map((one) => el("li", {}, facts(one))));
  if (value instanceof Map) return facts(Object.fromEntries(value));
  if (value !== null && typeof value === "object") {
    const rows = Object.entries(value).filter(([, fact]) => fact != null && fact !== "");
    return el("dl", { class: "card__facts" }, ...rows.map(([name, fact]) => el("div", {}, el("dt", {}, title(name)), el("dd", {}, facts(fact)))));
  }
  if (typeof value === "number" && !Number.isInteger(value)) return value.toLocaleString(strings.language, { maximumFractionDigits: 3 });
  return String(value);
}

function title(key) {
  const camel = key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const words = camel.replace(/([a-z])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`);
  return strings.fact[camel] ?? words[0].toUpperCase() + words.slice(1);
}
