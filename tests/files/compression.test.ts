import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { decodeHadoopLz4, decodeLz4Block } from "../../src/files/lz4.js";
import { decompressPage } from "../../src/files/parquet-codecs.js";
import {
  decodeByScript,
  decodeZstandard,
  streamByScript,
  zstandardStream,
} from "../../src/files/zstandard.js";
import { words } from "./words.js";
import { storedAsZstandard, zstandardFrame } from "./zstandard-data.js";

const text = words();
const zst = await readFile(join(import.meta.dirname, "words.zst"));
const all = Buffer.concat([...Array<Buffer>(60).fill(text), text]);
const lz4 = await readFile(join(import.meta.dirname, "words.lz4"));

/** Node's own from version 22.15 on, else the same twice. */
const decoders = [
  ["the decoder of this Node", decodeZstandard],
  ["the one in JavaScript", decodeByScript],
] as const;
const streams = [
  ["the stream of this Node", zstandardStream],
  ["the one in JavaScript", streamByScript],
] as const;

describe.each(decoders)("Zstandard by %s", (_, decode) => {
  it("undoes several frames, with one to be skipped between them", () => {
    expect(Buffer.from(decode(zst, all.length)).equals(all)).toBe(true);
  });

  it("takes raw and repeated blocks, and nothing at all", () => {
    const frame = zstandardFrame([Uint8Array.of(5, 6), { byte: 9, count: 4 }, Uint8Array.of(7)]);
    expect([...decode(frame, 7)]).toEqual([5, 6, 9, 9, 9, 9, 7]);
    expect(decode(zstandardFrame([new Uint8Array(0)]), 0)).toHaveLength(0);
  });

  it.each<[string, Uint8Array, number]>([
    ["a frame that is cut short", zst.subarray(0, 900), all.length],
    ["no frame", Buffer.from("no Zstandard, but a text of some length"), 10],
    [
      "a block of an unknown kind",
      Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 56, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      3,
    ],
    ["more bytes than stated", zstandardFrame([{ byte: 1, count: 1000 }]), 999],
    ["a frame that needs a dictionary", zstandardFrame([Uint8Array.of(1, 2, 3)], { dictionary: 9 }), 3],
  ])("refuses %s", (_name, bytes, length) => {
    expect(() => decode(bytes, length)).toThrow();
  });
});

it.each(decoders)("%s says how much there was where it is less than stated", (_, decode) => {
  expect(() => decode(storedAsZstandard(text), text.length + 1)).toThrow(
    `Zstandard frames of ${text.length} bytes instead of ${text.length + 1}`,
  );
});

describe("Zstandard in JavaScript", () => {
  it("refuses before it allocates: a claim beyond what the bytes can hold, a window over 128 MB", () => {
    expect(() => decodeByScript(new Uint8Array(100), 2 ** 31)).toThrow(
      "2147483648 bytes of Zstandard in 100",
    );
    const far = zstandardFrame([Uint8Array.of(1)], { windowLog: 28 });
    expect(() => decodeByScript(far, 1)).toThrow("a window of 268435456 bytes, over the limit of 134217728");
  });

  it("gives up what does not end: a damaged table of codes", () => {
    // Found by the fuzzer: one byte of the first frame's table leads fzstd into a loop without end.
    const damaged = Buffer.from(zst);
    damaged[13] = 240;
    const start = performance.now();
    expect(() => decodeByScript(damaged, all.length)).toThrow("Zstandard data that do not end");
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe.each(streams)("Zstandard by %s", (_, open) => {
  const through = (pieces: readonly Uint8Array[]) => buffer(Readable.from(pieces).pipe(open()));

  it.each([1, 7, 4096])("gives the same whatever the pieces are, here of %i bytes", async (size) => {
    const pieces = Array.from({ length: Math.ceil(zst.length / size) }, (_piece, i) =>
      zst.subarray(i * size, (i + 1) * size),
    );
    expect((await through(pieces)).equals(all)).toBe(true);
  });

  it("fails where the data end too early, or are none", async () => {
    await expect(through([zst.subarray(0, zst.length - 9)])).rejects.toThrow();
    await expect(through([Buffer.from("a text that is long enough for a frame")])).rejects.toThrow();
  });
});

describe("LZ4", () => {
  it("undoes a block of Arrow's, with matches far back and matches that repeat themselves", () => {
    const expected = Buffer.concat([text, text, text]);
    expect(Buffer.from(decodeLz4Block(lz4, expected.length)).equals(expected)).toBe(true);
    // Literals "ab"; 2 back, 19 bytes: token 0x2f, length 15 + 0 + 4. Then the literal "c".
    const block = Uint8Array.of(0x2f, 97, 98, 2, 0, 0, 0x10, 99);
    expect(Buffer.from(decodeLz4Block(block, 22)).toString()).toBe(`${"ab".repeat(11).slice(0, 21)}c`);
  });

  it("takes Hadoop's framing, and bare blocks in its place", () => {
    const block = (bytes: Uint8Array, length: number): Buffer => {
      const sizes = Buffer.alloc(8);
      sizes.writeUInt32BE(length, 0);
      sizes.writeUInt32BE(bytes.length, 4);
      return Buffer.concat([sizes, bytes]);
    };
    const small = Uint8Array.of(0x30, 1, 2, 3);
    const framed = Buffer.concat([block(lz4, 3 * text.length), block(small, 3)]);
    const expected = Buffer.concat([text, text, text, Uint8Array.of(1, 2, 3)]);
    expect(Buffer.from(decodeHadoopLz4(framed, expected.length)).equals(expected)).toBe(true);
    expect([...decodeHadoopLz4(small, 3)]).toEqual([1, 2, 3]);
  });

  it.each<[string, number[], number, RegExp]>([
    ["literals beyond the end", [0x50, 1, 2], 5, /cut short/],
    ["a length without end", [0xf0, 255, 255], 600, /cut short/],
    ["a match without its place", [0x10, 1, 4], 8, /cut short/],
    ["a match before the first byte", [0x11, 1, 2, 0, 0x10, 1], 7, /2 bytes back of 1/],
    ["a match of no distance", [0x11, 1, 0, 0, 0x10, 1], 7, /0 bytes back/],
    ["more literals than stated", [0x30, 1, 2, 3], 2, /more bytes than it states/],
    ["a longer match than stated", [0x1f, 1, 1, 0, 9], 6, /more bytes than it states/],
    ["fewer bytes than stated", [0x30, 1, 2, 3], 4, /3 bytes instead of 4/],
    ["a claim beyond what bytes can hold", [0x10, 1], 1000, /of 1000 bytes/],
  ])("refuses %s", (_, bytes, length, message) => {
    expect(() => decodeLz4Block(Uint8Array.from(bytes), length)).toThrow(message);
  });
});

describe("decompressPage", () => {
  it("refuses another number of bytes than stated, of any compression", () => {
    expect(() => decompressPage(text, "UNCOMPRESSED", 5)).toThrow(`${text.length} bytes instead of 5`);
    expect(() => decompressPage(zst, "ZSTD", all.length + 1)).toThrow();
    for (const codec of ["SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4_RAW", "LZ4"]) {
      expect(() => decompressPage(new Uint8Array(20), codec, 2 ** 31 - 1)).toThrow();
      expect(() => decompressPage(new Uint8Array(20), codec, -1)).toThrow();
    }
  });
});
