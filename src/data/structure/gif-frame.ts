import type { Rect, Size } from "../geometry.js";

/** Where the first frame of a GIF lies. */
export interface GifFrame {
  readonly canvas: Size;
  readonly frame: Rect;
}

const EXTENSION = 0x21;
const IMAGE = 0x2c;

/**
 * Finds the first frame of a GIF (GIF89a, sections 18, 20 and 23 to 26).
 *
 * @returns undefined for what is no GIF or ends before its first frame; its reader tells why
 */
export function gifFrame(content: Uint8Array): GifFrame | undefined {
  if (!/^GIF8[79]a$/.test(String.fromCharCode(...content.subarray(0, 6)))) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (content.length < 13) return undefined;
  const canvas = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  const flags = view.getUint8(10);
  let at = 13 + (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  while (content[at] === EXTENSION) {
    at += 2;
    // Sub-blocks, each behind its length, up to one of length 0.
    for (let length = content[at]; length !== 0; length = content[at]) {
      if (length === undefined) return undefined;
      at += 1 + length;
    }
    at++;
  }
  if (content[at] !== IMAGE || at + 9 > content.length) return undefined;
  const [left, top, width, height] = [1, 3, 5, 7].map((field) => view.getUint16(at + field, true));
  return { canvas, frame: { left, top, width, height } as Rect };
}
