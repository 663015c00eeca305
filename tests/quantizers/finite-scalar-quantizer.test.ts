import { beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.js";
import { Random } from "../../src/core/random.js";
import {
  createQuantizer,
  digitsToIndices,
  indicesToDigits,
  parseQuantizerConfig,
  quantizerWarnings,
} from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { fsqBounded, roundHalfToEven } from "./references.js";

beforeAll(useEngine);

/** What FSQ makes of one latent vector, in double precision. */
function reference(z: readonly number[], levels: readonly number[]): { index: number; codes: number[] } {
  let index = 0;
  let place = 1;
  const codes = levels.map((level, i) => {
    const rounded = roundHalfToEven(fsqBounded(z[i] as number, level));
    index += (rounded + Math.floor(level / 2)) * place;
    place *= level;
    return rounded / Math.floor(level / 2);
  });
  return { index, codes };
}

async function quantize(rows: readonly (readonly number[])[], levels: readonly number[]) {
  const quantizer = createQuantizer({ kind: "fsq", levels }, 0);
  const latents = tf.tensor4d(rows.flat(), [1, 1, rows.length, levels.length]);
  const { indices, quantized } = quantizer.quantize(latents);
  const result = { indices: Array.from(await indices.data()), codes: Array.from(await quantized.data()) };
  tf.dispose([latents, indices, quantized]);
  return result;
}

describe("fsq", () => {
  it("gives the values and indices of the paper's formula", async () => {
    const levels = [8, 5, 2, 7];
    const random = new Random(4, "latents");
    const rows = Array.from({ length: 50 }, () => levels.map(() => 2 * random.normal()));
    const { indices, codes } = await quantize(rows, levels);
    const expected = rows.map((row) => reference(row, levels));
    expect(indices).toEqual(expected.map(({ index }) => index));
    expected
      .flatMap((row) => row.codes)
      .forEach((code, i) => {
        expect(codes[i]).toBeCloseTo(code, 6);
      });
  });

  it("composes the index with the first dimension least significant", async () => {
    // Levels [3, 5]: digits 0..2 and 0..4. Far latents reach the ends: (−9, 9) is digits (0, 4), index 0 + 3·4.
    expect(
      (
        await quantize(
          [
            [-9, 9],
            [9, -9],
            [0, 0],
          ],
          [3, 5],
        )
      ).indices,
    ).toEqual([12, 2, 7]);
  });

  it.each([2, 3, 4, 25, 26, 27, 64, 255, 256, 999, 1000])(
    "reaches each of %i levels and no other",
    async (level) => {
      // atanh of evenly spread targets: every integer −⌊L/2⌋..⌈L/2⌉−1 is the rounding of one of these.
      const half = ((level - 1) * 1.001) / 2;
      const offset = level % 2 === 0 ? 0.5 : 0;
      const digits = Array.from({ length: level }, (_, digit) => digit);
      const rows = digits.map((digit) => [
        Math.atanh((digit - Math.floor(level / 2) + offset) / half) - Math.atanh(offset / half),
      ]);
      expect((await quantize(rows, [level])).indices).toEqual(digits);
      expect((await quantize([[-50], [50]], [level])).indices).toEqual([0, level - 1]);
    },
  );

  it("rounds half to even", async () => {
    const halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5];
    const rounded = tf.tidy(() => tf.round(tf.tensor1d(halves)));
    expect(Array.from(await rounded.data(), (x) => x + 0)).toEqual(halves.map((x) => roundHalfToEven(x) + 0));
    expect(halves.map((x) => roundHalfToEven(x) + 0)).toEqual([-2, -2, 0, 0, 2, 2, 4]);
    rounded.dispose();
  });

  it("looks up every index of a grid without building it", async () => {
    const levels = [4, 3, 5];
    const quantizer = createQuantizer({ kind: "fsq", levels }, 0);
    const indices = tf.tensor4d(
      Array.from({ length: 60 }, (_, i) => i),
      [1, 6, 10, 1],
      "int32",
    );
    const codes = quantizer.indicesToCodes(indices);
    const expected: number[] = [];
    // Index order: the first dimension turns fastest.
    for (const c of [-2, -1, 0, 1, 2])
      for (const b of [-1, 0, 1]) for (const a of [-2, -1, 0, 1]) expected.push(a / 2, b, c / 2);
    expect(Array.from(await codes.data())).toEqual(expected);
    tf.dispose([indices, codes]);
  });

  it("counts to 2^24 exactly", async () => {
    const levels = Array<number>(8).fill(8); // 2^24 indices
    const random = new Random(1, "indices");
    const samples = [
      2 ** 24 - 1,
      2 ** 24 - 2,
      2 ** 23 + 1,
      0,
      ...Array.from({ length: 40 }, () => random.integer(2 ** 24)),
    ];
    const [digits, indices] = tf.tidy(() => {
      const start = tf.tensor2d(samples, [samples.length, 1], "int32");
      const split = indicesToDigits(start, levels);
      return [split, digitsToIndices(split, levels)] as const;
    });
    expect(Array.from(await indices.data())).toEqual(samples);
    // Octal digits, least significant first.
    const octal = samples.flatMap((index) => [...index.toString(8).padStart(8, "0")].reverse().map(Number));
    expect(Array.from(await digits.data())).toEqual(octal);
    tf.dispose([digits, indices]);
  });
});

