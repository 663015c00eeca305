import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { IndexedImages, LeftOut } from "../../../src/data/index.js";
import { JoinedImages } from "../../../src/data/indexed/joined-images.js";
import { OpenGroups } from "../../../src/data/indexed/open-groups.js";
import { indexParquet } from "../../../src/data/indexed/parquet-index.js";
import { parquetItems } from "../../../src/data/sources/parquet-file.js";
import { imageParquet, someBytes } from "../sources/shards.js";
import { temporaryFolder } from "../temporary.js";
import { backwards, readAtOnce, streamed } from "./contents.js";

const folder = await temporaryFolder();
const path = join(folder, "table.parquet");
const table = { path, name: "table.parquet" };
const rows = Array.from({ length: 7 }, (_, i) => (i === 4 ? null : someBytes(i, 60 + i)));

async function indexed(options: object = {}): Promise<IndexedImages> {
  return new JoinedImages(await indexParquet({ ...table, ...options }, new OpenGroups()));
}

describe("indexParquet", () => {
  it.each<[string, (() => Promise<void>) | string]>([
    ["rows in several row groups", () => writeFile(path, imageParquet(rows, { rowGroupSize: 3 }))],
    ["rows in compressed pages", () => writeFile(path, imageParquet(rows, { codec: "SNAPPY" }))],
    ["no rows", () => writeFile(path, imageParquet([]))],
    ["no table", () => writeFile(path, "no table")],
    ["a table of the library datasets", "huggingface"],
    ["a table of polars", "polars"],
    ["lengths in pages of their own", "delta"],
    ["lists of images", "lists"],
  ])("has the images of the stream: %s", async (_, file) => {
    if (typeof file === "string")
      await copyFile(join(import.meta.dirname, `../sources/${file}.parquet`), path);
    else await file();
    const told: LeftOut[][] = [[], []];
    const expected = await streamed(parquetItems({ ...table, onLeftOut: (each) => told[0]?.push(each) }));
    const images = await indexed({ onLeftOut: (each: LeftOut) => told[1]?.push(each) });
    expect(images.length).toBeGreaterThan(0);
    expect(await backwards(images)).toEqual(expected);
    expect(told[1]).toEqual(told[0]);
    const all = expected.map((_, i) => i);
    expect(await readAtOnce(images, all)).toEqual(expected);
  });

  it("has a part for each row group, and knows images by file, bytes and row", async () => {
    const bytes = imageParquet(rows, { rowGroupSize: 3 });
    await writeFile(path, bytes);
    const images = await indexed();
    expect([...images.partLengths()]).toEqual([3, 3, 1]);
    expect(images.identity(5)).toBe(`table.parquet ${bytes.length} 5`);
    expect(images.name(5)).toBe(`${path} row 5 (image)`);
  });

  it("answers several who ask at a time, in any order of row groups", async () => {
    const many = Array.from({ length: 200 }, (_, i) => someBytes(i % 50, 20 + i));
    await writeFile(path, imageParquet(many, { rowGroupSize: 2, codec: "SNAPPY" })); // more groups than are kept
    const images = await indexed();
    const order = many.map((_, i) => (i * 77) % 200); // 77 and 200 have no common factor
    const loaded = await Promise.all(order.map((i) => images.load(i)));
    expect(loaded.map((bytes) => [...(bytes as Uint8Array)])).toEqual(
      order.map((i) => [...(many[i] as Uint8Array)]),
    );
  });

  it("says which columns there are where the one that is asked for is not", async () => {
    await writeFile(path, imageParquet(rows));
    const [only] = await backwards(await indexed({ column: "picture" }));
    expect(only?.[1]).toContain('without an image column "picture"');
  });
});
