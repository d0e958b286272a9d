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

// A picture as a TIFF of plain RGB, which no Chromium shows.
export async function tiff(page, png, side) {
  const text = await page.evaluate(
    async ([data, edge]) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(data, (letter) => letter.charCodeAt(0))]));
      const canvas = new OffscreenCanvas(edge, edge);
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0, edge, edge);
      const { data: pixels } = context.getImageData(0, 0, edge, edge);
      return Array.from(pixels, (byte) => String.fromCharCode(byte)).join("");
    },
    [png.toString("latin1"), side],
  );
  const pixels = Buffer.from(text, "latin1").filter((_, at) => at % 4 !== 3);
  // Tag, type (3: 16 bits, 4: 32 bits), count, value; bits a sample lie behind.
  const entries = [[256, 4, 1, side], [257, 4, 1, side], [258, 3, 3, 0], [259, 3, 1, 1], [262, 3, 1, 2], [273, 4, 1, 0], [277, 3, 1, 3], [278, 4, 1, side], [279, 4, 1, pixels.length]];
  const behind = 8 + 2 + 12 * entries.length + 4;
  entries[2][3] = behind;
  entries[5][3] = behind + 6;
  const head = Buffer.alloc(behind + 6);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries.length, 8);
  for (const [index, [tag, type, count, value]] of entries.entries()) {
    const at = 10 + 12 * index;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    head.writeUInt32LE(value, at + 8);
  }
  for (const sample of [0, 1, 2]) head.writeUInt16LE(8, behind + 2 * sample);
  return Buffer.concat([head, pixels]);
}

// A TIFF of two pages: the same directory once more behind the first.
export function paged(tiff) {
  const directory = tiff.readUInt32LE(4);
  const next = directory + 2 + 12 * tiff.readUInt16LE(directory);
  const whole = Buffer.concat([tiff, Buffer.alloc(tiff.length % 2), tiff.subarray(directory, next), Buffer.alloc(4)]);
  whole.writeUInt32LE(tiff.length + (tiff.length % 2), next);
  return whole;
}

// A picture with a black margin at its sides, so that it lies, and EXIF that says to
// turn it, by a quarter (6) or a half (3): a WebP or a PNG.
export async function turned(page, png, type, how = 6) {
  const [text, width, height] = await page.evaluate(
    async ([data, kind]) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(data, (letter) => letter.charCodeAt(0))]));
      const canvas = new OffscreenCanvas(bitmap.width * 1.2, bitmap.height);
      const context = canvas.getContext("2d");
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(bitmap, bitmap.width * 0.1, 0);
      const file = new Uint8Array(await (await canvas.convertToBlob({ type: kind, quality: 0.95 })).arrayBuffer());
      return [Array.from(file, (byte) => String.fromCharCode(byte)).join(""), canvas.width, canvas.height];
    },
    [png.toString("latin1"), type],
  );
  const file = Buffer.from(text, "latin1");
  const exif = Buffer.from("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", "latin1");
  exif[18] = how;
  const header = 8 + 25; // the signature and IHDR
  if (type === "image/png") return Buffer.concat([file.subarray(0, header), chunk("eXIf", exif), file.subarray(header)]);
  const size = Buffer.alloc(10);
  size.writeUIntLE(width - 1, 4, 3);
  size.writeUIntLE(height - 1, 7, 3);
  const isExtended = file.toString("latin1", 12, 16) === "VP8X"; // with the canvas's colours
  const webp = isExtended ? file.subarray(12) : Buffer.concat([riff("VP8X", size), file.subarray(12)]);
  webp[8] |= 8; // there is EXIF
  return riff("RIFF", Buffer.concat([Buffer.from("WEBP"), webp, riff("EXIF", exif)]));
}

function riff(type, data) {
  const head = Buffer.from(`${type}....`);
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}
