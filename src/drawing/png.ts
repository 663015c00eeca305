import { deflateSync } from "node:zlib";
import { crc32 } from "../files/index.js";

/** A picture whose pixels are numbers of colours. */
export interface IndexedImage {
  readonly width: number;
  readonly height: number;
  /** [height, width], each the position of a colour. */
  readonly pixels: Uint8Array;
  /** Up to 256 colours, each [red, green, blue, alpha] in 0..255. */
  readonly colours: readonly (readonly [number, number, number, number])[];
}

/**
 * A PNG file with a palette: a map of 65,536 codes is some tens of kilobytes. Written here and not by sharp because
 * pages are made without waiting for anything.
 */
export function encodeIndexedPng({ width, height, pixels, colours }: IndexedImage): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // 8 bits a pixel, by palette
  const rows = Buffer.alloc(height * (width + 1)); // each row starts with its filter: none
  for (let y = 0; y < height; y++) {
    rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  }
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(colours.flatMap((colour) => colour.slice(0, 3)))),
    chunk("tRNS", Buffer.from(colours.map(([, , , alpha]) => alpha))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body) >>> 0);
  return Buffer.concat([length, body, checksum]);
}

/** A file for `src` attributes. */
export function pngUrl(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}
