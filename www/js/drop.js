// The ways a photograph comes in: pickers, drop (folders too) and paste. Hands
// over files, opens none.

import { isDicom } from "./dicom.js";

const PHOTO_NAME = /\.(jpe?g|jfif|png|webp|tiff?|bmp|dcm|dicom)$/i;
const byName = new Intl.Collator(undefined, { numeric: true });

// `take(found, leftOut)`: `found` is a list of { file, path }, `path` naming the
// folders a file lay in; `leftOut` names what they held besides photographs.
export function acceptPhotos({ pickers, folder, target, take }) {
  for (const picker of pickers) {
    picker.addEventListener("change", () => {
      take(plain(picker.files), []);
      picker.value = ""; // choosing the same file again is a choice, too
    });
  }
  folder.addEventListener("change", async () => {
    const all = [...folder.files].filter(({ webkitRelativePath: path }) => !/(^|\/)\./.test(path));
    folder.value = "";
    const found = [];
    const leftOut = [];
    for (const file of all) {
      if (await isPhoto(file)) found.push({ file, path: file.webkitRelativePath });
      else leftOut.push(file.name);
    }
    found.sort((a, b) => byName.compare(a.path, b.path));
    take(found, leftOut);
  });

  // Over the whole window: a photograph that misses the panel must not replace the page.
  let depth = 0;
  const mark = (on) => target.toggleAttribute("data-over", on);
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => {
    if (holdsFiles(event)) mark(++depth > 0);
  });
  window.addEventListener("dragleave", (event) => {
    if (holdsFiles(event)) mark((depth = Math.max(0, depth - 1)) > 0);
  });
  window.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  window.addEventListener("drop", async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    mark((depth = 0) > 0);
    const { found, leftOut } = await unpack(event.dataTransfer);
    take(found, leftOut);
  });

  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length) return;
    event.preventDefault();
    take(plain(files), []);
  });
}

export const plain = (files) => [...files].map((file) => ({ file, path: file.name }));

// In a folder: by its ending, or by its mark where archives give it none.
async function isPhoto(file) {
  return PHOTO_NAME.test(file.name) || (!file.name.includes(".") && (await isDicom(file)));
}

// What was dropped by name is always taken, whatever it is called; from a
// folder only what looks like a photograph, in the order of its names.
async function unpack(transfer) {
  // Entries have to be asked for before the first await: the transfer empties then.
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = plain(transfer.files);
  if (!entries.some((entry) => entry?.isDirectory)) return { found: files, leftOut: [] };

  const found = [];
  const leftOut = [];
  const walk = async (entry, named) => {
    if (entry.isFile) {
      const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
      if (file && (named || (await isPhoto(file)))) found.push({ file, path: entry.fullPath.replace(/^\//, "") });
      else leftOut.push(entry.name);
      return;
    }
    for (const child of await list(entry)) await walk(child, false);
  };
  for (const entry of entries) if (entry) await walk(entry, true);
  return { found, leftOut };
}

async function list(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    // A reader gives at most a hundred at a time and an empty list at the end.
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) break;
    entries.push(...some);
  }
  return entries.filter((entry) => !entry.name.startsWith(".")).sort((a, b) => byName.compare(a.name, b.name));
}
