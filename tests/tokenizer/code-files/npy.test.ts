import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../../src/files/index.js";
import { type Codes, readCodeManifest, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { fingerprint } from "./arbitrary.js";
import { codesOf, collect, toVersion1, twoGrids } from "./samples.js";

const edit = async (path: string, change: (text: string) => string): Promise<void> => {
  await writeFile(path, change(await readFile(path, "utf8")));
};

describe("format npy", () => {
  it("writes one stack a latent grid, a line an image, and a manifest", async () => {
    const dir = join(await temporaryFolder(), "new", "codes");
    const manifest = await writeCodes(dir, twoGrids);
    expect((await readdir(dir)).sort()).toEqual([
      "codes-2x3.npy",
      "codes-4x1.npy",
      "images.jsonl",
      "manifest.json",
    ]);
    const lines = await readFile(join(dir, "images.jsonl"), "utf8");
    const expected = {
      layout: "npy",
      fingerprint,
      codebookSize: 900,
      numCodebooks: 2,
      entries: 9,
      grids: [
        { gridHeight: 2, gridWidth: 3, entries: 6 },
        { gridHeight: 4, gridWidth: 1, entries: 3 },
      ],
      files: [
        { file: "images.jsonl", bytes: lines.length },
        // 192 bytes of header, then 2 bytes an index.
        { file: "codes-2x3.npy", bytes: 192 + 2 * (6 * 2 * 3 * 2) },
        { file: "codes-4x1.npy", bytes: 192 + 2 * (3 * 4 * 1 * 2) },
      ],
      settings: {},
    };
    expect(manifest).toEqual(expected);
    expect(await readCodeManifest(dir)).toEqual(expected);
    expect(JSON.parse(await readFile(join(dir, "manifest.json"), "utf8"))).toEqual({
      format: "vqkit-codes",
      formatVersion: 3,
      ...expected,
    });
    const [first, , third] = twoGrids as [Codes, Codes, Codes];
    expect(await readNpy(join(dir, "codes-2x3.npy"))).toEqual({
      dtype: "U16",
      shape: [6, 2, 3, 2],
      data: Uint16Array.from([...first.indices, ...third.indices]),
    });
    const images = lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(images).toHaveLength(9);
    expect(images[4]).toEqual({ name: "2/2.jpg", width: 3, height: 16, stack: "codes-4x1.npy", row: 2 });
    expect(images[5]).toEqual({ name: "3/0.jpg", width: 12, height: 8, stack: "codes-2x3.npy", row: 2 });
  });

  it("writes 32 bits where 16 are too few", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const codes = codesOf({ seed: 4, codebookSize: 100_000 });
    await writeCodes(dir, [codes]);
    expect((await readNpy(join(dir, "codes-2x3.npy"))).dtype).toBe("U32");
    expect(await collect(dir)).toEqual([codes]);
  });

  it.each<[string, (dir: string) => Promise<void>, RegExp]>([
    [
      "a stack of another shape",
      (dir) =>
        writeNpy(join(dir, "codes-4x1.npy"), {
          dtype: "U16",
          shape: [3, 4, 1, 1],
          data: new Uint16Array(12),
        }),
      /codes-4x1\.npy: expected U16 \[3,4,1,2\] as in the manifest, got U16 \[3,4,1,1\]/,
    ],
    [
      "an index that the codebook does not have",
      (dir) =>
        writeNpy(join(dir, "codes-4x1.npy"), {
          dtype: "U16",
          shape: [3, 4, 1, 2],
          // Of the third image, which is the fifth of all, the second position's second index.
          data: Uint16Array.from({ length: 24 }, (_, i) => (i === 16 + 3 ? 900 : 899)),
        }),
      /codes: number 4, image "2\/2\.jpg", row 1, column 0, codebook 1: expected an index in 0\.\.899, got 900/,
    ],
    [
      "a line that is missing",
      (dir) => edit(join(dir, "images.jsonl"), (text) => text.split("\n").toSpliced(3, 1).join("\n")),
      /images\.jsonl line 4: expected row 1 of codes-4x1\.npy, got 2/,
    ],
    [
      "a last line that is missing",
      (dir) =>
        edit(join(dir, "images.jsonl"), (text) => `${text.trimEnd().split("\n").slice(0, -1).join("\n")}\n`),
      /codes: expected 9 entries as in the manifest, got 8/,
    ],
    [
      "a last line that is cut short",
      (dir) => edit(join(dir, "images.jsonl"), (text) => text.slice(0, -5)),
      /images\.jsonl line 9: expected an end of line/,
    ],
    [
      "a line of another stack",
      (dir) => edit(join(dir, "images.jsonl"), (text) => text.replace("codes-2x3.npy", "codes-9x9.npy")),
      /images\.jsonl line 1: stack: expected one of the manifest's grids, got "codes-9x9\.npy"/,
    ],
  ])("refuses, in what version 0.1 wrote, %s", async (_, damage, message) => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, twoGrids);
    await toVersion1(dir);
    await damage(dir);
    await expect(collect(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(message),
    });
  });
});
