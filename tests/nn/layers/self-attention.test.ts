import { beforeAll, describe, expect, it } from "vitest";
import { attend, QUERY_ROWS } from "../../../src/nn/attend.js";
import { selfAttention } from "../../../src/nn/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";
import { checkExport, checkValues, expectClose, type LayerCase } from "../check-layer.js";
import { attendEverywhere, randomGrid } from "../grids.js";

beforeAll(useEngine);

/** 23·27 = 621 positions are a block of 512 rows and one of 109; twice as high, two of 512 and one of 218. */
const wide: LayerCase = {
  layer: selfAttention({ name: "a", channels: 3 }),
  input: [1, 23, 27, 3],
  reference: (x, w) => attendEverywhere(x, w, { name: "a" }),
  flop: 2 * (4 * 621 * 3 * 3 + 2 * 621 * 621 * 3),
  exportTolerance: 1e-6, // as in layers.test.ts
};

describe("attention over more rows than one block", () => {
  it("computes what plain loops compute", () => checkValues(wide));
  it("is exported as the engine computes it", () => checkExport(wide));

  it("has the gradients of the whole matrix of scores", async () => {
    const rows = QUERY_ROWS + 70;
    const operand = (seed: number) => {
      const { values } = randomGrid([2, rows, 1, 3], seed);
      return tf.tensor3d(Float32Array.from(values), [2, rows, 3]);
    };
    const operands = [1, 2, 3].map(operand) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    const direction = operand(4);
    const whole = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
      tf.matMul(tf.softmax(tf.matMul(q, k, false, true)), v);
    const gradientsOf = (f: typeof whole) =>
      tf.grads((...given: tf.Tensor[]) => {
        const [q, k, v] = given as [tf.Tensor, tf.Tensor, tf.Tensor];
        return tf.sum(tf.mul(f(q, k, v), direction)) as tf.Scalar;
      })(operands);
    const found = gradientsOf((q, k, v) => attend(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D));
    const expected = gradientsOf(whole);
    for (const [i, gradient] of found.entries()) {
      const values = await (expected[i] as tf.Tensor).data();
      expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(1e-3); // the test would miss zeros
      expectClose(await gradient.data(), values, 1e-5);
    }
  });

  it("gives an image what it gives it by itself", async () => {
    const [rows, channels] = [QUERY_ROWS + 70, 3];
    const values = [1, 2, 3].map((seed) =>
      Float32Array.from(randomGrid([2, rows, 1, channels], seed).values),
    );
    const size = rows * channels;
    const made = (from: number, count: number) => {
      const [q, k, v] = values.map((all) =>
        tf.tensor3d(all.slice(from * size, (from + count) * size), [count, rows, channels]),
      ) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
      return attend(q, k, v).data();
    };
    const together = await made(0, 2);
    expectClose([...(await made(0, 1)), ...(await made(1, 1))], together, 1e-6);
  });
});
