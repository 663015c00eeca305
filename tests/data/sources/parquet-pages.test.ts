import { mkdir, stat, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { ByteWriter } from "hyparquet-writer/src/bytewriter.js";
import { deltaByteArray, deltaLengthByteArray } from "hyparquet-writer/src/delta.js";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { loadItem, type SourceItem } from "../../../src/data/image-source.js";
import { decodeImage, ImageError, type LeftOut } from "../../../src/data/index.js";
import { parquetItems } from "../../../src/data/sources/parquet-file.js";
import { temporaryFolder } from "../temporary.js";
import { plain, uint32, writeByHand } from "./parquet-by-hand.js";
import { outcomes, someBytes } from "./shards.js";

const folder = await temporaryFolder();
const path = join(folder, "a.parquet");
const read = (file = path) => outcomes(parquetItems({ path: file, name: "a" }));
const values = Array.from({ length: 12 }, (_, i) => someBytes(i, 30 + 7 * i));
const value = (i: number): Uint8Array => values[i] as Uint8Array;

/** What items of a file of another program are: the colour of their first pixel, or why there is none. */
async function colours(file: string, column?: string) {
  const leftOut: LeftOut[] = [];
  const found: unknown[] = [];
  const options = { path: file, name: "a", ...(column === undefined ? {} : { column }) };
  for await (const item of parquetItems({ ...options, onLeftOut: (each) => leftOut.push(each) })) {
    try {
      const { source, where } = await loadItem(item);
      const { pixels } = await decodeImage(source, { name: where });
      found.push([item.name, ...pixels.subarray(0, 3)]);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      found.push([item.name, error.reason]);
    }
  }
  return { found, leftOut };
}

const fixture = (name: string): string => join(import.meta.dirname, name);
const [red, green, blue] = [
  [250, 10, 20],
  [30, 240, 40],
  [50, 60, 230],
] as const;

describe("files as other programs write them", () => {
  it("polars: Zstandard, a struct of bytes and path", async () => {
    // polars 2.1, write_parquet with nothing said.
    expect((await colours(fixture("polars.parquet"))).found).toEqual([
      ["a/0", ...red],
      ["a/1", ...green],
      ["a/2", ...blue],
    ]);
  });

  it("pyarrow: DELTA_LENGTH_BYTE_ARRAY with a null, Zstandard, two row groups", async () => {
    expect((await colours(fixture("delta.parquet"))).found).toEqual([
      ["a/0", ...red],
      ["a/1", "no bytes"],
      ["a/2", ...green],
      ["a/3", ...blue],
      ["a/4", ...blue],
    ]);
  });

  it("pyarrow: a list of images a row, LZ4, pages of version 2, two row groups", async () => {
    // [red, green], [], null | [blue, null, {bytes: null, path: "gone.png"}], [green]
    const { found, leftOut } = await colours(fixture("lists.parquet"));
    expect(found).toEqual([
      ["a/0/0", ...red],
      ["a/0/1", ...green],
      ["a/3/0", ...blue],
      ["a/3/1", "no bytes"],
      ["a/3/2", 'no bytes, and a path to a file that is not beside the Parquet file, "gone.png"'],
      ["a/4/0", ...green],
    ]);
    expect(leftOut).toEqual([{ file: fixture("lists.parquet"), what: "rows without images", count: 2 }]);
  });
});

describe("lists of images", () => {
  const lists = [[value(0)], [value(1), value(2), value(3)], [], [value(4)], [value(5), value(6)]];
  const expected = lists.flatMap((list, row) => list.map((bytes, i) => [`a/${row}/${i}`, bytes]));

  it.each([undefined, 60])(
    "have all of them, over as many pages as there are (page size %s)",
    async (pageSize) => {
      const schema = [
        { name: "root", num_children: 1 },
        { name: "pictures", converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      ] as const;
      const content = parquetWriteBuffer({
        schema: [...schema],
        columnData: [{ name: "pictures", data: lists }],
        rowGroupSize: 3,
        ...(pageSize === undefined ? {} : { pageSize }),
      });
      await writeFile(path, new Uint8Array(content));
      expect(await read()).toEqual(expected);
    },
  );

  it("may be a repeated column by itself, as older programs have it", async () => {
    // Repetition 0 1 0 0 and definition 1 1 0 1, packed: rows [v0, v1], [], [v2].
    const levels = (bits: number): Buffer => Buffer.concat([uint32(2), Uint8Array.of(0b11, bits)]);
    const body = Buffer.concat([levels(0b0010), levels(0b1011), plain(value(0), value(1), value(2))]);
    const schema = [
      { name: "root", num_children: 1 },
      { name: "image", type: "BYTE_ARRAY", repetition_type: "REPEATED" },
    ] as const;
    await writeByHand(path, [{ rows: 3, values: 4, pages: [{ values: 4, body }] }], { schema });
    expect(await read()).toEqual([
      ["a/0/0", value(0)],
      ["a/0/1", value(1)],
      ["a/2/0", value(2)],
    ]);
  });

  it("are broken from where a page is, and go on with the next row group", async () => {
    const levels = (bits: number): Buffer => Buffer.concat([uint32(2), Uint8Array.of(0b11, bits)]);
    const schema = [
      { name: "root", num_children: 1 },
      { name: "image", type: "BYTE_ARRAY", repetition_type: "REPEATED" },
    ] as const;
    const good = { values: 2, body: Buffer.concat([levels(0b10), levels(0b11), plain(value(0), value(1))]) };
    const bad = { values: 2, body: Buffer.concat([uint32(99), Uint8Array.of(1)]) };
    const groups = [
      { rows: 3, values: 4, pages: [good, bad] },
      { rows: 1, values: 2, pages: [good] },
      { rows: 2, values: 2, pages: [good] },
    ];
    await writeByHand(path, groups, { schema });
    const found = (await read()).map(([name, outcome]) =>
      typeof outcome === "string" ? [name, outcome] : [name],
    );
    expect(found).toEqual([
      ["a/0/0"],
      ["a/0/1"],
      [
        "a/rows 0..2",
        expect.stringMatching(
          /rows 0\.\.2 \(image\): got a row group that cannot be read from there on \(.*99 bytes where/,
        ),
      ],
      ["a/3/0"],
      ["a/3/1"],
      ["a/4/0"],
      ["a/4/1"],
      ["a/rows 4..5", expect.stringContaining("(1 rows instead of 2)")],
    ]);
  });
});

describe("a path in the place of bytes", () => {
  const schema = [
    { name: "root", num_children: 1 },
    { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
    { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
    { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  ] as const;
  const table = async (dir: string, images: readonly (object | null)[]): Promise<string> => {
    await mkdir(join(dir, "pictures"), { recursive: true });
    const content = parquetWriteBuffer({
      schema: [...schema],
      columnData: [{ name: "image", data: [...images] }],
    });
    const file = join(dir, "table.parquet");
    await writeFile(file, new Uint8Array(content));
    return file;
  };
  const picture = async (rgb: readonly [number, number, number]): Promise<Buffer> => {
    const [r, g, b] = rgb;
    return sharp({ create: { width: 2, height: 3, channels: 3, background: { r, g, b } } })
      .png()
      .toBuffer();
  };

  it("is read beside the Parquet file, and below", async () => {
    const dir = join(folder, "beside");
    const file = await table(dir, [
      { bytes: null, path: "r.png" },
      { bytes: await picture(blue), path: "r.png" },
      { bytes: null, path: "./pictures/g.png" },
      { bytes: null, path: join(dir, "pictures", "g.png") },
    ]);
    await writeFile(join(dir, "r.png"), await picture(red));
    await writeFile(join(dir, "pictures", "g.png"), await picture(green));
    expect((await colours(file)).found).toEqual([
      ["a/0", ...red],
      ["a/1", ...blue],
      ["a/2", ...green],
      ["a/3", ...green],
    ]);
  });

  it("is read only there, and the reason says what was named", async () => {
    const dir = join(folder, "outside");
    const file = await table(dir, [
      { bytes: null, path: "../beside/r.png" },
      { bytes: null, path: "/data/1.png" },
      { bytes: null, path: "missing.png" },
      { bytes: null, path: "link.png" },
      { bytes: null, path: "pictures" },
      { bytes: null, path: "a\0b" },
      { bytes: null, path: null },
      null,
    ]);
    await writeFile(join(folder, "elsewhere.png"), await picture(red));
    await symlink("../elsewhere.png", join(dir, "link.png"));
    const leads = "no bytes, and a path that leads out of the folder of the Parquet file,";
    expect((await colours(file)).found).toEqual([
      ["a/0", `${leads} "../beside/r.png"`],
      ["a/1", `${leads} "/data/1.png"`],
      ["a/2", 'no bytes, and a path to a file that is not beside the Parquet file, "missing.png"'],
      ["a/3", 'no bytes, and a path by way of a symbolic link, which is not followed, "link.png"'],
      ["a/4", 'no bytes, and a path to what is no file, "pictures"'],
      ["a/5", `${leads} "a\\u0000b"`],
      ["a/6", "no bytes"],
      ["a/7", "no bytes"],
    ]);
  });
});

describe("encodings", () => {
  const packed = (write: typeof deltaByteArray, some: readonly Uint8Array[]): Uint8Array => {
    const writer = new ByteWriter();
    write(writer, [...some]);
    return writer.getBytes();
  };
  // Beginnings in common, an empty value, and lengths that fall as well as rise; more than one block of 128.
  const many = Array.from({ length: 300 }, (_, i) =>
    Buffer.concat([someBytes(1, (i * 37) % 90), someBytes(i, i % 11)]),
  );

  it.each([
    ["DELTA_LENGTH_BYTE_ARRAY", deltaLengthByteArray],
    ["DELTA_BYTE_ARRAY", deltaByteArray],
  ] as const)("%s", async (encoding, write) => {
    await writeByHand(path, [{ rows: 300, pages: [{ values: 300, encoding, body: packed(write, many) }] }]);
    expect(await read()).toEqual(many.map((bytes, i) => [`a/${i}`, Uint8Array.from(bytes)]));
    // Any order: a value is the same whatever was read before.
    const items = [];
    for await (const item of parquetItems({ path, name: "a" })) items.push(item);
    for (const i of [299, 128, 127, 129, 0, 299]) {
      const { source } = await loadItem(items[i] as (typeof items)[0]);
      expect(Buffer.from(source as Uint8Array).equals(many[i] as Buffer)).toBe(true);
    }
  });

  it.each<[string, string, number[], RegExp]>([
    [
      "an unknown one",
      "BYTE_STREAM_SPLIT",
      [0],
      /encoded as BYTE_STREAM_SPLIT \(known: PLAIN, RLE_DICTIONARY/,
    ],
    [
      "lengths beyond the page",
      "DELTA_LENGTH_BYTE_ARRAY",
      [0x80, 1, 4, 1, 40, 1, 2, 3],
      /20 bytes where 3 are left/,
    ],
    ["a length below zero", "DELTA_LENGTH_BYTE_ARRAY", [0x80, 1, 4, 1, 1, 1, 2, 3], /-1 bytes where/],
    ["another number of values", "DELTA_LENGTH_BYTE_ARRAY", [0x80, 1, 4, 2, 4, 1], /2 numbers for 1 values/],
    [
      "blocks of nothing",
      "DELTA_LENGTH_BYTE_ARRAY",
      [0x80, 1, 0, 1, 4, 1],
      /blocks of 128 numbers in 0 parts/,
    ],
    [
      "blocks without end",
      "DELTA_BYTE_ARRAY",
      [0x80, 0x80, 0x80, 8, 4, 1, 4, 1],
      /blocks of 16777216 numbers/,
    ],
    ["a dictionary that is not there", "RLE_DICTIONARY", [1, 2, 0], /a page without its dictionary/],
  ])("refuse %s", async (_, encoding, body, message) => {
    await writeByHand(path, [{ rows: 1, pages: [{ values: 1, encoding, body: Uint8Array.from(body) }] }]);
    expect(await read()).toEqual([["a/0", expect.stringMatching(message)]]);
  });

  it("levels in the form before RLE are refused by name", async () => {
    const schema = [
      { name: "root", num_children: 1 },
      { name: "image", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
    ] as const;
    const data_page_header = {
      num_values: 1,
      encoding: "PLAIN",
      definition_level_encoding: "BIT_PACKED",
    } as never;
    await writeByHand(
      path,
      [{ rows: 1, pages: [{ values: 1, body: plain(value(1)), header: { data_page_header } }] }],
      { schema },
    );
    expect(await read()).toEqual([
      ["a/0", expect.stringContaining("levels encoded as BIT_PACKED (known: RLE)")],
    ]);
  });
});

describe("dictionaries", () => {
  const dictionary = (...some: Uint8Array[]) => ({
    values: some.length,
    body: plain(...some),
    header: {
      type: "DICTIONARY_PAGE",
      data_page_header: undefined,
      dictionary_page_header: { num_values: some.length, encoding: "PLAIN" },
    } as never,
  });
  /** `count` times the index `index` in one run; the width first. */
  const run = (count: number, index: number): Uint8Array => {
    const header: number[] = [];
    for (let left = 2 * count; ; left = Math.floor(left / 128)) {
      header.push(left < 128 ? left : (left % 128) + 128);
      if (left < 128) break;
    }
    return Uint8Array.from([1, ...header, index]);
  };
  const indices = (count: number, index: number) => ({
    values: count,
    encoding: "RLE_DICTIONARY",
    body: run(count, index),
  });

  it("let a file have many more rows than bytes", async () => {
    await writeByHand(path, [
      { rows: 20_000, pages: [dictionary(value(1), value(2)), indices(15_000, 1), indices(5_000, 0)] },
    ]);
    expect((await stat(path)).size).toBeLessThan(1000);
    const found = await read();
    expect(found).toHaveLength(20_000);
    expect(found[14_999]).toEqual(["a/14999", value(2)]);
    expect(found[15_000]).toEqual(["a/15000", value(1)]);
  });

  it.each<[string, number, number, number | undefined, RegExp]>([
    ["its pages have fewer", 20_000, 9_000, undefined, /pages with fewer values than the column has/],
    ["its pages have more", 20_000, 30_000, undefined, /a page of 30000 values for 20000 rows/],
    [
      "its column has another number",
      20_000,
      20_000,
      19_999,
      /a row group of 20000 rows with 19999 values of image/,
    ],
  ])("but not where %s", async (_, rows, inPage, stated, message) => {
    const pages = [dictionary(value(1)), indices(inPage, 0)];
    await writeByHand(path, [{ rows, pages, ...(stated === undefined ? {} : { values: stated }) }]);
    expect(await read()).toEqual([["a", expect.stringMatching(message)]]);
  });

  it("nor where the file states another number than its row groups", async () => {
    await writeByHand(path, [{ rows: 20_000, pages: [dictionary(value(1)), indices(20_000, 0)] }], {
      rows: 7,
    });
    expect(await read()).toEqual([["a", expect.stringMatching(/7 rows, of which 20000 in its row groups/)]]);
  });

  it("may be left for plain values within a row group", async () => {
    const pages = [
      dictionary(value(3)),
      indices(4, 0),
      { values: 2, body: plain(value(5), value(6)) },
      indices(1, 0),
    ];
    await writeByHand(path, [{ rows: 7, pages }]);
    const expected = [3, 3, 3, 3, 5, 6, 3];
    expect(await read()).toEqual(expected.map((each, i) => [`a/${i}`, value(each)]));
  });

  it("refuse an index that they do not have, and a value beyond their end", async () => {
    await writeByHand(path, [{ rows: 2, pages: [dictionary(value(3)), indices(2, 1)] }]);
    expect((await read())[1]).toEqual(["a/1", expect.stringContaining("value 1 of a dictionary of 1")]);
    const short = { ...dictionary(value(3)), body: plain(value(3)).subarray(0, 20) };
    await writeByHand(path, [{ rows: 1, pages: [short, indices(1, 0)] }]);
    expect(await read()).toEqual([["a/0", expect.stringContaining("a value of 51 bytes where 16 are left")]]);
  });
});

describe("row groups of more than 2 GiB", () => {
  const GiB = 2 ** 30;
  const huge = 1.25 * GiB;

  it("are read page by page, and of a page only what is asked for", async () => {
    // The second value of each page is 1.25 GiB of zeros that are not on the disk, and is passed over.
    const page = (i: number) => ({
      values: 2,
      body: Buffer.concat([plain(value(i)), uint32(huge)]),
      hole: huge,
    });
    await writeByHand(path, [{ rows: 6, pages: [page(0), page(1), page(2)] }]);
    expect((await stat(path)).size).toBeGreaterThan(3.5 * GiB);
    const items = [];
    for await (const item of parquetItems({ path, name: "a" })) items.push(item);
    const before = process.memoryUsage().arrayBuffers;
    for (const [row, i] of [
      [0, 0],
      [4, 2],
      [2, 1],
    ] as const) {
      const { source } = await loadItem(items[row] as (typeof items)[0]);
      expect(Buffer.from(source as Uint8Array).equals(value(i))).toBe(true);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
    await unlink(path);
  });

  it("have a page read when the first of its images is asked for, and not with the one before", async () => {
    // Snappy with literals alone: the length as a varint, then a literal with a length of 4 bytes.
    const store = (bytes: Buffer): Buffer => {
      const size = bytes.length;
      const head = [(size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14, 63 << 2];
      return Buffer.concat([Uint8Array.from(head), uint32(size - 1), bytes]);
    };
    const pages = Array.from({ length: 4 }, (_, i) => {
      const content = plain(Buffer.alloc(2 ** 20, i + 1), Uint8Array.of(i));
      const body = store(content);
      const sizes = { uncompressed_page_size: content.length, compressed_page_size: body.length };
      return { values: 2, body, header: sizes };
    });
    await writeByHand(path, [{ rows: 8, codec: "SNAPPY", pages }]);
    const items: SourceItem[] = [];
    for await (const item of parquetItems({ path, name: "a" })) items.push(item);
    const load = async (row: number): Promise<number | undefined> =>
      ((await loadItem(items[row] as (typeof items)[0])).source as Uint8Array).at(-1);
    expect([await load(2), await load(0)]).toEqual([2, 1]);
    await truncate(path, 2 ** 20 + 2000); // all of the first page is there
    expect([await load(1), await load(0)]).toEqual([0, 1]);
    await expect(load(3)).rejects.toThrow("the file is shorter than when it was opened");
    await unlink(path);
  });
});

it("a value is of its own bytes: what its page held is not kept alive by it", async () => {
  await writeByHand(path, [{ rows: 2, pages: [{ values: 2, body: plain(value(3), value(4)) }] }]);
  for await (const item of parquetItems({ path, name: "a" })) {
    const { source } = await loadItem(item);
    expect((source as Uint8Array).buffer.byteLength).toBe((source as Uint8Array).length);
  }
});
