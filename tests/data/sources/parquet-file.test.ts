import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { loadItem } from "../../../src/data/image-source.js";
import { parquetItems } from "../../../src/data/sources/parquet-file.js";
import { storedAsZstandard } from "../../files/zstandard-data.js";
import { temporaryFolder } from "../temporary.js";
import { imageParquet, outcomes, someBytes } from "./shards.js";

const folder = await temporaryFolder();
const path = join(folder, "a.parquet");
const rows = Array.from({ length: 7 }, (_, i) => someBytes(i, 60 + i));

async function read(content: Uint8Array | string, column?: string) {
  await writeFile(path, content);
  return outcomes(parquetItems({ path, name: "a.parquet", ...(column === undefined ? {} : { column }) }));
}

describe("parquetItems", () => {
  it.each([
    ["none", { codec: "UNCOMPRESSED" }],
    ["Snappy", { codec: "SNAPPY" }],
    ["gzip", { codec: "GZIP", compressors: { GZIP: gzipSync } }],
    ["Brotli", { codec: "BROTLI", compressors: { BROTLI: brotliCompressSync } }],
    ["Zstandard", { codec: "ZSTD", compressors: { ZSTD: (bytes: Uint8Array) => storedAsZstandard(bytes) } }],
  ] as const)("has the images of every row group in order, compression %s", async (_, options) => {
    const items = await read(imageParquet(rows, { ...options, rowGroupSize: 3 }));
    expect(items).toEqual(rows.map((bytes, i) => [`a.parquet/${i}`, bytes]));
  });

  it("takes plain bytes, repeated ones by their dictionary", async () => {
    const data = Array.from({ length: 40 }, (_, i) => rows[i % 3] as Uint8Array);
    const content = new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: "id", data: data.map((_, i) => `row ${i}`), type: "STRING" },
          { name: "picture", data, type: "BYTE_ARRAY", encoding: "RLE_DICTIONARY" },
        ],
      }),
    );
    expect(await read(content)).toEqual(data.map((bytes, i) => [`a.parquet/${i}`, bytes]));
  });

  it("reads what pyarrow and the library datasets write", async () => {
    // Written by pyarrow 26: three PNG of 2×3 pixels of one colour, a null between them, row groups of 2.
    const file = join(import.meta.dirname, "huggingface.parquet");
    const items = parquetItems({ path: file, name: "h.parquet" });
    const colours: unknown[] = [];
    for await (const item of items) {
      try {
        const { source } = await loadItem(item);
        const { data, info } = await sharp(source as Uint8Array)
          .raw()
          .toBuffer({ resolveWithObject: true });
        colours.push([info.width, info.height, ...data.subarray(0, 3)]);
      } catch (error) {
        colours.push((error as Error).message);
      }
    }
    expect(colours).toEqual([
      [2, 3, 250, 10, 20],
      [2, 3, 30, 240, 40],
      expect.stringContaining(`${file} row 2 (image): expected a readable image`),
      [2, 3, 50, 60, 230],
    ]);
  });

  it("makes a row without bytes a broken item, by file, row and column", async () => {
    expect(await read(imageParquet([rows[0] as Uint8Array, null, rows[2] as Uint8Array]))).toEqual([
      ["a.parquet/0", rows[0]],
      ["a.parquet/1", `${path} row 1 (image): got no bytes.`],
      ["a.parquet/2", rows[2]],
    ]);
  });

  it("reads a row group when the first of its rows is asked for", async () => {
    await writeFile(path, imageParquet(rows, { rowGroupSize: 4 }));
    const items = [];
    for await (const item of parquetItems({ path, name: "a" })) items.push(item);
    const [first] = items;
    expect(await loadItem(first as (typeof items)[0])).toMatchObject({ source: rows[0] });
    await writeFile(path, "gone");
    expect(await loadItem(items[3] as (typeof items)[0])).toMatchObject({ source: rows[3] });
    await expect(loadItem(items[4] as (typeof items)[0])).rejects.toMatchObject({ code: "data" });
  });
});

