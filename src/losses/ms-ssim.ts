import { ShapeError } from "../core/errors.js";
import * as tf from "../tf/index.js";
import type { ReconstructionLossDefinition } from "./registry/index.js";
import { channelsAsImages, similarity, windowSize } from "./ssim.js";

/** β of each scale, the finest first; the last is α too. From the paper's experiments. */
const WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/** Means below it count as this: a power of a negative number is not real, and near 0 its slope has no bound. */
const LEAST = 1e-3;

/**
 * 1 − MS-SSIM (Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for image quality assessment", equation
 * 7), of each channel and image, then averaged. As `evaluate` has it: halves are means of 2×2 pixels, and an odd last row
 * or column counts twice.
 *
 * Its five scales need 161 pixels a side. Of smaller images it takes the finest scales that hold its window of 11×11, with
 * the weights of these over their sum; at 64 pixels three.
 */
export const msSsimLoss: ReconstructionLossDefinition = {
  name: "msSsim",
  formula: "1 − mean MS-SSIM of x and x̂, at as many of its five scales as the crop holds",
  repeatable: true,
  compute(target, reconstruction) {
    if (Math.min(target.shape[1], target.shape[2]) < windowSize) {
      throw new ShapeError("MS-SSIM", `[N,H,W,C] with H and W >= ${windowSize}, its window`, target.shape);
    }
    const weights = weightsFor(target.shape[1], target.shape[2]);
    let [x, y] = [channelsAsImages(target), channelsAsImages(reconstruction)];
    let product: tf.Tensor | undefined;
    for (const [scale, weight] of weights.entries()) {
      if (scale > 0) [x, y] = [halved(x), halved(y)];
      const { luminance, structure } = similarity(x, y);
      const map = scale === weights.length - 1 ? tf.mul(luminance, structure) : structure;
      const factor = tf.pow(tf.maximum(tf.mean(map, [1, 2]), LEAST), weight); // [N*C]
      product = product === undefined ? factor : tf.mul(product, factor);
    }
    return tf.sub(1, tf.mean(product as tf.Tensor)) as tf.Scalar;
  },
};

/** Of the scales that an image of this size has, one at least; they sum to 1. */
export function weightsFor(height: number, width: number): number[] {
  let [side, count] = [Math.min(height, width), 1];
  while (count < WEIGHTS.length && Math.ceil(side / 2) >= windowSize) {
    side = Math.ceil(side / 2);
    count++;
  }
  const taken = WEIGHTS.slice(0, count);
  const sum = taken.reduce((a, b) => a + b);
  return taken.map((weight) => weight / sum);
}

/** [M, H, W] → [M, ⌈H/2⌉, ⌈W/2⌉] */
function halved(maps: tf.Tensor3D): tf.Tensor3D {
  const [count, height, width] = maps.shape;
  const [oddHeight, oddWidth] = [height % 2, width % 2];
  let even = maps;
  if (oddHeight === 1) even = tf.concat([even, tf.slice(even, [0, height - 1, 0], [count, 1, width])], 1);
  if (oddWidth === 1) {
    even = tf.concat([even, tf.slice(even, [0, 0, width - 1], [count, height + oddHeight, 1])], 2);
  }
  const [rows, columns] = [(height + oddHeight) / 2, (width + oddWidth) / 2];
  return tf.mean(even.reshape([count, rows, 2, columns, 2]), [2, 4]) as tf.Tensor3D;
}
