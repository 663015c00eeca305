import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCodeManifest, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { collect, toVersion1, twoGrids } from "./samples.js";

const edit = async (path: string, change: (text: string) => string): Promise<void> => {
  await writeFile(path, change(await readFile(path, "utf8")));
};

describe("the manifest of a folder of codes", () => {
  it("reads what version 0.1 wrote", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const { grids } = await writeCodes(dir, twoGrids);
    await toVersion1(dir);
    expect(await collect(dir)).toEqual(twoGrids);
    expect(await readCodeManifest(dir)).toMatchObject({ layout: "npy", entries: 9, grids, files: [] });
  });

  it("reads version 2 of the manifest, which called entries images", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const manifest = await writeCodes(dir, twoGrids);
    await edit(join(dir, "manifest.json"), (text) =>
      text.replace('"formatVersion": 3', '"formatVersion": 2').replaceAll('"entries"', '"images"'),
    );
    expect(await readCodeManifest(dir)).toEqual(manifest);
    expect(await collect(dir)).toEqual(twoGrids);
  });

  it.each<[string, (dir: string) => Promise<void>, RegExp]>([
    [
      "a manifest of another version",
      (dir) =>
        edit(join(dir, "manifest.json"), (text) => text.replace('"formatVersion": 3', '"formatVersion": 4')),
      /manifest\.json: formatVersion: expected at most 3, got 4/,
    ],
    [
      "a file outside the folder",
      (dir) =>
        edit(join(dir, "manifest.json"), (text) => text.replace('"codes-4x1.npy"', '"../codes-4x1.npy"')),
      /files\[2\]\.file: expected the name of a code file, got "\.\.\/codes-4x1\.npy"/,
    ],
    [
      "grids that do not add up",
      (dir) => edit(join(dir, "manifest.json"), (text) => text.replace('"entries": 9', '"entries": 8')),
      /entries: expected 9, as the grids have together, got 8/,
    ],
    [
      "a file that is cut short",
      (dir) => edit(join(dir, "images.jsonl"), (text) => text.slice(0, -5)),
      /images\.jsonl: expected \d+ bytes as in the manifest, got \d+\. The file is cut short/,
    ],
    [
      "a file that is missing",
      (dir) => rm(join(dir, "codes-4x1.npy")),
      /codes-4x1\.npy: expected a file as in the manifest/,
    ],
  ])("refuses %s", async (_, damage, message) => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, twoGrids);
    await damage(dir);
    await expect(collect(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(message),
    });
  });
});
