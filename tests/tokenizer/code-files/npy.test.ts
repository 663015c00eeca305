import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { readNpy, writeNpy } from "../../../src/files/index.js";
import {
  type Codes,
  concatCodes,
  countCodes,
  readCodeManifest,
  readCodes,
  sliceCodes,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";

const fingerprint = "0123456789abcdef".repeat(4);

interface Batch {
  seed: number;
  count?: number;
  grid?: [height: number, width: number];
  codebooks?: number;
  codebookSize?: number;
}

/** Codes of a model with a downsampling factor of 4, the last image a pixel short of its grid. */
function codesOf({ seed, count = 2, grid = [2, 3], codebooks = 2, codebookSize = 900 }: Batch): Codes {
  const [height, width] = grid;
  const random = new Random(seed, "test codes");
  const values = Array.from({ length: count * height * width * codebooks }, () =>
    random.integer(codebookSize),
  );
  return {
    indices: codebookSize <= 65_536 ? Uint16Array.from(values) : Uint32Array.from(values),
    shape: [count, height, width, codebooks],
    codebookSize,
    images: Array.from({ length: count }, (_, i) => ({
      name: `${seed}/${i}.jpg`,
      height: height * 4,
      width: width * 4 - (i === count - 1 ? 1 : 0),
    })),
    fingerprint,
  };
}

// The second grid comes between two of the first.
const batches = [
  codesOf({ seed: 1 }),
  codesOf({ seed: 2, count: 3, grid: [4, 1] }),
  codesOf({ seed: 3, count: 4 }),
];

async function collect(dir: string, batchSize?: number): Promise<Codes[]> {
  const read: Codes[] = [];
  for await (const codes of readCodes(dir, batchSize === undefined ? {} : { batchSize })) read.push(codes);
  return read;
}

describe("writeCodes", () => {
  it("writes one stack a latent grid, a line an image, and a manifest", async () => {
    const dir = join(await temporaryFolder(), "new", "codes");
    const manifest = await writeCodes(dir, batches);
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
    const [first, , third] = batches as [Codes, Codes, Codes];
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

  it("leaves nothing when the codes end in an error, or there are none, or they are of two models", async () => {
    const folder = await temporaryFolder();
    const dir = join(folder, "codes");
    const cause = new Error("no more");
    async function* failing(): AsyncGenerator<Codes> {
      yield* batches;
      throw cause;
    }
    await expect(writeCodes(dir, failing())).rejects.toBe(cause);
    await expect(writeCodes(dir, [])).rejects.toMatchObject({ code: "codes" });
    const foreign = { ...codesOf({ seed: 5 }), fingerprint: "f".repeat(64) };
    await expect(writeCodes(dir, [codesOf({ seed: 1 }), foreign])).rejects.toMatchObject({
      code: "codes",
      message: expect.stringContaining(
        "expected those of model 0123456789ab, got those of model ffffffffffff",
      ),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("overwrites a code folder only when told to, and only once the new codes are complete", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, batches);
    await writeFile(join(dir, "notes.txt"), "mine");
    const next = codesOf({ seed: 6, grid: [4, 1] });
    await expect(writeCodes(dir, [next])).rejects.toMatchObject({
      code: "codes",
      message: `${dir}: expected a new or empty folder, got one with codes in it. Choose another folder, or replace it (option overwrite).`,
    });
    function* failing(): Generator<Codes> {
      yield next;
      throw new Error("no more");
    }
    await expect(writeCodes(dir, failing(), { overwrite: true })).rejects.toThrow("no more");
    expect(concat(await collect(dir))).toEqual(concat(batches));
    await writeCodes(dir, [next], { overwrite: true });
    expect(await collect(dir)).toEqual([next]);
    expect((await readdir(dir)).sort()).toEqual([
      "codes-4x1.npy",
      "images.jsonl",
      "manifest.json",
      "notes.txt",
    ]);
  });

  it("leaves a folder with anything else alone", async () => {
    const dir = join(await temporaryFolder(), "photos");
    await mkdir(dir);
    await writeFile(join(dir, "cat.jpg"), "");
    await expect(writeCodes(dir, batches, { overwrite: true })).rejects.toMatchObject({ code: "codes" });
    expect(await readdir(dir)).toEqual(["cat.jpg"]);
    await expect(writeCodes(join(dir, "cat.jpg"), batches)).rejects.toMatchObject({ code: "file" });
  });
});

describe("readCodes", () => {
  it("gives the images back in the order of writing, neighbours of one grid in batches", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, batches);
    expect(await collect(dir)).toEqual(batches);
    const small = await collect(dir, 3);
    expect(small.map(({ shape }) => shape[0])).toEqual([2, 3, 3, 1]);
    expect(small[2]).toEqual(sliceCodes(batches[2] as Codes, 0, 3));
    expect(concat(small)).toEqual(concat(batches));
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

  const edit = async (path: string, change: (text: string) => string): Promise<void> => {
    await writeFile(path, change(await readFile(path, "utf8")));
  };

  /** As version 0.1 wrote it: without sizes of files, so that what is wrong in them shows later. */
  const toVersion1 = async (dir: string): Promise<void> => {
    const { fingerprint, codebookSize, numCodebooks, entries, grids } = await readCodeManifest(dir);
    const stacks = grids.map(({ gridHeight, gridWidth, entries: images }) => ({
      file: `codes-${gridHeight}x${gridWidth}.npy`,
      gridHeight,
      gridWidth,
      images,
    }));
    const version1 = {
      format: "vqkit-codes",
      formatVersion: 1,
      fingerprint,
      codebookSize,
      numCodebooks,
      images: entries,
      stacks,
    };
    await writeFile(join(dir, "manifest.json"), JSON.stringify(version1));
  };

  it("reads what version 0.1 wrote", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const { grids } = await writeCodes(dir, batches);
    await toVersion1(dir);
    expect(await collect(dir)).toEqual(batches);
    expect(await readCodeManifest(dir)).toMatchObject({ layout: "npy", entries: 9, grids, files: [] });
  });

  it("reads version 2 of the manifest, which called entries images", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const manifest = await writeCodes(dir, batches);
    await edit(join(dir, "manifest.json"), (text) =>
      text.replace('"formatVersion": 3', '"formatVersion": 2').replaceAll('"entries"', '"images"'),
    );
    expect(await readCodeManifest(dir)).toEqual(manifest);
    expect(await collect(dir)).toEqual(batches);
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
    await writeCodes(dir, batches);
    await damage(dir);
    await expect(collect(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(message),
    });
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
    await writeCodes(dir, batches);
    await toVersion1(dir);
    await damage(dir);
    await expect(collect(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(message),
    });
  });
});

describe("countCodes", () => {
  it("counts every index of every stack, each codebook by itself", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, batches);
    const { counts, images, geometry } = await countCodes(dir);
    const expected = [new Map<number, number>(), new Map<number, number>()];
    for (const { indices } of batches) {
      for (const [i, index] of indices.entries()) {
        const table = expected[i % 2] as Map<number, number>;
        table.set(index, (table.get(index) ?? 0) + 1);
      }
    }
    for (const q of [0, 1]) {
      expect(new Map(counts.usedCodes(q).map(({ index, count }) => [index, count]))).toEqual(expected[q]);
    }
    expect([counts.codebookSize, counts.numCodebooks, counts.samples, images]).toEqual([
      900,
      2,
      6 * 6 + 3 * 4,
      9,
    ]);
    expect(geometry).toBeNull();
  });

  it("counts an image once, however many tiles it has", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const codes = codesOf({ seed: 3, count: 5 });
    const size = { width: 12, height: 8 };
    const place = { top: 0, imageHeight: 8, imageWidth: 16, overlap: 4 };
    const images = [0, 1, 2, 3, 4].map((i) =>
      // A whole image, then two of two tiles each.
      i === 0
        ? { name: "0", ...size }
        : { name: `${(i + 1) >> 1}`, ...size, tile: { ...place, left: 4 * ((i + 1) % 2) } },
    );
    expect(await writeCodes(dir, [{ ...codes, images }])).toMatchObject({ entries: 5 });
    // All cover 12×8 pixels, which is no size of an image.
    expect(await countCodes(dir)).toMatchObject({ images: 3, geometry: null });
  });

  it("states the geometry that all images have in common", async () => {
    const folder = await temporaryFolder();
    const codes = codesOf({ seed: 7, count: 3 });
    const images = codes.images.map((image) => ({ ...image, width: 11, height: 8 }));
    await writeCodes(join(folder, "same"), [{ ...codes, images }]);
    expect((await countCodes(join(folder, "same"))).geometry).toEqual({
      gridHeight: 2,
      gridWidth: 3,
      imageHeight: 8,
      imageWidth: 11,
      numCodebooks: 2,
    });
    // One grid, but the last image is a pixel narrower.
    await writeCodes(join(folder, "different"), [codes]);
    expect((await countCodes(join(folder, "different"))).geometry).toBeNull();
  });
});

/** All images by themselves, however they were grouped. */
function concat(parts: readonly Codes[]): Codes[] {
  return parts.flatMap((codes) => codes.images.map((_, i) => concatCodes([sliceCodes(codes, i, i + 1)])));
}
