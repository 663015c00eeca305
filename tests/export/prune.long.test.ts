import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it, test } from "vitest";
import { pruneModel, readRemapping, remapCodes } from "../../src/export/index.js";
import { CodeCounts } from "../../src/metrics/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { Tokenizer, writeCodes } from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { rawImage } from "../tokenizer/model.js";
import { runFolder, variants } from "./models.js";

const folder = await temporaryFolder();

beforeAll(async () => {
  await useEngine();
  for (const [i, size] of [
    { height: 24, width: 40 },
    { height: 31, width: 18 },
  ].entries()) {
    const { pixels, height, width } = rawImage(50 + i, size);
    await sharp(pixels, { raw: { height, width, channels: 3 } })
      .png()
      .toFile(`${folder}/image${i}.png`);
  }
});

const tables = [
  "vq, relu",
  "vq with moving averages, projected",
  "simvq, group norm, silu, factor 8",
  "vq on the unit sphere",
  "simvq by diveq-detach",
] as const;

describe.each(tables)("%s", (name) => {
  it("keeps the codes that images use, and gives them the same indices and pixels", async () => {
    const run = await runFolder(folder, variants[name]);
    const out = join(folder, `pruned ${name}`);
    const files = [0, 1].map((i) => `${folder}/image${i}.png`);
    const result = await pruneModel(run, { out, evidence: { images: files }, threads: 1 });

    const [live, pruned] = [await Tokenizer.load(run), await Tokenizer.load(out)];
    const remapping = await readRemapping(join(out, "remapping.json"));
    const used = new Set<number>();
    for (const file of files) {
      const codes = await live.encode(file);
      for (const index of codes.indices) used.add(index);
      const again = await pruned.encode(file);
      // By hand, and by the function.
      expect([...again.indices].map((index) => remapping.earlierIndices[0]?.[index])).toEqual([
        ...codes.indices,
      ]);
      expect(remapCodes(codes, remapping)).toEqual(again.images ? { ...again, images: codes.images } : again);
      expect((await pruned.decode(again)).pixels).toEqual((await live.decode(codes)).pixels);
    }
    expect(used.size).toBeGreaterThan(5);
    expect(remapping.earlierIndices).toEqual([[...used].sort((a, b) => a - b)]);
    expect(result.codebookSize).toEqual({ before: live.codebookSize, after: used.size });
    expect(result.proof).toMatchObject({ images: 2, encoded: true });
    expect(pruned.codebookSize).toBe(used.size);
    expect(pruned.fingerprint).not.toBe(live.fingerprint);
    expect((await readdir(out)).sort()).toEqual(["config.json", "model.safetensors", "remapping.json"]);
    live.dispose();
    pruned.dispose();
  });
});

describe.each(["residual", "grouped, one of them projected"] as const)("%s", (name) => {
  it("keeps of each codebook its own codes, equally many, with the same indices and pixels", async () => {
    const run = await runFolder(folder, variants[name]);
    const out = join(folder, `pruned ${name}`);
    const file = `${folder}/image0.png`;
    const result = await pruneModel(run, { out, evidence: { images: file }, threads: 1 });
    const [live, pruned] = [await Tokenizer.load(run), await Tokenizer.load(out)];
    const { earlierIndices } = await readRemapping(join(out, "remapping.json"));
    const [codes, again] = [await live.encode(file), await pruned.encode(file)];
    const { numCodebooks } = live;
    const used = Array.from({ length: numCodebooks }, (_, q) =>
      [...new Set([...codes.indices].filter((_, i) => i % numCodebooks === q))].sort((a, b) => a - b),
    );
    const most = Math.max(...used.map(({ length }) => length));
    expect(numCodebooks).toBeGreaterThan(1);
    expect(new Set(used.map(({ length }) => length)).size).toBeGreaterThan(1); // some had to be filled up
    expect(earlierIndices.map(({ length }) => length)).toEqual(used.map(() => most));
    for (const [q, own] of used.entries()) expect(earlierIndices[q]).toEqual(expect.arrayContaining(own));
    expect([...again.indices].map((index, i) => earlierIndices[i % numCodebooks]?.[index])).toEqual([
      ...codes.indices,
    ]);
    expect((await pruned.decode(again)).pixels).toEqual((await live.decode(codes)).pixels);
    expect(result.codebookSize).toEqual({ before: live.codebookSize, after: most });
    live.dispose();
    pruned.dispose();
  });
});

