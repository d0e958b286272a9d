// The worker's side of a Bridge: answers { id, result | error } to
// { id, method, args }, tells { id, progress } meanwhile where there is any, and
// gives up a call on { cancel: id }.
//
// A panic in wasm leaves its promise open for ever and the instance unusable,
// so anything uncaught is told to the page, which throws the worker away.

import { toMessage } from "./fault.js";

// Each of `methods` is given its arguments, and after them { tell, isCancelled }.
export function answer(methods) {
  const cancelled = new Set(); // calls by their id

  self.onmessage = async ({ data: { id, method, args, cancel } }) => {
    if (cancel) return cancelled.add(cancel);
    const call = { tell: (...progress) => self.postMessage({ id, progress }), isCancelled: () => cancelled.has(id) };
    try {
      const result = await methods[method](...args, call);
      const transfer = [result, result?.picture].filter((bytes) => bytes instanceof Uint8Array).map(({ buffer }) => buffer);
      self.postMessage({ id, result }, transfer);
    } catch (error) {
      console.error(error);
      self.postMessage({ id, error: toMessage(error) });
    } finally {
      cancelled.delete(id);
    }
  };

  const crashed = (event) => {
    console.error(event.reason ?? event.message);
    self.postMessage({ event: "crashed" });
  };
  self.addEventListener("error", crashed);
  self.addEventListener("unhandledrejection", crashed);
}
