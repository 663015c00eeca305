import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openFileList, openSource, type SourceItem } from "../../../src/data/index.js";
import { temporaryFolder } from "../temporary.js";
import { imageParquet, someBytes, writeTar } from "./shards.js";

const root = await temporaryFolder();
const bytes = someBytes(1, 90);

/** A folder of images, a tar shard and a Parquet file; what is in the images does not matter here. */
async function mixedFolder(name: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(join(folder, "sub"), { recursive: true });
  for (const file of ["b.jpg", "sub/a.png", "sub/notes.txt"]) await writeFile(join(folder, file), "content");
  await writeTar(join(folder, "a.tar"), [
    ["0.jpg", bytes],
    ["x/1.png", bytes],
  ]);
  await writeFile(join(folder, "c.parquet"), imageParquet([bytes, bytes, bytes]));
  return folder;
}

async function namesOf(items: AsyncIterable<SourceItem>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of items) names.push(name);
  return names;
}

describe("openSource", () => {
  it("searches folders and patterns for images and for files of many, sorted by path", async () => {
    const folder = await mixedFolder("mixed");
    const all = ["a.tar/0", "a.tar/x/1", "b.jpg", "c.parquet/0", "c.parquet/1", "c.parquet/2", "sub/a.png"];
    expect(await namesOf(await openSource(folder))).toEqual(all);
    expect(await namesOf(await openSource(`${folder}/*.{tar,parquet}`))).toEqual(
      all.filter((name) => !/jpg|png/.test(name)),
    );
    const several = await openSource([join(folder, "sub"), join(folder, "c.parquet"), join(folder, "b.jpg")]);
    expect(await namesOf(several)).toEqual(all.slice(2));
    // A second reading is the same as the first.
    expect(await namesOf(several)).toEqual(all.slice(2));
  });

  it("knows how many images there are, or estimates it from the bytes read", async () => {
    const folder = await mixedFolder("total");
    expect((await openSource(join(folder, "sub"))).total).toBe(1);
    expect((await openSource(join(folder, "sub"))).names).toHaveLength(1);
    const mixed = await openSource(folder);
    expect(mixed.total).toBeUndefined();
    expect(mixed.names).toBeUndefined();
    const totals: unknown[] = [];
    for await (const _ of mixed) totals.push(mixed.total);
    expect(totals.every((total) => total === undefined || Number.isInteger(total))).toBe(true);
    expect(mixed.total).toBe(7);
  });

  it("takes images from code in their own order: named ones, paths, bytes, pixels", async () => {
    const pixels = { pixels: new Uint8Array(12), height: 2, width: 2, channels: 3 as const };
    const named = { name: "mine", source: async () => bytes };
    async function* stream() {
      yield named;
      yield "z.jpg";
      yield bytes;
      yield pixels;
    }
    const names = ["mine", "z.jpg", "image 2", "image 3"];
    expect(await namesOf(await openSource(stream()))).toEqual(names);
    expect((await openSource(stream())).total).toBeUndefined();
    const list = await openSource([named, "z.jpg", bytes, pixels]);
    expect(await namesOf(list)).toEqual(names);
    expect(list.total).toBe(4);
    expect((await openSource(list)).total).toBe(4);
    for (const one of [bytes, pixels, named]) expect((await openSource(one)).total).toBe(1);
    expect(await namesOf(await openSource(bytes))).toEqual(["image 0"]);
  });

  it.each([
    ["nowhere", /nowhere: expected a folder, a file or a glob pattern, found nothing there\./],
    [
      "mixed/sub/notes.txt",
      /expected a folder or an image file \(jpg, .*, gif, tar, tar\.gz, tgz, tar\.zst, parquet\)\./,
    ],
  ])("refuses the path %s", async (path, message) => {
    await mixedFolder("mixed");
    await expect(openSource(join(root, path))).rejects.toMatchObject({
      code: "data",
      message: expect.stringMatching(message),
    });
  });
});

describe("openFileList", () => {
  it("keeps the order of the list, names by the common folder, and looks for nothing before its turn", async () => {
    const folder = await mixedFolder("list");
    const files = ["sub/a.png", "c.parquet", "missing.jpg", "b.jpg", "sub/a.png"].map((file) =>
      join(folder, file),
    );
    const list = openFileList(files);
    expect(await namesOf(list)).toEqual([
      "sub/a.png",
      "c.parquet/0",
      "c.parquet/1",
      "c.parquet/2",
      "missing.jpg",
      "b.jpg",
      "sub/a.png",
    ]);
    expect(openFileList(["a.jpg", "b.jpg"]).total).toBe(2);
    expect(await namesOf(openFileList(["x/a.jpg", "x/y/b.jpg"]))).toEqual(["a.jpg", "y/b.jpg"]);
    expect(() => openFileList([])).toThrow("file list: expected at least one file, got none.");
  });
});
