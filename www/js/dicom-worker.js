// The worker that opens DICOM files. It brings in the part of the library for
// that and gives its network away; only then is it handed a file.

import { answer } from "./answer.js";
import { Fault } from "./fault.js";
import { seal } from "./seal.js";

let library = null;

answer({
  async start() {
    try {
      library = await import(new URL("../pkg/fovea_dicom.js", import.meta.url));
      await library.default();
    } catch {
      throw new Fault("dicom-load");
    }
    seal();
  },

  open: (file) => library.openDicom(file),
});
