// DICOM photographs of the eye, written element by element (PS3.5 and PS3.10).

const EXPLICIT_LITTLE = "1.2.840.10008.1.2.1";
const JPEG_BASELINE = "1.2.840.10008.1.2.4.50";
export const JPEG_2000 = "1.2.840.10008.1.2.4.90";
const OPHTHALMIC = "1.2.840.10008.5.1.4.1.1.77.1.5.1";
export const CT = { class: "1.2.840.10008.5.1.4.1.1.2", modality: "CT" };

export const PATIENT = "Doe^Jane";
const LONG = ["OB", "OW", "SQ", "UN", "UT"];

function element([group, number], kind, value) {
  const body = typeof value === "number" ? Buffer.from(Uint16Array.of(value).buffer) : Buffer.from(value);
  const padding = Buffer.alloc(body.length % 2, kind === "UI" || kind === "OB" ? 0 : " ");
  const head = Buffer.alloc(LONG.includes(kind) ? 12 : 8);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(number, 2);
  head.write(kind, 4, "latin1");
  if (head.length === 12) head.writeUInt32LE(body.length + padding.length, 8);
  else head.writeUInt16LE(body.length + padding.length, 6);
  return Buffer.concat([head, body, padding]);
}

function head({ width, height, syntax, photometric, side = "", frames = 1, class: sop = OPHTHALMIC, modality = "OP" }) {
  const meta = [element([2, 0x0002], "UI", sop), element([2, 0x0010], "UI", syntax)];
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.concat(meta).length);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from("DICM"),
    element([2, 0x0000], "UL", length),
    ...meta,
    element([0x0008, 0x0016], "UI", sop),
    element([0x0008, 0x0060], "CS", modality),
    element([0x0010, 0x0010], "PN", PATIENT),
    ...(side ? [element([0x0020, 0x0062], "CS", side)] : []),
    element([0x0028, 0x0002], "US", 3),
    element([0x0028, 0x0004], "CS", photometric),
    element([0x0028, 0x0006], "US", 0),
    element([0x0028, 0x0008], "IS", String(frames)),
    element([0x0028, 0x0010], "US", height),
    element([0x0028, 0x0011], "US", width),
    element([0x0028, 0x0100], "US", 8),
    element([0x0028, 0x0101], "US", 8),
    element([0x0028, 0x0102], "US", 7),
    element([0x0028, 0x0103], "US", 0),
  ]);
}

// Pixels as they are: { width, height, data } with red, green and blue in turn, frame
// after frame.
export function plainDicom({ width, height, data }, more = {}) {
  return Buffer.concat([head({ width, height, syntax: EXPLICIT_LITTLE, photometric: "RGB", ...more }), element([0x7fe0, 0x0010], "OB", data)]);
}

// A JPEG in one piece.
export function jpegDicom({ width, height }, jpeg, more = {}) {
  const item = (bytes) => {
    const start = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    start.writeUInt32LE(bytes.length + (bytes.length % 2), 4);
    return Buffer.concat([start, bytes, Buffer.alloc(bytes.length % 2)]);
  };
  const open = Buffer.from([0xe0, 0x7f, 0x10, 0x00, ...Buffer.from("OB"), 0, 0, 0xff, 0xff, 0xff, 0xff]);
  const end = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  return Buffer.concat([head({ width, height, syntax: JPEG_BASELINE, photometric: "YBR_FULL_422", ...more }), open, item(Buffer.alloc(0)), item(jpeg), end]);
}

// The pixels of a picture that the browser reads, without their transparency.
export async function pixelsOf(page, png) {
  const { width, height, text } = await page.evaluate(async (data) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(data, (letter) => letter.charCodeAt(0))]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let text = "";
    for (let at = 0; at < pixels.length; at += 4) text += String.fromCharCode(pixels[at], pixels[at + 1], pixels[at + 2]);
    return { width: bitmap.width, height: bitmap.height, text };
  }, png.toString("latin1"));
  return { width, height, data: Buffer.from(text, "latin1") };
}
