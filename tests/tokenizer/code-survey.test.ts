import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mostUsedCodes } from "../../src/metrics/index.js";
import { readCodeTable } from "../../src/quantizers/code-table.js";
import { loadModel, surveyCodes, Tokenizer } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "./model.js";
import "./two-codebooks.js";

/** The model's downsampling factor. */
const F = 4;
/** Not square, and of two sizes; sides are multiples of the factor. */
const SIZES = [
  { height: 12, width: 20 },
  { height: 16, width: 8 },
] as const;

describe("surveyCodes", () => {
  let folder: string;
  let images: string;
  let modelPath: string;
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    folder = await temporaryFolder();
    await useEngine();
    images = path.join(folder, "images");
    await mkdir(images);
    for (const [i, { height, width }] of SIZES.entries()) {
      await sharp(noise(i, { height, width }).pixels, { raw: { height, width, channels: 3 } })
        .png()
        .toFile(path.join(images, `${2 * i}.png`));
    }
    await writeFile(path.join(images, "1.png"), "no image"); // between the two
    modelPath = await modelFile(folder, quantizers.simvq);
    tokenizer = await Tokenizer.load(modelPath);
  });

  afterAll(() => tokenizer?.dispose());

  test("cuts out what each code stands for, and passes over broken images", async () => {
    const broken: string[] = [];
    const survey = await surveyCodes(tokenizer, images, {
      patches: 4,
      onBroken: ({ file }) => broken.push(path.basename(file)),
    });
    expect(broken).toEqual(["1.png"]);
    expect(survey).toMatchObject({ images: 2, geometry: null });
    expect(survey.counts.samples).toBe((12 * 20 + 16 * 8) / F ** 2);
    const [atlas] = survey.atlases;
    if (atlas === undefined) throw new Error("no atlas");
    expect(atlas).toMatchObject({ patchSide: 3 * F, surroundings: F, images: 2 });
    expect(atlas.codes.length).toBe(survey.counts.used());

    // Every patch, surroundings and repeated edges included, is at a place of its code and at no other code's.
    const places = new Map<string, Set<number>>();
    for (const [i, size] of SIZES.entries()) {
      const { indices } = await tokenizer.encode(path.join(images, `${2 * i}.png`));
      for (const [at, index] of indices.entries()) {
        const key = patchAt(i, size, at).join();
        places.set(key, (places.get(key) ?? new Set()).add(index));
      }
    }
    for (const { index, patches } of atlas.codes) {
      expect(patches.length).toBe(Math.min(4, survey.counts.count(index)));
      for (const { pixels } of patches) expect(places.get(pixels.join())).toContain(index);
    }
    expect(new Set([...places.values()].map(({ size }) => size))).toEqual(new Set([1]));
  });

  test("shows a code alone as the middle of a grid filled with it", async () => {
    const { atlases } = await surveyCodes(tokenizer, path.join(images, "0.png"), { codes: 3 });
    const [atlas] = atlases;
    expect(atlas?.codes).toHaveLength(3);
    const code = atlas?.codes[2];
    const whole = await tokenizer.decode({ indices: Array(25).fill(code?.index), shape: [1, 5, 5, 1] });
    expect([...(code?.alone.pixels ?? [])]).toEqual(middleOf(whole.pixels));
  });

  test("has an atlas of each of several codebooks", async () => {
    const two = await Tokenizer.load(await modelFile(folder, { kind: "two-signs" }));
    try {
      const file = path.join(images, "0.png");
      const survey = await surveyCodes(two, file, { codes: 6, patches: 2 });
      expect(survey.atlases).toHaveLength(2);
      const { indices } = await two.encode(file);
      for (const [q, { codes }] of survey.atlases.entries()) {
        // Six codes of both together, and no more than were seen.
        expect(codes.length).toBe(Math.min(3, survey.counts.used(q)));
        for (const { index, patches } of codes) {
          expect(patches.length).toBe(Math.min(2, survey.counts.count(index, q)));
          const places = [...indices].flatMap((each, i) =>
            i % 2 === q && each === index ? [(i - q) / 2] : [],
          );
          const there = places.map((at) => patchAt(0, SIZES[0], at).join());
          for (const { pixels } of patches) expect(there).toContain(pixels.join());
        }
      }
      // The second codebook's code amid the first one's most used.
      const code = survey.atlases[1]?.codes[1];
      const [most] = mostUsedCodes(survey.counts, 1, 0);
      const position = [most?.index, code?.index];
      const whole = await two.decode({ indices: Array(25).fill(position).flat(), shape: [1, 5, 5, 2] });
      expect([...(code?.alone.pixels ?? [])]).toEqual(middleOf(whole.pixels));
    } finally {
      two.dispose();
    }
  });

  test("shows where the codes of a sequence stand, coarse ones in the middle of what they cover", async () => {
    const scales = [1, 2, 4];
    const sequences = await Tokenizer.load(
      await modelFile(folder, {
        kind: "multi-scale",
        scales,
        quantizer: { kind: "vq", codebookSize: 30, codeDim: 8, initialization: "data" },
      }),
    );
    try {
      const size = { height: 4 * F, width: 4 * F };
      const file = path.join(folder, "square.png");
      await sharp(noise(9, size).pixels, { raw: { ...size, channels: 3 } })
        .png()
        .toFile(file);
      const survey = await surveyCodes(sequences, file, { patches: 2 });
      expect(survey.counts.samples).toBe(1 + 4 + 16);
      const { indices } = await sequences.encode(file);
      // Of one position for 4×4: row and column ⌊½·4⌋ = 2. Of 2×2: ⌊½·2⌋ = 1 and ⌊1½·2⌋ = 3.
      const places = [2 * 4 + 2, 4 + 1, 4 + 3, 3 * 4 + 1, 3 * 4 + 3, ...Array(16).keys()];
      expect(survey.atlases[0]?.codes.length).toBe(survey.counts.used());
      for (const { index, patches } of survey.atlases[0]?.codes ?? []) {
        const own = places.filter((_, position) => indices[position] === index);
        expect(patches.length).toBe(Math.min(2, own.length));
        const there = own.map((place) => patchAt(9, size, place).join());
        for (const { pixels } of patches) expect(there).toContain(pixels.join());
      }
    } finally {
      sequences.dispose();
    }
  });

  test("the vectors are those of the transformed table, C·W + b", async () => {
    const { codeDim, values } = await tokenizer.codeVectors();
    expect([codeDim, values.length]).toEqual([8, 60 * 8]);
    const { model } = await loadModel(modelPath);
    const table = await readCodeTable(model.quantizer);
    model.dispose();
    expect(values).toEqual(table.codes);
    expect(new Set(values).size).toBeGreaterThan(400);
  });
});

/** The middle F × F of 5F × 5F pixels. */
function middleOf(pixels: Uint8Array): number[] {
  const middle: number[] = [];
  for (let y = 2 * F; y < 3 * F; y++) {
    middle.push(...pixels.subarray(3 * (5 * F * y + 2 * F), 3 * (5 * F * y + 3 * F)));
  }
  return middle;
}

/** The 3F × 3F pixels around position `at`, computed pixel by pixel. */
function patchAt(seed: number, { height, width }: { height: number; width: number }, at: number): number[] {
  const { pixels } = noise(seed, { height, width });
  const row = Math.floor(at / (width / F));
  const column = at % (width / F);
  const values: number[] = [];
  for (let y = F * (row - 1); y < F * (row + 2); y++) {
    for (let x = F * (column - 1); x < F * (column + 2); x++) {
      const from = 3 * (Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x)));
      values.push(...pixels.subarray(from, from + 3));
    }
  }
  return values;
}
