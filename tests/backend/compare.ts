import { expect, it } from "vitest";
import { backendName } from "../../src/backend/register.js";
import { Random } from "../../src/core/random.js";
import * as tf from "../../src/tf/index.js";

/**
 * Every kernel against tfjs's plain-JavaScript backend, on shapes and values that break symmetry. A case builds its
 * result from seeded inputs only, so that both backends see the same numbers.
 */
export type Case = readonly [name: string, body: () => tf.Tensor | tf.Tensor[], tolerance?: number];

export function normal(shape: number[], label: string | number = 0): tf.Tensor {
  const random = new Random(3, "normal", label);
  return tf.tensor(
    random.fill(tf.util.sizeFromShape(shape), (r) => r.normal()),
    shape,
  );
}

export function positive(shape: number[]): tf.Tensor {
  return normal(shape).abs().add(0.1);
}

export function integers(shape: number[], limit: number, label: string | number = 0): tf.Tensor {
  const random = new Random(3, "integers", label);
  const values = Int32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.integer(limit));
  return tf.tensor(values, shape, "int32");
}

export function gradients(f: (...xs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor[] {
  return tf.grads((...xs) =>
    f(...xs)
      .mul(normal(f(...xs).shape, "upstream"))
      .sum(),
  )(inputs);
}

async function on(
  backend: string,
  body: Case[1],
): Promise<{ shape: number[]; dtype: string; values: ArrayLike<number> }[]> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const tensors = tf.tidy(() => [body()].flat());
  const results = await Promise.all(
    tensors.map(async (t) => ({
      shape: t.shape,
      dtype: t.dtype,
      values: (await t.data()) as ArrayLike<number>,
    })),
  );
  tf.dispose(tensors);
  expect(tf.memory().numTensors).toBe(before);
  return results;
}

/** One test a case: both backends give the same shapes, types and values. */
export function compareWithCpu(cases: readonly Case[]): void {
  for (const [name, body, tolerance = 2e-5] of cases)
    it(name, async () => {
      const expected = await on("cpu", body);
      const actual = await on(backendName, body);
      expect(actual.length).toBe(expected.length);
      actual.forEach(({ shape, dtype, values }, i) => {
        const want = expected[i] as (typeof expected)[number];
        expect([dtype, shape]).toEqual([want.dtype, want.shape]);
        for (let k = 0; k < want.values.length; k++) {
          const [a, b] = [values[k] as number, want.values[k] as number];
          if (
            !(Math.abs(a - b) <= tolerance * (1 + Math.abs(b))) &&
            !(Number.isNaN(a) && Number.isNaN(b)) &&
            a !== b
          ) {
            throw new Error(`result ${i}, element ${k}: ${a}, expected ${b}`);
          }
        }
      });
    });
}
