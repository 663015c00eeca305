/** `codes.parquet` as other programs write it anew: the same columns, in another form. */
import { spawnSync } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetMetadata, parquetReadObjects, type SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { type Codes, openCodes, readCodes } from "../../../src/tokenizer/index.js";
import { storedAsZstandard } from "../../files/zstandard-data.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";

const golden = join(import.meta.dirname, "../../golden/0.1.0/codes/parquet");
const original = new Uint8Array(await readFile(join(golden, "codes.parquet"))).buffer;
const rows = await parquetReadObjects({ file: original });
const manifest =
  parquetMetadata(original).key_value_metadata?.find(({ key }) => key === "vqkit")?.value ?? "";

type WriteOptions = Partial<Parameters<typeof parquetWriteBuffer>[0]>;
type Repetition = SchemaElement["repetition_type"];

interface Form {
  readonly wide?: boolean;
  readonly repetition?: Repetition;
  /** Names of the list's parts. */
  readonly list?: readonly [string, string];
  readonly extra?: boolean;
  readonly without?: string;
  readonly rows?: readonly Record<string, unknown>[];
  readonly options?: WriteOptions;
}

/** The table in another form, its columns in the opposite order. */
function rewritten(form: Form): Uint8Array {
  const {
    wide = false,
    repetition = "OPTIONAL",
    list = ["list", "element"],
    extra = false,
    options = {},
  } = form;
  const table = form.rows ?? rows;
  const names = Object.keys(rows[0] as object)
    .reverse()
    .filter((name) => name !== form.without);
  const integer = (name: string): SchemaElement => ({
    name,
    type: wide ? "INT64" : "INT32",
    repetition_type: repetition,
  });
  const number = (value: unknown): unknown => (wide && typeof value === "number" ? BigInt(value) : value);
  const element = (name: string): SchemaElement[] => {
    if (name === "name")
      return [{ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: repetition }];
    if (name !== "indices")
      return [{ ...integer(name), repetition_type: name.startsWith("tile_") ? "OPTIONAL" : repetition }];
    return [
      { name, converted_type: "LIST", repetition_type: repetition, num_children: 1 },
      { name: list[0], repetition_type: "REPEATED", num_children: 1 },
      integer(list[1]),
    ];
  };
  const values = (name: string): unknown[] =>
    table.map((row) => {
      const value = row[name];
      return name === "indices" ? Array.from(value as ArrayLike<number>, number) : number(value);
    });
  const extras = extra ? [{ name: "caption", data: table.map(() => "text") }] : [];
  const buffer = parquetWriteBuffer({
    schema: [
      { name: "root", num_children: names.length + extras.length, repetition_type: "REQUIRED" },
      ...names.flatMap(element),
      ...extras.map(
        ({ name }) =>
          ({ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" }) as const,
      ),
    ],
    columnData: [...names.map((name) => ({ name, data: values(name) })), ...extras],
    kvMetadata: [{ key: "vqkit", value: manifest }],
    ...options,
  } as Parameters<typeof parquetWriteBuffer>[0]);
  return new Uint8Array(buffer);
}

async function codesIn(path: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { images, shape, indices } of readCodes(path) as AsyncIterable<Codes>) {
    all.push({ images, shape, indices: [...indices] });
  }
  return all;
}

describe("a table of codes that another program wrote anew", () => {
  it.each<[string, Form]>([
    ["with columns that may be null, in another order", {}],
    ["with none that may", { repetition: "REQUIRED" }],
    ["with integers of 64 bits", { wide: true }],
    ["with another column, and other names of the list's parts", { extra: true, list: ["bag", "item"] }],
    ["in row groups of 1", { options: { rowGroupSize: 1 } }],
    ["uncompressed", { options: { codec: "UNCOMPRESSED" } }],
    ["in gzip", { options: { codec: "GZIP", compressors: { GZIP: gzipSync } } }],
    [
      "in Zstandard",
      { options: { codec: "ZSTD", compressors: { ZSTD: (bytes: Uint8Array) => storedAsZstandard(bytes) } } },
    ],
  ])("is read: %s", async (_, form) => {
    const path = join(await temporaryFolder(), "codes.parquet");
    await writeFile(path, rewritten(form));
    expect(await codesIn(path)).toEqual(await codesIn(join(golden, "codes.parquet")));
    const reader = await openCodes(path);
    expect((await reader.readEntry(2)).images).toEqual([
      expect.objectContaining({ name: (rows[2] as { name: string }).name }),
    ]);
  });

  it.each<[string, Form, RegExp]>([
    ["a column is gone", { without: "width" }, /expected the columns of codes, got no column "width"\.$/],
    [
      "the key is gone",
      { options: { kvMetadata: [] } },
      /expected the key "vqkit" in the metadata, got a table without it\. It has no codes, or was written anew/,
    ],
    [
      "a row is gone",
      { rows: rows.slice(1) },
      /expected 3 rows as its metadata say, got 2\. Rows were added or removed\.$/,
    ],
    [
      "a value is null",
      { rows: rows.map((row, i) => (i === 1 ? { ...row, width: null } : row)) },
      /row 1: width: expected /,
    ],
    [
      "an index is too large",
      {
        wide: true,
        rows: rows.map((row) => ({ ...row, indices: Array.from(row.indices as number[], () => 24) })),
      },
      /24/,
    ],
  ])("is refused with what is so where %s", async (_, form, message) => {
    const path = join(await temporaryFolder(), "codes.parquet");
    await writeFile(path, rewritten(form));
    await expect(codesIn(path)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(message),
    });
  });

  it("is refused as damaged where its schema has more columns than it describes", async () => {
    const path = join(await temporaryFolder(), "codes.parquet");
    const bytes = Buffer.from(original.slice(0));
    const at = bytes.indexOf("schema") + "schema".length;
    expect([...bytes.subarray(at, at + 2)]).toEqual([21, 24]); // 12 children, as zigzag
    bytes[at + 1] = 26;
    await writeFile(path, bytes);
    await expect(codesIn(path)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/codes\.parquet: expected a Parquet file that can be read \(/),
    });
  });

  it("is refused where a run claims more than its page has, before the library follows it", async () => {
    const path = join(await temporaryFolder(), "codes.parquet");
    const bytes = Buffer.from(original.slice(0));
    // Found by the fuzzer: with one byte more in a page's header its levels begin elsewhere, and claim a thousand million values.
    await writeFile(path, Buffer.concat([bytes.subarray(0, 436), Uint8Array.of(128), bytes.subarray(436)]));
    await expect(codesIn(path)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/rows 0\.\.2: expected a Parquet file that can be read \(/),
    });
  });

  it("is refused in the folder that states another length, with the way to read it", async () => {
    const dir = await temporaryFolder();
    await copyFile(join(golden, "manifest.json"), join(dir, "manifest.json"));
    await writeFile(join(dir, "codes.parquet"), rewritten({ extra: true }));
    await expect(codesIn(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(
        /codes\.parquet: expected 1475 bytes as in the manifest, got \d+\. The file was changed or replaced after it was written\. To read it as it is, give the file itself\.$/,
      ),
    });
    expect(await codesIn(join(dir, "codes.parquet"))).toEqual(await codesIn(golden));
  });

  it("by pyarrow is read, where it is there", async (context) => {
    const python = [process.env.VQKIT_PYTHON ?? "python3"].find(
      (each) => spawnSync(each, ["-c", "import pyarrow.parquet"], { stdio: "ignore" }).status === 0,
    );
    if (python === undefined) return context.skip("no pyarrow");
    const path = join(await temporaryFolder(), "codes.parquet");
    const code =
      "import sys, pyarrow.parquet as q; q.write_table(q.read_table(sys.argv[1]), sys.argv[2], compression='zstd')";
    expect(spawnSync(python, ["-c", code, join(golden, "codes.parquet"), path]).status).toBe(0);
    expect(await codesIn(path)).toEqual(await codesIn(golden));
  });
});
