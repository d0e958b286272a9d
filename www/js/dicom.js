// The picture in a DICOM file, as a JPEG or PNG. The part of the library that
// takes it out is brought in when the first such file arrives. Of what the file
// holds beside its picture, only the side of the eye and the number of pictures
// come back; the patient's data stay in the file.

import { Bridge } from "./bridge.js";
import { Fault } from "./fault.js";
import { bytesOf } from "./file.js";

// What is fetched for it, as the service worker knows it.
export const DICOM_PARTS = ["pkg/fovea_dicom.js", "pkg/fovea_dicom_bg.wasm"];

const OPEN_LIMIT = 60_000; // milliseconds after which its worker is taken for hung

// By its mark, whatever it is called: archives write files without any ending.
export async function isDicom(file) {
  try {
    return (await file.slice(128, 132).text()) === "DICM";
  } catch {
    return false; // gone: whoever reads it next finds out
  }
}

export class Dicom {
  #started = null; // a promise of the worker

  // { picture, side, frames }: the picture is a Blob; `error` in its place where
  // the library refuses the file.
  async open(file) {
    const bridge = await (this.#started ??= this.#start());
    const bytes = await bytesOf(file);
    const { picture, type, ...told } = await bridge.call("open", [bytes], { transfer: [bytes.buffer], limit: OPEN_LIMIT });
    return { ...told, picture: picture && new Blob([picture], { type }) };
  }

  // Throws the worker away with everything in its memory.
  forget() {
    this.#started?.then((bridge) => bridge.dispose(), () => {});
  }

  async #start() {
    const bridge = new Bridge({ script: "dicom-worker.js", ended: () => (this.#started = null) });
    try {
      await bridge.call("start");
      return bridge;
    } catch {
      bridge.dispose();
      throw new Fault("dicom-load");
    }
  }
}