describe("fsq configuration", () => {
  it("resolves to levels, from levels, from a size, or from nothing", () => {
    expect(parseQuantizerConfig({ kind: "fsq", levels: [7, 3] })).toEqual({
      kind: "fsq",
      levels: [7, 3],
      bound: "paper",
      noiseDropout: 0,
    });
    expect(parseQuantizerConfig({ kind: "fsq", codebookSize: 256 })).toEqual({
      kind: "fsq",
      levels: [8, 6, 5],
      bound: "paper",
      noiseDropout: 0,
    });
    expect(parseQuantizerConfig({ kind: "fsq" })).toEqual({
      kind: "fsq",
      levels: [8, 5, 5, 5],
      bound: "paper",
      noiseDropout: 0,
    });
    expect(createQuantizer({ kind: "fsq", levels: [7, 3] }, 0)).toMatchObject({
      codebookSize: 21,
      codeDim: 2,
    });
  });

  it.each([
    [{ levels: [8, 1] }, "quantizer.levels[1]", "quantizer.levels[1]: expected an integer >= 2, got 1."],
    [{ levels: [8, 2.5] }, "quantizer.levels[1]", "expected an integer"],
    [{ levels: [] }, "quantizer.levels", ">= 1 items"],
    [{ levels: [1001] }, "quantizer.levels[0]", "<= 1000"],
    [{ levels: [1000, 1000, 17] }, "quantizer.levels", "16777216"], // 17 000 000
    [{ levels: [5, 5], codebookSize: 25 }, "quantizer.codebookSize", "Remove one"],
    [{ codebookSize: 1 }, "quantizer.codebookSize", ">= 2"],
    [{ codeDim: 4 }, "quantizer.codeDim", "the only kinds with it, got fsq"],
  ])("refuses %j", (options, path, message) => {
    const parse = () => parseQuantizerConfig({ kind: "fsq", ...options });
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(expect.objectContaining({ path, message: expect.stringContaining(message) }));
  });

  it("warns of two levels, naming the dimension", () => {
    expect(quantizerWarnings(parseQuantizerConfig({ kind: "fsq", levels: [5, 2, 7] }))).toEqual([
      expect.stringMatching(/^quantizer\.levels\[1\]: /),
    ]);
    expect(quantizerWarnings(parseQuantizerConfig({ kind: "fsq", levels: [5, 3] }))).toEqual([]);
  });
});
