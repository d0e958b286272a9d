// The facts at the foot of the page: what runs and why, whether it works
// offline, which model, and the model's card as the library tells it.

import { byId, write } from "./dom.js";
import { modelCard } from "./model-card.js";
import { explain, strings } from "./strings.js";

export function showRunning(state) {
  write(byId("runs-on"), sentence(state));
  write(byId("model"), state.bundle ?? (state.model === "error" ? strings.modelUnavailable : strings.modelStarting));
  if (state.card && (state.card !== shownCard || strings !== shownIn)) {
    [shownCard, shownIn] = [state.card, strings];
    byId("model-card-body").replaceChildren(modelCard(state.card, state.points));
  }
}
let shownCard = null;
let shownIn = null;

function sentence({ kind, backend, gpu, trying, setAside, model, hands }) {
  if (!kind) return model === "error" ? strings.notRunning : strings.starting;
  if (kind === "webgpu") return strings.backendWebgpu(gpu);
  let what = backend === "none" ? strings.backendCpu : `${strings.backendCpu} (${backend})`;
  if (hands > 1) what = strings.backendAtOnce(what, hands);
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
  write(byId("network"), navigator.onLine ? "" : strings.network.off);
}

// Ready means the page *and* the model are stored.
export function offlineState(offline, engine) {
  if (offline.state !== "ready") return offline.state;
  if (engine.kept === null) return engine.model === "error" ? "unloaded" : "preparing";
  return engine.kept ? "ready" : "blocked";
}
