import { beforeAll, expect, test } from "vitest";
import type { ImageAutoencoder } from "../../../src/autoencoder/index.js";
import { BORDER, borderlineOf } from "../../../src/export/onnx/borderline.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

/** Codes −1 and 1, one number each, and these latents for any image; the border between the codes is 0. */
function modelOf(latents: readonly number[]): ImageAutoencoder {
  const quantizer = {
    quantize: (z: tf.Tensor4D) => ({ indices: tf.cast(tf.greater(z, 0), "int32") }),
    indicesToCodes: (indices: tf.Tensor4D) => tf.sub(tf.mul(tf.cast(indices, "float32"), 2), 1),
  };
  const encode = (pixels: tf.Tensor4D) => {
    expect(pixels.shape).toEqual([1, 2, 4, 3]); // 1×3 pixels, filled up to a multiple of 2
    return tf.tensor4d([...latents], [1, 1, 2, 1]);
  };
  return { config: { downsamplingFactor: 2 }, quantizer, encode } as unknown as ImageAutoencoder;
}

test.each([
  // Variance of (z, 3) with z near 0: 2.25, so the border is 2.25e-5 wide. ‖z − 1‖² − ‖z + 1‖² = −4z.
  { z: -5e-6, live: 0, found: 1, on: 1 }, // 2.0e-5
  { z: -6e-6, live: 0, found: 1, on: 0 }, // 2.4e-5
  { z: 5e-6, live: 1, found: 0, on: 1 },
  { z: 6e-6, live: 1, found: 0, on: 0 },
  { z: -5e-6, live: 0, found: 0, on: 0 }, // the same index: nothing to count
])("a latent of $z whose index is $found in the file: $on on the border", async ({ z, live, found, on }) => {
  expect(BORDER).toBe(1e-5);
  const image = { pixels: Uint8Array.from({ length: 9 }, (_, i) => 25 * i), height: 1, width: 3 };
  const before = tf.memory().numTensors;
  const count = await borderlineOf(modelOf([z, 3]))(image, {
    live: { indices: Uint16Array.of(live, 1), shape: [1, 1, 2, 1] },
    found: Int32Array.of(found, 1),
  });
  expect(count).toBe(on);
  expect(tf.memory().numTensors).toBe(before);
});
