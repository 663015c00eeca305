import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Codes, openCodes, sliceCodes, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { fingerprint } from "./arbitrary.js";
import { collect, oneByOne, smallBatches, twoGrids, written } from "./samples.js";

describe("readCodes", () => {
  it("gives the images back in the order of writing, neighbours of one grid in batches", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, twoGrids);
    expect(await collect(dir)).toEqual(twoGrids);
    const small = await collect(dir, 3);
    expect(small.map(({ shape }) => shape[0])).toEqual([2, 3, 3, 1]);
    expect(small[2]).toEqual(sliceCodes(twoGrids[2] as Codes, 0, 3));
    expect(oneByOne(small)).toEqual(oneByOne(twoGrids));
    await expect(collect(dir, 0)).rejects.toMatchObject({ code: "config", path: "batchSize" });
  });

  it("says what is no code folder", async () => {
    const folder = await temporaryFolder();
    await expect(collect(join(folder, "none"))).rejects.toMatchObject({
      code: "codes",
      message: `${join(folder, "none")}: expected a code folder with manifest.json, got nothing there. Give the folder that encode wrote.`,
    });
    await writeFile(join(folder, "a.txt"), "");
    await expect(collect(folder)).rejects.toMatchObject({ code: "codes" });
  });
});

describe("openCodes", () => {
  it("opens a Parquet or packed file that was taken out of its folder", async () => {
    for (const [format, file] of [
      ["packed", "codes.vqc"],
      ["parquet", "codes.parquet"],
    ] as const) {
      const path = join(await written(format), file);
      const reader = await openCodes(path);
      expect(reader.manifest).toMatchObject({ layout: format, fingerprint, entries: 3, files: [] });
      expect(reader.manifest.grids).toEqual([
        { gridHeight: 2, gridWidth: 3, entries: 2 },
        { gridHeight: 1, gridWidth: 2, entries: 1 },
      ]);
      expect(await collect(path)).toEqual(smallBatches);
    }
  });

  it("says what is no file of codes", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "cat.jpg"), "no codes");
    await expect(openCodes(join(folder, "cat.jpg"))).rejects.toMatchObject({ code: "codes" });
    await writeFile(join(folder, "cat.vqc"), "no codes");
    await expect(openCodes(join(folder, "cat.vqc"))).rejects.toMatchObject({ code: "format" });
    await writeFile(join(folder, "cat.parquet"), "PAR1 and then nothing of the kind");
    await expect(openCodes(join(folder, "cat.parquet"))).rejects.toMatchObject({ code: "format" });
    await mkdir(join(folder, "empty"));
    await expect(openCodes(join(folder, "empty"))).rejects.toMatchObject({ code: "codes" });
  });

  it("refuses a folder whose manifest is of another model than its file", async () => {
    for (const format of ["packed", "parquet"] as const) {
      const dir = await written(format);
      const path = join(dir, "manifest.json");
      await writeFile(path, (await readFile(path, "utf8")).replace(fingerprint, "f".repeat(64)));
      await expect(openCodes(dir)).rejects.toMatchObject({
        code: "format",
        message: expect.stringMatching(/expected fingerprint f{64} as in the manifest, got 0123456789abcdef/),
      });
    }
  });
});
