// Reading what a visitor chose.

import { Fault } from "./fault.js";

// A file's bytes; one that is no longer there is a fault of its own.
export async function bytesOf(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Fault("file-gone");
  }
}