test("multi-scale: the codes of a sequence are pruned, and its layers stay", async () => {
  const run = await runFolder(folder, variants["multi-scale"]);
  const out = join(folder, "pruned multi-scale");
  const file = `${folder}/image0.png`;
  const result = await pruneModel(run, { out, evidence: { images: file }, threads: 1 });
  const [live, pruned] = [await Tokenizer.load(run), await Tokenizer.load(out)];
  const { earlierIndices } = await readRemapping(join(out, "remapping.json"));
  const size = { policy: "crop", size: 20 } as const; // 5 positions of 4 pixels
  const [codes, again] = [await live.encode(file, size), await pruned.encode(file, size)];
  expect(earlierIndices).toEqual([[...new Set(codes.indices)].sort((a, b) => a - b)]);
  expect([...again.indices].map((index) => earlierIndices[0]?.[index])).toEqual([...codes.indices]);
  expect((await pruned.decode(again)).pixels).toEqual((await live.decode(codes)).pixels);
  expect(result.proof).toEqual({ images: 1, indices: 1 + 4 + 9 + 25, encoded: true });
  live.dispose();
  pruned.dispose();
});

test("codes of a folder are evidence too: what they decode to stays", async () => {
  const run = await runFolder(folder, variants["vq, relu"]);
  const live = await Tokenizer.load(run);
  const codes = await live.encode(`${folder}/image0.png`);
  const stored = join(folder, "codes");
  await writeCodes(stored, [codes]);
  const result = await pruneModel(run, {
    out: join(folder, "by codes"),
    evidence: { codes: stored },
    threads: 1,
  });
  expect(result.codebookSize.after).toBe(new Set(codes.indices).size);
  expect(result.proof).toMatchObject({ images: 1, indices: 60, encoded: false });
  live.dispose();
});

test("codes of tiles are evidence, though no batch holds all tiles of the image", async () => {
  const run = await runFolder(folder, variants["vq, relu"]);
  const live = await Tokenizer.load(run);
  const stored = join(folder, "tiles");
  // 24×40 pixels in tiles of 8×8 that share 4: 5 rows of 9; of both images together more than come at once (64).
  const files = [0, 1].map((i) => `${folder}/image${i}.png`);
  const tiles = { policy: "tile", size: 8, overlap: 4 } as const;
  const { entries } = await writeCodes(stored, live.encodeAll(files, tiles));
  expect(entries).toBe(5 * 9 + 7 * 4); // 31×18, padded to 32×20
  const result = await pruneModel(run, { out: join(folder, "by tiles"), evidence: { codes: stored } });
  expect(result.proof).toEqual({ images: 2, indices: entries * 4, encoded: false });
  live.dispose();
});

test("codes of another model are no evidence: both are named", async () => {
  const run = await runFolder(folder, variants["vq, relu"]);
  const live = await Tokenizer.load(run);
  const codes = await live.encode(`${folder}/image0.png`);
  const stored = join(folder, "others");
  await writeCodes(stored, [{ ...codes, fingerprint: "f".repeat(64) }]);
  const out = join(folder, "by others");
  await expect(pruneModel(run, { out, evidence: { codes: stored } })).rejects.toMatchObject({
    code: "codes",
    message: `codes: expected those of model ${live.fingerprint.slice(0, 12)}, got those of model ffffffffffff. Load the model that made them.`,
  });
  expect(existsSync(out)).toBe(false);
  live.dispose();
});

test("a run's own usage.json decides where nothing else is said", async () => {
  const run = await runFolder(folder, variants["vq, relu"]);
  const counts = new CodeCounts(60);
  counts.add(Uint16Array.of(7, 7, 31, 59, 7, 2));
  const geometry = { gridHeight: 1, gridWidth: 3, imageHeight: 4, imageWidth: 12, numCodebooks: 1 };
  await (await RunFolder.open(run)).writeUsage({ counts, images: 2, geometry });
  const out = join(folder, "by usage");
  const result = await pruneModel(run, { out, threads: 1 });
  expect((await readRemapping(join(out, "remapping.json"))).earlierIndices).toEqual([[2, 7, 31, 59]]);
  // The run names no images, so that its codes can only be decoded.
  expect(result.warnings).toHaveLength(1);
  expect(result.proof).toEqual({ images: 0, indices: 256, encoded: false });
});

