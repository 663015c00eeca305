import { type ImageAutoencoder, pixelsToTensor } from "../../autoencoder/index.js";
import type { RgbImage } from "../../data/index.js";
import * as tf from "../../tf/index.js";
import type { CodesInput } from "../../tokenizer/index.js";

/** Indices of one image: the live model's, and an exported file's in the same order. */
export interface TwoEncodings {
  readonly live: Pick<CodesInput, "indices" | "shape">;
  readonly found: Int32Array;
}

/**
 * How many of the indices that differ belong to latents on the border between the two codes.
 *
 * Of an image whose grids are large the engine computes wide convolutions by tiles, and an exported file directly: both
 * round, in different ways. A latent z lies on the border between a, the live model's code, and b where
 * ‖z − b‖² − ‖z − a‖² is less than `BORDER` times the latents' variance.
 */
export type Borderline = (image: RgbImage, encodings: TwoEncodings) => Promise<number>;

/** Of the variance of an image's latents. */
export const BORDER = 1e-5;

/**
 * `Borderline` for a model. Latents are moved towards the file's codes by what makes that difference smaller by the
 * border's width, and quantized again: those on the border get the file's indices. So it holds for every quantizer, also
 * where the nearest code is found by rounding.
 */
export function borderlineOf(model: ImageAutoencoder): Borderline {
  return async (image, { live, found }) => {
    const moved = tf.tidy(() => movedIndices(model, image, { live, found }));
    try {
      const after = await moved.data();
      let count = 0;
      for (const [i, index] of found.entries()) {
        if (index !== live.indices[i] && after[i] === index) count++;
      }
      return count;
    } finally {
      moved.dispose();
    }
  };
}

/** The indices of latents that were moved: z + (b − a)·w/2‖b − a‖² makes ‖z − b‖² − ‖z − a‖² smaller by w. */
function movedIndices(model: ImageAutoencoder, image: RgbImage, { live, found }: TwoEncodings): tf.Tensor {
  const { quantizer, config } = model;
  const latents = model.encode(pixelsToTensor({ ...extended(image, config.downsamplingFactor), count: 1 }));
  const codesOf = (indices: ArrayLike<number>) =>
    quantizer.indicesToCodes(tf.tensor4d(Int32Array.from(indices), live.shape as Shape4D, "int32"));
  const way = tf.sub(codesOf(found), codesOf(live.indices)); // [1, H, W, D]
  const length = tf.sum(tf.square(way), 3, true);
  const width = tf.mul(tf.moments(latents).variance, BORDER / 2);
  // Where the codes are the same, the way is 0.
  const step = tf.mul(way, tf.div(width, tf.maximum(length, 1e-30)));
  return quantizer.quantize(tf.add(latents, step)).indices;
}

type Shape4D = [number, number, number, number];

/** The image with its last row and column repeated up to multiples of `factor`, as an encoder takes it. */
function extended({ pixels, height, width }: RgbImage, factor: number): RgbImage {
  const [rows, columns] = [height, width].map((size) => Math.ceil(size / factor) * factor) as [
    number,
    number,
  ];
  const made = new Uint8Array(3 * rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = 3 * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
      made.set(pixels.subarray(from, from + 3), 3 * (y * columns + x));
    }
  }
  return { pixels: made, height: rows, width: columns };
}