describe("parquetItems finds the column", () => {
  const bytes = { type: "BYTE_ARRAY", data: rows.slice(0, 1) } as const;
  const file = (names: string[], marked?: string) =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: names.map((name) => ({ name, ...bytes })),
        ...(marked === undefined
          ? {}
          : {
              kvMetadata: [
                {
                  key: "huggingface",
                  value: JSON.stringify({ info: { features: { [marked]: { _type: "Image" }, x: null } } }),
                },
              ],
            }),
      }),
    );
  const found = [["a.parquet/0", rows[0]]];

  it("that is called image, or that the data set marks, or that the caller names", async () => {
    expect(await read(file(["thumbnail", "image"]))).toEqual(found);
    expect(await read(file(["left", "right"], "right"))).toEqual(found);
    expect(await read(file(["left", "right"]), "left")).toEqual(found);
    expect(await read(imageParquet(rows.slice(0, 1), { name: "photo" }), "photo")).toEqual(found);
  });

  it("or says why there is none, by the file's name", async () => {
    const reason = async (content: Uint8Array, column?: string) => (await read(content, column))[0]?.[1];
    expect(await reason(file(["left", "right"]))).toBe(
      `${path}: got a Parquet file with several image columns, left, right: say which (option column).`,
    );
    const texts = Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: "id", data: [1] },
          { name: "text", data: ["a"], type: "STRING" },
        ],
      }),
    );
    expect(await reason(texts)).toBe(
      `${path}: got a Parquet file without an image column (columns: id, text).`,
    );
    expect(await reason(file(["left"]), "right")).toBe(
      `${path}: got a Parquet file without an image column "right" (columns that could be one: left).`,
    );
  });
});

describe("parquetItems refuses, by the file's name,", () => {
  it.each<[string, Uint8Array | string, RegExp]>([
    ["an empty file", "", /a\.parquet: got an empty file\.$/],
    ["a text", "no Parquet at all", /a\.parquet: got a file that cannot be read as Parquet \(/],
    ["the first half", imageParquet(rows).subarray(0, 400), /cannot be read as Parquet/],
    [
      "an unknown compression",
      imageParquet(rows, { codec: "LZO", compressors: { LZO: (b) => b } }),
      /LZO; known: UNCOMPRESSED, SNAPPY, GZIP, BROTLI, ZSTD, LZ4_RAW, LZ4\)\.$/,
    ],
    ["a table without rows", imageParquet([]), /a\.parquet: got a Parquet file without rows\.$/],
  ])("%s", async (_, content, message) => {
    expect(await read(content)).toEqual([["a.parquet", expect.stringMatching(message)]]);
  });

  it("pages that are damaged, row by row from there on, and goes on with the next row group", async () => {
    const content = imageParquet(rows, { rowGroupSize: 3, codec: "UNCOMPRESSED" });
    const at = content.indexOf(Buffer.from(rows[1] as Uint8Array));
    content.writeUInt32LE(0x7fffffff, at - 4);
    const items = await read(content);
    expect(items[0]).toEqual(["a.parquet/0", rows[0]]);
    expect(items.slice(1, 3).map(([name, outcome]) => [name, String(outcome)])).toEqual(
      [1, 2].map((i) => [
        `a.parquet/${i}`,
        expect.stringMatching(
          new RegExp(`row ${i} \\(image\\): got a page that cannot be read \\(\\d+ bytes where`),
        ),
      ]),
    );
    expect(items.slice(3)).toEqual(rows.slice(3).map((bytes, i) => [`a.parquet/${i + 3}`, bytes]));
  });

  it("nothing else whatever bits are wrong: it ends with items and broken items", async () => {
    for (const codec of ["SNAPPY", "UNCOMPRESSED"] as const) {
      const whole = imageParquet([...rows, null], { codec, rowGroupSize: 3 });
      for (let seed = 0; seed < 150; seed++) {
        const random = new Random(seed, "damage", codec);
        const damaged = Buffer.from(whole);
        const at = random.integer(damaged.length);
        damaged[at] = (damaged[at] as number) ^ (1 << random.integer(8));
        expect((await read(damaged)).length).toBeGreaterThan(0);
      }
    }
  });
});
