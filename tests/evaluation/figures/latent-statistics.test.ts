import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import {
  effectiveRank,
  LARGEST_RANK_DIMENSION,
  LatentStatistics,
} from "../../../src/evaluation/figures/latent-statistics.js";
import { latentSums } from "../../../src/evaluation/latent-sums.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

type Shape = [number, number, number, number];

async function sumsOf(latents: readonly number[], codes: readonly number[], shape: Shape) {
  const tensor = tf.tidy(() => latentSums(tf.tensor4d([...latents], shape), tf.tensor4d([...codes], shape)));
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

describe("effectiveRank", () => {
  it.each([
    ["one direction", [7, 0, 0, 0], 1],
    ["three equal ones of three", [2, 2, 2], 3],
    // σ = 3, 1: p = 3/4, 1/4, and exp(H) = 4 / 3^(3/4).
    ["singular values 3 and 1", [9, 1], 4 / 3 ** 0.75],
    ["no variation at all", [0, 0], 0],
    // 1e-9 of the largest is under 3 · 2^-23, what float32 sums leave.
    ["rounding beside one direction", [5, 5e-9, 5e-9], 1],
  ])("%s", (_, diagonal, expected) => {
    const d = diagonal.length;
    const matrix = new Float64Array(d * d);
    for (const [i, value] of diagonal.entries()) matrix[i * d + i] = value;
    expect(effectiveRank(matrix, d)).toBeCloseTo(expected, 10);
  });

  it("does not depend on the axes: a turned matrix has the same rank", () => {
    // Eigenvalues 9 and 1 along (0.6, 0.8) and (−0.8, 0.6).
    const turned = Float64Array.of(9 * 0.36 + 0.64, 8 * 0.48, 8 * 0.48, 9 * 0.64 + 0.36);
    expect(effectiveRank(turned, 2)).toBeCloseTo(4 / 3 ** 0.75, 10);
  });

  it("refuses what is not finite", () => {
    expect(() => effectiveRank(Float64Array.of(1, Number.NaN, 0, 1), 2)).toThrow(/finite covariances/);
  });
});

describe("LatentStatistics", () => {
  it("norms and rank of four points on a line far from 0", async () => {
    const statistics = new LatentStatistics(2);
    // (100 + 3t, 200 + 4t) for t = 0..3, codes of norm 5, 5, 13, 13.
    const latents = [100, 200, 103, 204, 106, 208, 109, 212];
    const codes = [3, 4, -3, 4, 5, 12, 5, -12];
    statistics.add(await sumsOf(latents, codes, [1, 2, 2, 2]), 4);
    const { latentNorm, codeNorm, latentEffectiveRank } = statistics.figures();
    const norms = [0, 1, 2, 3].map((t) => Math.hypot(100 + 3 * t, 200 + 4 * t));
    expect(latentNorm).toBeCloseTo(norms.reduce((a, b) => a + b) / 4, 3);
    expect(codeNorm).toBeCloseTo(9, 6);
    expect(latentEffectiveRank).toBeCloseTo(1, 4);
  });

  it("gives the same figures however the latents are batched", async () => {
    const random = new Random(5, "latents");
    const draw = (length: number) => Array.from({ length }, () => 20 + random.normal() * (1 + random.next()));
    const [latents, codes] = [draw(7 * 3 * 3), draw(7 * 3 * 3)];
    const whole = new LatentStatistics(3);
    whole.add(await sumsOf(latents, codes, [7, 1, 3, 3]), 21);
    const parts = new LatentStatistics(3);
    for (const [from, to] of [
      [0, 1],
      [1, 5],
      [5, 7],
    ] as const) {
      const cut = (values: number[]) => values.slice(from * 9, to * 9);
      parts.add(await sumsOf(cut(latents), cut(codes), [to - from, 1, 3, 3]), 3 * (to - from));
    }
    const [a, b] = [whole.figures(), parts.figures()];
    expect(b.latentNorm).toBeCloseTo(a.latentNorm, 4);
    expect(b.codeNorm).toBeCloseTo(a.codeNorm, 4);
    expect(b.latentEffectiveRank).toBeCloseTo(a.latentEffectiveRank as number, 5);
    expect(a.latentEffectiveRank).toBeGreaterThan(2.5); // three independent coordinates of nearly equal spread
  });

  it("leaves the rank out above its largest dimension", async () => {
    const d = LARGEST_RANK_DIMENSION + 1;
    const statistics = new LatentStatistics(d);
    const latents = Array.from({ length: 2 * d }, (_, i) => i % 3);
    statistics.add(await sumsOf(latents, latents, [1, 1, 2, d]), 2);
    expect(statistics.figures().latentEffectiveRank).toBeNull();
  });
});
