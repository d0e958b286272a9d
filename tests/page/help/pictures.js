// Files a visitor should not have opened, and a few that are fine. Made here,
// byte by byte; none is a patient's.

import { crc32, deflateSync } from "node:zlib";

export const textAsJpeg = () => Buffer.from("Patient list, not a photograph.\n".repeat(40));

export const empty = () => Buffer.alloc(0);

// Thirteen gigabytes of pixels in under a hundred bytes.
export function vastPng(side = 60_000) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8); // eight bits, RGB
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(1000))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(8 + data.length + 4);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), 8 + data.length);
  return framed;
}

// A retina drawn by the site's own library, as the PNG it answers with.
export async function drawnPng(page, grade, seed) {
  const key = `${grade} ${seed}`;
  if (!drawn.has(key)) {
    const text = await page.evaluate(
      async ([g, s]) => {
        const library = await import(new URL("pkg/fovea_cpu.js", document.baseURI));
        await (window.startingLibrary ??= library.default());
        // As text: an array of numbers takes the protocol seconds.
        return Array.from(library.drawPhotograph(g, s), (byte) => String.fromCharCode(byte)).join("");
      },
      [grade, seed],
    );
    drawn.set(key, Buffer.from(text, "latin1"));
  }
  return drawn.get(key);
}
const drawn = new Map();

// The same as a JPEG, cut off in the middle as a broken transfer leaves it.
export async function truncatedJpeg(page) {
  const png = await drawnPng(page, 0, 5);
  const text = await page.evaluate(async (data) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(data, (letter) => letter.charCodeAt(0))]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    const jpeg = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 })).arrayBuffer());
    return Array.from(jpeg, (byte) => String.fromCharCode(byte)).join("");
  }, png.toString("latin1"));
  return Buffer.from(text, "latin1").subarray(0, Math.floor(text.length / 2));
}

// A picture made smaller, as a JPEG.
export async function smallJpeg(page, png, side) {
  const text = await page.evaluate(
    async ([data, edge]) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(data, (letter) => letter.charCodeAt(0))]));
      const canvas = new OffscreenCanvas(edge, Math.round((edge * bitmap.height) / bitmap.width));
      canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const jpeg = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 })).arrayBuffer());
      return Array.from(jpeg, (byte) => String.fromCharCode(byte)).join("");
    },
    [png.toString("latin1"), side],
  );
  return Buffer.from(text, "latin1");
}
