// Small pictures of large photographs, made one after the other so that only
// one is ever decoded in full.

const EDGE = 480; // device pixels

let last = Promise.resolve();

// Resolves to a small JPEG of the photograph that `open` gives; null where the
// browser cannot read it (TIFF, a broken file), which says nothing about the grader.
export function makeThumbnail(open, wanted = () => true) {
  last = last.then(async () => {
    if (!wanted()) return null;
    try {
      return await shrink(await createImageBitmap(await open()));
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
