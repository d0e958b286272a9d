// An error with a code that survives the way between worker and page.

export class Fault extends Error {
  // `detail` is whatever the sentence for this code needs: a status, a limit.
  constructor(code, detail, message) {
    super(message ?? code);
    this.name = "Fault";
    this.code = code;
    this.detail = detail;
  }
}

// What can be sent through postMessage. A trap in wasm is told apart, because
// the instance it happened in must not be used again.
export function toMessage(error) {
  return {
    code: typeof error?.code === "string" ? error.code : null,
    detail: error instanceof Fault ? error.detail : null,
    message: String(error?.message ?? error),
    fatal: error instanceof WebAssembly.RuntimeError,
  };
}

export function fromMessage({ code, detail, message }) {
  return new Fault(code ?? "unknown", detail, code ? message : undefined);
}
