import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadItem, type SourceItem } from "../../../src/data/image-source.js";
import { foundFiles, openSource } from "../../../src/data/index.js";
import { cutSource, openPiece, type SourcePiece } from "../../../src/data/sources/source-pieces.js";
import { temporaryFolder } from "../temporary.js";
import { imageParquet, someBytes, writeTar } from "./shards.js";

const folder = await temporaryFolder();
for (const name of ["a.png", "b.png", "c.png", "e.png"]) await writeFile(join(folder, name), name);
await writeTar(join(folder, "d.tar"), [
  ["0.png", someBytes(0, 9)],
  ["1.txt", "no image"],
  ["2.png", someBytes(2, 8)],
]);
const rows = Array.from({ length: 7 }, (_, i) => (i === 4 ? null : someBytes(i, 60 + i)));
await writeFile(join(folder, "f.parquet"), imageParquet(rows, { rowGroupSize: 3 }));
await writeFile(join(folder, "g.parquet"), "no table");

async function cut(imagesPerPiece: number): Promise<SourcePiece[]> {
  const pieces: SourcePiece[] = [];
  for await (const piece of cutSource(await foundFiles(folder), { imagesPerPiece })) pieces.push(piece);
  return pieces;
}

/** Names and contents; an item that cannot be read by its message. */
async function contents(items: AsyncIterable<SourceItem>): Promise<string[]> {
  const all: string[] = [];
  for await (const item of items) {
    const content = await loadItem(item).then(
      ({ source }) => (source instanceof Uint8Array ? source.join() : String(source)),
      (error: Error) => error.message,
    );
    all.push(`${item.name} ${content}`);
  }
  return all;
}

describe("cutSource", () => {
  it("makes a piece of neighbouring images, a tar shard, a row group and a file that is none", async () => {
    const shapes = (await cut(2)).map(({ files, images }) => [
      files.map(({ name, group }) => (group === undefined ? name : `${name}#${group}`)).join("+"),
      images,
    ]);
    expect(shapes).toEqual([
      ["a.png+b.png", 2],
      ["c.png", 1],
      ["d.tar", undefined],
      ["e.png", 1],
      ["f.parquet#0", 3],
      ["f.parquet#1", 3],
      ["f.parquet#2", 1],
      ["g.parquet", undefined],
    ]);
  });

  it.each([1, 3, 100])("pieces of %i have the items of the whole, in its order", async (size) => {
    const whole = await contents(await openSource(folder));
    expect(whole.length).toBe(4 + 2 + 7 + 1);
    const parts: string[] = [];
    for (const piece of await cut(size)) parts.push(...(await contents(openPiece(piece))));
    expect(parts).toEqual(whole);
  });
});
