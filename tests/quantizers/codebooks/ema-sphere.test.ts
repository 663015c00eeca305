import { beforeAll, expect, it } from "vitest";
import { createQuantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

it("turns a chosen code to the running sum of its latents' directions, and leaves the others where they are", async () => {
  const quantizer = createQuantizer(
    { kind: "vq", codebook: "ema-sphere", codebookSize: 2, codeDim: 2, emaDecay: 0.5 },
    0,
  );
  tf.tidy(() =>
    quantizer
      .variables()
      .get("sums")
      ?.assign(tf.tensor2d([1, 0, 0, -2], [2, 2])),
  );
  // Directions (0.6, 0.8) and (1, 0), both nearest to code 0: m = 0.5·(1, 0) + 0.5·(1.6, 0.8) = (1.3, 0.4).
  const codes = tf.tidy(() => {
    const latents = tf.tensor4d([3, 4, 7, 0], [1, 1, 2, 2]);
    const { indices } = quantizer.quantize(latents);
    quantizer.updateCodebook(latents, indices);
    return quantizer.indicesToCodes(tf.tensor4d([0, 1], [1, 1, 2, 1], "int32"));
  });
  const length = Math.hypot(1.3, 0.4);
  const expected = [1.3 / length, 0.4 / length, 0, -1];
  for (const [i, value] of Array.from(await codes.data()).entries()) {
    expect(value).toBeCloseTo(expected[i] as number, 6);
  }
  codes.dispose();
  quantizer.dispose();
});

it("keeps the direction of a code that nothing has chosen for thousands of steps", async () => {
  const quantizer = createQuantizer(
    { kind: "vq", codebook: "ema-sphere", codebookSize: 2, codeDim: 2, emaDecay: 0.5 },
    0,
  );
  tf.tidy(() =>
    quantizer
      .variables()
      .get("sums")
      ?.assign(tf.tensor2d([1, 0, -0.6, -0.8], [2, 2])),
  );
  for (let step = 0; step < 200; step++) {
    tf.tidy(() =>
      quantizer.updateCodebook(tf.tensor4d([5, 0], [1, 1, 1, 2]), tf.zeros([1, 1, 1, 1], "int32")),
    );
  }
  const code = tf.tidy(() => quantizer.indicesToCodes(tf.tensor4d([1], [1, 1, 1, 1], "int32")));
  const [x = Number.NaN, y = Number.NaN] = await code.data();
  expect(x).toBeCloseTo(-0.6, 6);
  expect(y).toBeCloseTo(-0.8, 6);
  code.dispose();
  quantizer.dispose();
});
