/** Ways in which an image in a folder is none, each as it comes about in practice. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { deflateSync } from "node:zlib";
import type { Sharp } from "sharp";
import { crc32 } from "../../src/files/index.js";

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG whose header claims `side` × `side` RGB pixels, with data for one. */
export function pngThatClaims(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const data = pngChunk("IDAT", deflateSync(new Uint8Array(4)));
  return Buffer.concat([SIGNATURE, pngChunk("IHDR", header), data, pngChunk("IEND", new Uint8Array())]);
}

/** Changes bytes in the middle of the pixels' compressed data, whose CRC-32 then no longer fits. */
function withFlippedBytes(png: Uint8Array): Buffer {
  const bytes = Buffer.from(png);
  const start = bytes.indexOf("IDAT") + 4;
  const middle = start + Math.floor(bytes.readUInt32BE(start - 8) / 2);
  for (let i = 0; i < 4; i++) bytes[middle + i] = (bytes[middle + i] as number) ^ 0xff;
  return bytes;
}

/** One way to be damaged. */
export interface Damage {
  readonly name: string;
  readonly ending: "jpg" | "png";
  /** What is told as the cause. */
  readonly cause: RegExp;
  /** Puts it in the place of `image`, a whole one. */
  readonly put: (file: string, image: Sharp) => Promise<unknown>;
}

export const DAMAGES: readonly Damage[] = [
  {
    name: "truncated-jpeg",
    ending: "jpg",
    cause: /^VipsJpeg: premature end of JPEG image$/,
    put: async (file, image) => {
      const jpeg = await image.jpeg({ quality: 90 }).toBuffer();
      await writeFile(file, jpeg.subarray(0, Math.floor(0.7 * jpeg.length)));
    },
  },
  {
    name: "truncated-png",
    ending: "png",
    cause: /^vipspng: libpng read error$/,
    put: async (file, image) => {
      const png = await image.png().toBuffer();
      await writeFile(file, png.subarray(0, Math.floor(0.7 * png.length)));
    },
  },
  { name: "empty", ending: "jpg", cause: /^an empty file$/, put: (file) => writeFile(file, "") },
  {
    name: "text",
    ending: "jpg",
    cause: /unsupported image format/,
    put: (file) => writeFile(file, "404 Not Found\n"),
  },
  {
    name: "header-only",
    ending: "jpg",
    cause: /^VipsJpeg: premature end of JPEG image$/,
    put: async (file, image) => {
      const jpeg = await image.jpeg().toBuffer();
      // Up to the start of the frame: everything but its sizes and the pixels.
      await writeFile(file, jpeg.subarray(0, jpeg.indexOf(Buffer.from([0xff, 0xc0]))));
    },
  },
  {
    name: "flipped-bytes",
    ending: "png",
    cause: /^vipspng: libpng read error$/,
    put: async (file, image) => writeFile(file, withFlippedBytes(await image.png().toBuffer())),
  },
  {
    name: "bomb",
    ending: "png",
    cause: /^100000×100000 pixels, over the limit of 64000000 \(maxPixels\)$/,
    put: (file) => writeFile(file, pngThatClaims(100_000)),
  },
  { name: "folder", ending: "png", cause: /^a folder$/, put: (file) => mkdir(file) },
  {
    name: "dangling-link",
    ending: "jpg",
    cause: /^a symbolic link, which is not followed$/,
    put: (file) => symlink("somewhere-else.jpg", file),
  },
  {
    name: "drawing",
    ending: "png",
    cause: /^a file of format "svg"$/,
    put: (file) =>
      writeFile(file, '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48"><circle r="9"/></svg>'),
  },
];
