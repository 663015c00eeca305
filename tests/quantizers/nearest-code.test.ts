import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { type NearestCodeOptions, nearestCode } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { nearest } from "./references.js";

beforeAll(useEngine);

function randomRows(rows: number, dim: number, label: string): number[][] {
  const random = new Random(5, label);
  return Array.from({ length: rows }, () => Array.from({ length: dim }, () => Math.fround(random.normal())));
}

async function run(
  latents: number[][],
  codes: number[][],
  options: NearestCodeOptions = {},
): Promise<number[]> {
  const result = tf.tidy(() => nearestCode(tf.tensor2d(latents), tf.tensor2d(codes), options));
  expect(result.dtype).toBe("int32");
  const values = Array.from(await result.data());
  result.dispose();
  return values;
}

describe("nearestCode", () => {
  const latents = randomRows(23, 3, "latents");
  const codes = randomRows(11, 3, "codes");
  const expected = latents.map((z) => nearest(z, codes));

  it("finds what a search of every distance finds", async () => {
    expect(await run(latents, codes)).toEqual(expected);
  });

  // 44 scores are 4 rows of 11 codes and 23 rows leave a last block of 3; 1 score still makes blocks of one row.
  it.each([44, 50, 1, 23 * 11, 22 * 11])("finds the same in blocks of %i scores", async (scoresPerBlock) => {
    expect(await run(latents, codes, { scoresPerBlock })).toEqual(expected);
  });

  // Tiles of 4, 4 and 3 codes; of one code each; one too many for the codes.
  it.each([4, 1, 10, 11, 12])("finds the same in tiles of %i codes", async (codesPerTile) => {
    expect(await run(latents, codes, { codesPerTile })).toEqual(expected);
    expect(await run(latents, codes, { codesPerTile, scoresPerBlock: 5 * codesPerTile })).toEqual(expected);
  });

  it("takes the lowest of equal codes in different tiles", async () => {
    const doubled = [...codes, ...codes, ...codes];
    expect(await run(latents, doubled, { codesPerTile: 7 })).toEqual(expected);
  });

  it("finds the same among more codes than one tile has by default", async () => {
    const many = randomRows(2500, 3, "many codes");
    expect(await run(latents, many)).toEqual(latents.map((z) => nearest(z, many)));
  });

  it("takes the lowest index of equally near codes", async () => {
    const twins = [
      [9, 9],
      [1, 2],
      [0, 0],
      [1, 2],
      [0, 0],
    ];
    expect(
      await run(
        [
          [1.1, 2],
          [0.1, -0.1],
          [8, 8],
        ],
        twins,
      ),
    ).toEqual([1, 2, 0]);
    // (1, 0) is exactly halfway between (0, 0) and (2, 0).
    expect(
      await run(
        [[1, 0]],
        [
          [5, 5],
          [2, 0],
          [0, 0],
        ],
      ),
    ).toEqual([1]);
  });

  it("weighs the lengths of the codes", async () => {
    // The longer code has the larger product with the latent, but is farther away.
    expect(
      await run(
        [[1, 0]],
        [
          [10, 0],
          [0.9, 0.1],
        ],
      ),
    ).toEqual([1]);
  });

  it("lets no gradient through and leaks nothing", async () => {
    const z = tf.tensor2d(latents);
    const e = tf.tensor2d(codes);
    const before = tf.memory().numTensors;
    // The gradient of the sum of z alone: 1 everywhere.
    const gradient = tf.grad((x) =>
      tf.add(tf.sum(x), tf.sum(nearestCode(x as tf.Tensor2D, e, { scoresPerBlock: 44 }))),
    )(z);
    expect(new Set(await gradient.data())).toEqual(new Set([1]));
    gradient.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([z, e]);
  });
});
