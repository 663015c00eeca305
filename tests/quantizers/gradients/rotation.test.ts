import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import {
  countRotationFallbacks,
  type GradientEstimator,
  reflection,
  rotationTrick,
} from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";
import { dot, norm, reflectionSurrogate, rotationSurrogate, scaled, sum } from "../references.js";

beforeAll(useEngine);

interface Rows {
  readonly latents: number[][];
  readonly codes: number[][];
  readonly upstream: number[][];
}

function randomRows(label: string): Rows {
  const random = new Random(6, label);
  const rows = () =>
    Array.from({ length: 6 }, () => Array.from({ length: 4 }, () => Math.fround(random.normal())));
  return { latents: rows(), codes: rows(), upstream: rows() };
}

/** Value and gradient of Σ upstream·estimate(latents, codes). */
async function run(estimate: GradientEstimator, { latents, codes, upstream }: Rows) {
  const z = tf.tensor2d(latents);
  const q = tf.tensor2d(codes);
  const g = tf.tensor2d(upstream);
  const value = tf.tidy(() => estimate(z, q));
  const gradient = tf.tidy(
    () => tf.grad((x) => tf.sum(tf.mul(g, estimate(x as tf.Tensor2D, q))))(z) as tf.Tensor2D,
  );
  const toRows = (flat: ArrayLike<number>) =>
    latents.map((row, i) => Array.from(flat).slice(i * row.length, (i + 1) * row.length));
  const result = { value: toRows(await value.data()), gradient: toRows(await gradient.data()) };
  tf.dispose([z, q, g, value, gradient]);
  return result;
}

/** ∂(w·s)/∂z of a function that is linear in z, from its values at the unit vectors. */
function transposeTimes(s: (z: readonly number[]) => readonly number[], w: readonly number[]): number[] {
  return w.map((_, i) => dot(s(w.map((__, j) => (i === j ? 1 : 0))), w));
}

function expectRows(got: number[][], expected: number[][], digits = 4): void {
  expect(got.length).toBe(expected.length);
  got.forEach((row, i) => {
    expect(row.length).toBe(expected[i]?.length);
    row.forEach((x, j) => {
      expect(x).toBeCloseTo(expected[i]?.[j] as number, digits);
    });
  });
}

describe("rotationTrick", () => {
  const rows = randomRows("rotation");

  it("returns the codes themselves and the gradient λRᵀg", async () => {
    const { value, gradient } = await run(rotationTrick({ radialGradient: true }), rows);
    expect(value).toEqual(rows.codes);
    expectRows(
      gradient,
      rows.latents.map((latent, i) =>
        transposeTimes(
          (z) => rotationSurrogate(z, { latent, code: rows.codes[i] as number[] }),
          rows.upstream[i] as number[],
        ),
      ),
    );
  });

  it("keeps length and angle: ‖gradient‖ = λ‖g‖, and its angle to z is that of g to q", async () => {
    const { gradient } = await run(rotationTrick({ radialGradient: true }), rows);
    gradient.forEach((row, i) => {
      const [z, q, g] = [rows.latents[i], rows.codes[i], rows.upstream[i]] as [number[], number[], number[]];
      expect(norm(row)).toBeCloseTo((norm(q) / norm(z)) * norm(g), 4);
      expect(dot(row, z) / (norm(row) * norm(z))).toBeCloseTo(dot(g, q) / (norm(g) * norm(q)), 4);
    });
  });

  it("loses exactly the part along z without the radial gradient", async () => {
    const { gradient: whole } = await run(rotationTrick({ radialGradient: true }), rows);
    const { gradient, value } = await run(rotationTrick({ radialGradient: false }), rows);
    expect(value).toEqual(rows.codes);
    const expected = whole.map((row, i) => {
      const z = rows.latents[i] as number[];
      return sum(row, scaled(z, -dot(row, z) / dot(z, z)));
    });
    expectRows(gradient, expected);
    expect(Math.abs(dot(whole[0] as number[], rows.latents[0] as number[]))).toBeGreaterThan(0.1);
  });

  it("turns a quarter circle and halves, by hand", async () => {
    // z = (2, 0) to q = (0, 1): λ = 1/2, R turns by +90°, Rᵀ by −90°: (1, 3) → (3, −1) → (1.5, −0.5).
    const { gradient } = await run(rotationTrick({ radialGradient: true }), {
      latents: [[2, 0]],
      codes: [[0, 1]],
      upstream: [[1, 3]],
    });
    expectRows(gradient, [[1.5, -0.5]]);
  });

  const degenerate: Rows = {
    latents: [
      [1, 2, 2],
      [0, 0, 0],
      [1, 0, 0],
      [1, 2, 2],
    ],
    codes: [
      [-0.5, -1, -1],
      [1, 1, 0],
      [0, 0, 0],
      [2, 4, 4],
    ], // opposite; no latent; no code; parallel
    upstream: [
      [1, -2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [1, 0, -2],
    ],
  };

  it("falls back to straight-through where no rotation is defined", async () => {
    for (const radialGradient of [true, false]) {
      const { value, gradient } = await run(rotationTrick({ radialGradient }), degenerate);
      expect(value).toEqual(degenerate.codes);
      expect(gradient[0]).toEqual([1, -2, 3]);
      expect(gradient[1]).toEqual([4, 5, 6]);
      // λ = 0
      expect(gradient[2]?.map(Math.abs)).toEqual([0, 0, 0]);
      // R = I and λ = 2; without the radial part (1, 0, −2) loses its (−1/3)·(1, 2, 2).
      expectRows([gradient[3] as number[]], [radialGradient ? [2, 0, -4] : [8 / 3, 4 / 3, -8 / 3]]);
    }
  });

  it("counts the rows that fall back, in any shape", async () => {
    const before = tf.memory().numTensors;
    const count = tf.tidy(() =>
      countRotationFallbacks(
        tf.reshape(tf.tensor2d(degenerate.latents), [1, 2, 2, 3]),
        tf.reshape(tf.tensor2d(degenerate.codes), [1, 2, 2, 3]),
      ),
    );
    expect(count.dtype).toBe("int32");
    expect(Array.from(await count.data())).toEqual([2]);
    count.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("reflection", () => {
  const rows = randomRows("reflection");

  it("returns the codes themselves and the gradient λHg", async () => {
    const { value, gradient } = await run(reflection, rows);
    expect(value).toEqual(rows.codes);
    expectRows(
      gradient,
      rows.latents.map((latent, i) =>
        transposeTimes(
          (z) => reflectionSurrogate(z, { latent, code: rows.codes[i] as number[] }),
          rows.upstream[i] as number[],
        ),
      ),
    );
  });

  it("falls back to straight-through where latent and code point the same way", async () => {
    const { gradient } = await run(reflection, {
      latents: [
        [1, 2, 2],
        [0, 0, 0],
      ],
      codes: [
        [2, 4, 4],
        [1, 1, 0],
      ],
      upstream: [
        [1, -2, 3],
        [4, 5, 6],
      ],
    });
    expect(gradient).toEqual([
      [1, -2, 3],
      [4, 5, 6],
    ]);
  });
});
