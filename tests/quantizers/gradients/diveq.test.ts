import { beforeAll, describe, expect, it } from "vitest";
import { diveqDetach } from "../../../src/quantizers/gradients/diveq.js";
import { createQuantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

const LATENTS = [
  [0.5, -2, 1],
  [3, 1, 0.25],
  [-0.125, 0.75, -1.5],
  [0.25, 0.5, 2],
];
const CODES = [
  [0.75, -1, 0.5],
  [1, 1.5, 0.25],
  [0.5, 0.25, -2],
  [-0.5, 1, 1.75],
];
const UPSTREAM = [
  [1, -2, 0.5],
  [0.25, 3, -1],
  [-1.5, 0.5, 2],
  [2, 1, -0.75],
];

/**
 * Computed in Python's float64, once: derivatives of Σ g·(z + ‖q − z‖·d), d the value of (q − z)/‖q − z‖ as a constant,
 * by dual numbers (forward mode) in each z and q. The paper's formulas are not in it.
 */
const AT_LATENTS = [
  [1.380952380952381, -0.47619047619047605, -0.261904761904762],
  [0.7205882352941175, 2.88235294117647, -1],
  [0.03508771929824572, -0.7280701754385966, 0.7719298245614035],
  [1.3035714285714286, 1.4642857142857142, -0.9821428571428571],
];
const AT_CODES = [
  [-0.380952380952381, -1.523809523809524, 0.761904761904762],
  [-0.4705882352941176, 0.1176470588235294, 0],
  [-1.5350877192982457, 1.2280701754385968, 1.2280701754385968],
  [0.6964285714285715, -0.46428571428571425, 0.23214285714285712],
];

async function valuesOf(tensor: tf.Tensor): Promise<number[]> {
  const values = Array.from(await tensor.data());
  tensor.dispose();
  return values;
}

/** Gradients of Σ upstream·estimate at latents and codes. */
async function gradients(latents: number[][], codes: number[][], upstream: number[][]) {
  const [atLatents, atCodes] = tf.tidy(() => {
    const product = (z: tf.Tensor, q: tf.Tensor) =>
      tf.sum(tf.mul(tf.tensor2d(upstream), diveqDetach(z as tf.Tensor2D, q as tf.Tensor2D)));
    return tf.grads(product)([tf.tensor2d(latents), tf.tensor2d(codes)]) as [tf.Tensor, tf.Tensor];
  });
  return { atLatents: await valuesOf(atLatents), atCodes: await valuesOf(atCodes) };
}

function expectClose(got: readonly number[], expected: readonly number[], digits = 6): void {
  expect(got).toHaveLength(expected.length);
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(expected[i] as number, digits);
}

describe("diveqDetach", () => {
  it("is the codes by value, bit for bit", async () => {
    const value = tf.tidy(() => diveqDetach(tf.tensor2d(LATENTS), tf.tensor2d(CODES)));
    expect(await valuesOf(value)).toEqual(CODES.flat());
  });

  it("splits the gradient between latent and code as the derivative of its length has it", async () => {
    const { atLatents, atCodes } = await gradients(LATENTS, CODES, UPSTREAM);
    expectClose(atLatents, AT_LATENTS.flat());
    expectClose(atCodes, AT_CODES.flat());
    // Nothing is lost: the two parts are the whole gradient.
    expectClose(
      atLatents.map((x, i) => x + (atCodes[i] as number)),
      UPSTREAM.flat(),
    );
  });

  it("by hand: what points from the latent to the code goes to the code", async () => {
    // q − z = (3, 4) = 5d: along d of (1, 2) is 11/5, so (1, 2) = (33/25, 44/25) + (−8/25, 6/25).
    const { atLatents, atCodes } = await gradients([[1, 1]], [[4, 5]], [[1, 2]]);
    expectClose(atCodes, [33 / 25, 44 / 25]);
    expectClose(atLatents, [-8 / 25, 6 / 25]);
  });

  it("gives all of it to a latent that is its code", async () => {
    const { atLatents, atCodes } = await gradients([[1, -2]], [[1, -2]], [[3, 4]]);
    expect(atLatents).toEqual([3, 4]);
    expect(atCodes.map(Math.abs)).toEqual([0, 0]);
  });

  it("teaches the chosen codes of a table, each by the sum over its latents, and no others", async () => {
    const quantizer = createQuantizer(
      { kind: "vq", gradient: "diveq-detach", codebookSize: 3, codeDim: 2 },
      0,
    );
    const codes = quantizer.variables().get("codes") as tf.Variable;
    tf.tidy(() =>
      codes.assign(
        tf.tensor2d([
          [4, 5],
          [-9, 9],
          [0, -8],
        ]),
      ),
    );
    // (1, 1) and (3, 5) fall to code 0, (0, −5) to code 2.
    const latents = tf.tensor4d([1, 1, 3, 5, 0, -5], [1, 1, 3, 2]);
    const upstream = tf.tensor4d([1, 2, 7, 1, 2, 5], [1, 1, 3, 2]);
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.mul(upstream, quantizer.quantize(latents).quantized)),
      [codes],
    );
    // (33/25, 44/25) of the first, as by hand; along (1, 0) the second has (7, 0); along (0, 1) the third has (0, 5).
    expectClose(await valuesOf(grads[codes.name] as tf.Tensor), [33 / 25 + 7, 44 / 25, 0, 0, 0, 5], 5);
    tf.dispose([latents, upstream, value]);
    quantizer.dispose();
  });
});