describe("is refused", () => {
  it("for FSQ, whose codes are a grid, and nothing is written", async () => {
    const run = await runFolder(folder, variants.fsq);
    const out = join(folder, "fsq");
    await expect(
      pruneModel(run, { out, evidence: { images: `${folder}/image0.png` } }),
    ).rejects.toMatchObject({
      code: "codes",
      message: expect.stringContaining('got "fsq", whose codes are all points of a grid'),
    });
    expect(existsSync(out)).toBe(false);
  });

  it("when every code is used", async () => {
    const run = await runFolder(folder, variants["vq, relu"]);
    const counts = new CodeCounts(60);
    counts.add(Uint16Array.from({ length: 60 }, (_, i) => i));
    const geometry = { gridHeight: 6, gridWidth: 10, imageHeight: 24, imageWidth: 40, numCodebooks: 1 };
    await (await RunFolder.open(run)).writeUsage({ counts, images: 1, geometry });
    await expect(pruneModel(run, { out: join(folder, "all") })).rejects.toMatchObject({ code: "codes" });
  });

  it("for a model file without evidence, and for counts of another codebook", async () => {
    const run = await runFolder(folder, variants["vq, relu"]);
    const file = join(run, "model.safetensors");
    await expect(pruneModel(file, { out: join(folder, "no evidence") })).rejects.toMatchObject({
      code: "run",
    });
    const other = await runFolder(folder, variants["rotation, group norm, relu, factor 2"]);
    const counts = new CodeCounts(288);
    counts.add(Uint16Array.of(1));
    const geometry = { gridHeight: 1, gridWidth: 1, imageHeight: 2, imageWidth: 2, numCodebooks: 1 };
    await (await RunFolder.open(other)).writeUsage({ counts, images: 1, geometry });
    const evidence = { usage: join(other, "usage.json") };
    await expect(pruneModel(file, { out: join(folder, "other"), evidence })).rejects.toMatchObject({
      code: "codes",
    });
  });
});

describe("a remapping", () => {
  const remapping = {
    format: "vqkit-remapping",
    formatVersion: 2,
    from: { fingerprint: "aa", codebookSize: 9 },
    to: { fingerprint: "bb", codebookSize: 3 },
    earlierIndices: [[1, 4, 8]],
  } as const;
  const codes = {
    indices: Uint16Array.of(8, 1, 4, 4),
    shape: [1, 2, 2, 1] as const,
    codebookSize: 9,
    images: [{ name: "a", width: 8, height: 8 }],
    fingerprint: "aa",
  };

  it("turns codes of the model before into codes of the pruned one", () => {
    expect(remapCodes(codes, remapping)).toEqual({
      ...codes,
      indices: Uint16Array.of(2, 0, 1, 1),
      codebookSize: 3,
      fingerprint: "bb",
    });
  });

  it("has a list for each codebook", () => {
    const several = { ...remapping, earlierIndices: [...remapping.earlierIndices, [0, 4, 5]] };
    const pairs = { ...codes, indices: Uint16Array.of(8, 0, 4, 5), shape: [1, 1, 2, 2] as const };
    expect(remapCodes(pairs, several).indices).toEqual(Uint16Array.of(2, 0, 1, 2));
    expect(() => remapCodes({ ...pairs, indices: Uint16Array.of(8, 8, 4, 5) }, several)).toThrow(
      /indices\[1\].*got 8/,
    );
    expect(() => remapCodes(codes, several)).toThrow(/expected 2 codebooks.*got 1/);
  });

  it("is read from a file of version 1, which has one list", async () => {
    const file = join(folder, "remapping-1.json");
    await writeFile(file, JSON.stringify({ ...remapping, formatVersion: 1, earlierIndices: [1, 4, 8] }));
    expect(await readRemapping(file)).toEqual(remapping);
  });

  it("refuses codes of another model, and codes that are gone", () => {
    expect(() => remapCodes({ ...codes, fingerprint: "cc" }, remapping)).toThrow(
      /expected those of model aa/,
    );
    expect(() => remapCodes({ ...codes, indices: Uint16Array.of(1, 4, 5, 1) }, remapping)).toThrow(
      /indices\[2\].*got 5/,
    );
  });

  it.each([
    ["too few codes", { ...remapping, earlierIndices: [[1, 4]] }],
    ["codes out of order", { ...remapping, earlierIndices: [[4, 1, 8]] }],
    ["codes out of range", { ...remapping, earlierIndices: [[1, 4, 9]] }],
    ["another format", { ...remapping, format: "vqkit-usage" }],
  ])("is not read from a file with %s", async (_, content) => {
    const file = join(folder, "remapping.json");
    await writeFile(file, JSON.stringify(content));
    await expect(readRemapping(file)).rejects.toMatchObject({ code: "format" });
  });
});
