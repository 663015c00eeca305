import { beforeAll, describe, expect, it } from "vitest";
import { clipping, createOptimizer, globalNorm, type Updates } from "../../../src/nn/optimizer/index.js";
import * as tf from "../../../src/tf/index.js";
import { trainingSchema } from "../../../src/training/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

/** Norms 7, 12 and 24 in three ranks; together √769 ≈ 27.73. */
function gradients(): Map<string, tf.Tensor> {
  return new Map<string, tf.Tensor>([
    ["encoder/kernel", tf.tensor([2, -3, 6], [3, 1, 1, 1])],
    ["encoder/bias", tf.tensor([0, 12])],
    ["scale", tf.scalar(24)],
  ]);
}
/** What clipping makes of gradients, as the first part of a chain. */
function clipByGlobalNorm(inputs: ReadonlyMap<string, tf.Tensor>, maxNorm: number) {
  const norm = globalNorm([...inputs.values()]);
  const updates: Updates = new Map(
    [...inputs].map(([name, change]) => [name, { change, from: change, variable: change as tf.Variable }]),
  );
  const clipped = clipping(maxNorm).apply(updates, { norm: () => norm, scalars: {} });
  return { gradients: new Map([...clipped].map(([name, { change }]) => [name, change])), norm };
}

const squaredNorm = 7 ** 2 + 12 ** 2 + 24 ** 2;

async function clip(maxNorm: number): Promise<{ norm: number; values: Record<string, number[]> }> {
  const inputs = gradients();
  const result = tf.tidy(() => {
    const { gradients: clipped, norm } = clipByGlobalNorm(inputs, maxNorm);
    return { norm, ...Object.fromEntries(clipped) };
  });
  const { norm, ...clipped } = result as { norm: tf.Scalar } & Record<string, tf.Tensor>;
  const values: Record<string, number[]> = {};
  for (const [name, tensor] of Object.entries(clipped)) values[name] = [...(await tensor.data())];
  const normValue = (await norm.data())[0] as number;
  tf.dispose([...inputs.values()]);
  tf.dispose(result);
  return { norm: normValue, values };
}

describe("clipByGlobalNorm", () => {
  it("scales every gradient by maxNorm / norm and returns the norm before clipping", async () => {
    const { norm, values } = await clip(5);
    const factor = 5 / Math.sqrt(squaredNorm);
    expect(norm).toBeCloseTo(Math.sqrt(squaredNorm), 4);
    const expected = [2, -3, 6].map((value) => value * factor);
    for (const [i, value] of (values["encoder/kernel"] as number[]).entries()) {
      expect(value).toBeCloseTo(expected[i] as number, 6);
    }
    expect(values["encoder/bias"]?.[0]).toBe(0);
    expect(values["encoder/bias"]?.[1]).toBeCloseTo(12 * factor, 6);
    expect(values.scale?.[0]).toBeCloseTo(24 * factor, 5);
    const after = Math.hypot(...Object.values(values).flat());
    expect(after).toBeCloseTo(5, 5);
  });

  it("leaves gradients within the limit unchanged to the last bit", async () => {
    const { norm, values } = await clip(28);
    expect(norm).toBeCloseTo(Math.sqrt(squaredNorm), 4);
    expect(values).toEqual({ "encoder/kernel": [2, -3, 6], "encoder/bias": [0, 12], scale: [24] });
  });

  it("is a part of the optimizer that is asked for, and none of one that is not", async () => {
    const values = { a: [3, 0, 4], b: [12] };
    for (const [maxNorm, factor] of [
      [null, 1],
      [6.5, 0.5], // √(9 + 16 + 144) = 13
    ] as const) {
      const variables = new Map(
        Object.entries(values).map(([name, of]) => [name, tf.variable(tf.zeros([of.length]))]),
      );
      const optimizer = createOptimizer(variables, trainingSchema.parse({}).optimizer, maxNorm);
      tf.tidy(() => {
        const inputs = new Map(Object.entries(values).map(([name, of]) => [name, tf.tensor1d(of)]));
        optimizer.apply(inputs, optimizer.stepScalars({ learningRate: 1, step: 1 }));
      });
      for (const [name, of] of Object.entries(values)) {
        const moment = await optimizer.state().get(`firstMoment/${name}`)?.data();
        expect([...(moment ?? [])]).toEqual(of.map((value) => factor * value));
      }
      optimizer.dispose();
      tf.dispose([...variables.values()]);
    }
  });

  it("leaves gradients that are all zero at zero", async () => {
    const zero = tf.zeros([2, 3]);
    const { gradients: clipped, norm } = clipByGlobalNorm(new Map([["a", zero]]), 1);
    const out = clipped.get("a") as tf.Tensor;
    expect([...(await out.data())]).toEqual([0, 0, 0, 0, 0, 0]);
    expect((await norm.data())[0]).toBe(0);
    tf.dispose([zero, out, norm]);
  });

  it("reports a norm that is not finite", async () => {
    const bad = tf.tensor1d([1, Number.NaN]);
    const { gradients: clipped, norm } = clipByGlobalNorm(new Map([["a", bad]]), 1);
    expect((await norm.data())[0]).toBeNaN();
    tf.dispose([bad, norm, ...clipped.values()]);
  });

  it("has norm 0 for no gradients", async () => {
    const { gradients: clipped, norm } = clipByGlobalNorm(new Map(), 1);
    expect(clipped.size).toBe(0);
    expect((await norm.data())[0]).toBe(0);
    norm.dispose();
  });

  it("leaves the clipped gradients, the norm and the factor to the caller's scope, and nothing else", () => {
    const inputs = gradients();
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      clipByGlobalNorm(inputs, 5);
      expect(tf.memory().numTensors).toBe(before + inputs.size + 2);
    });
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([...inputs.values()]);
  });
});
