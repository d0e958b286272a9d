// Whether this browser has a graphics processor worth using. Software adapters
// are thirty times slower here than the CPU path, and an adapter without
// timestamp queries brings the GPU code down after it seemed to start: neither
// is taken. Runs in the worker; downloads nothing.

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|\bwarp\b/i;

const NEEDS = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
};

// { ok, name, reason?, detail? }; reasons are keys of strings.gpu.
export async function findGpu({ allowSoftware = false } = {}) {
  if (!navigator.gpu) return refuse("no-webgpu");
  let adapter = null;
  try {
    adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch {
    // Some browsers throw where others answer null.
  }
  if (!adapter) return refuse("no-adapter");

  const info = adapter.info ?? {};
  const words = [info.description, info.vendor, info.architecture, info.device].filter(Boolean);
  const name = info.description || words.join(" ");
  const software = info.isFallbackAdapter || adapter.isFallbackAdapter || words.some((word) => SOFTWARE.test(word));
  if (software && !allowSoftware) return refuse("software", name || "fallback");

  if (!adapter.features.has("timestamp-query")) return refuse("lacks-feature", "timestamp-query");
  for (const [limit, least] of Object.entries(NEEDS)) {
    if (!(adapter.limits[limit] >= least)) return refuse("lacks-feature", limit);
  }
  return { ok: true, name };
}

function refuse(reason, detail = null) {
  return { ok: false, name: null, reason, detail };
}
