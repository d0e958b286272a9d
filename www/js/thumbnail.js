// Small pictures of large photographs, made one after the other so that only
// one is ever decoded in full, and let go of as soon as they are shown.

const EDGE = 480; // device pixels

let last = Promise.resolve();

// Resolves to true when `image` shows the photograph; false where the browser
// cannot read it (TIFF, a broken file), which says nothing about the grader.
export function showThumbnail(image, blob, wanted = () => true) {
  last = last.then(async () => {
    if (!wanted()) return false;
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      return false;
    }
    const small = await shrink(bitmap);
    if (!small || !wanted()) return false;
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
  });
  return last;
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
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.88));
}
