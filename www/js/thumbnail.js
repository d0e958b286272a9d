// Small pictures of large photographs, made one after the other so that only
// one is ever decoded in full.

import { bytesOf } from "./file.js";

const EDGE = 480; // device pixels
const HEAD = 65_536; // bytes in which a PNG's own chunks stand, before its pixels

let last = Promise.resolve();

// Resolves to a small JPEG of the photograph that `open` gives; null where it cannot
// be shown (a broken file), which says nothing about the grader. `render(bytes, side)`
// gives a photograph as the grader reads it, as a PNG.
export function makeThumbnail(open, render, wanted = () => true) {
  last = last.then(async () => {
    if (!wanted()) return null;
    try {
      const photo = await open();
      const seen = (await browserDiffers(photo)) ? await rendered(photo, render).catch(() => photo) : photo;
      return await shrink(await createImageBitmap(seen));
    } catch {
      return null;
    }
  });
  return last;
}

// Shows a small picture; the address it came by is let go of at once.
export async function show(image, small) {
  const url = URL.createObjectURL(small);
  try {
    image.src = url;
    await image.decode();
    return true;
  } catch {
    return false;
  } finally {
    URL.revokeObjectURL(url);
  }
}

// Would the browser show it otherwise than it is graded? By its marks, whatever it is
// called: few show a TIFF, and how a photograph is to be turned no browser that was
// tried reads out of a WebP's EXIF, and not all read it out of a PNG's.
export async function browserDiffers(photo) {
  const head = new TextDecoder("latin1").decode(await photo.slice(0, HEAD).arrayBuffer());
  const turnedWebp = /^RIFF.{4}WEBPVP8X/s.test(head) && (head.charCodeAt(20) & 8) !== 0;
  return /^(II[*+]\0|MM\0[*+])/.test(head) || turnedWebp || /^.PNG.*eXIf/s.test(head);
}

async function rendered(photo, render) {
  return new Blob([await render(await bytesOf(photo), EDGE)], { type: "image/png" });
}

function shrink(bitmap) {
  const scale = Math.min(1, EDGE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => {
    canvas.toBlob((small) => {
      canvas.width = 0; // lets go of its pixels now rather than some time later
      resolve(small);
    }, "image/jpeg", 0.88);
  });
}
