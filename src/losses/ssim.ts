import { ShapeError } from "../core/errors.js";
import * as tf from "../tf/index.js";

/** The side of the window. */
export const windowSize = 11;
const windowSigma = 1.5;
/** Images span -1..1. */
const range = 2;
const c1 = (0.01 * range) ** 2;
const c2 = (0.03 * range) ** 2;

/**
 * Mean structural similarity (Wang et al. 2004), differentiable in both images.
 *
 * 11×11 Gaussian window with σ = 1.5, K1 = 0.01, K2 = 0.03, only windows that lie inside the image, each channel by
 * itself, the mean over windows, channels and images. Pixels count from black = 0 with range 2, so the figure is the
 * one that 8-bit values with range 255 have (before clamping and rounding).
 *
 * @param a, b [N, H, W, C] in -1..1; H, W >= 11
 * @returns a scalar, at most 1; 1 where the images are equal
 * @throws ShapeError when H or W is under 11
 */
export function meanSsim(a: tf.Tensor4D, b: tf.Tensor4D): tf.Scalar {
  if (a.shape[1] < windowSize || a.shape[2] < windowSize) {
    throw new ShapeError("SSIM", `[N,H,W,C] with H and W >= ${windowSize}, its window`, a.shape);
  }
  return tf.tidy(() => {
    const { luminance, structure } = similarity(channelsAsImages(a), channelsAsImages(b));
    return tf.mean(tf.mul(luminance, structure)).asScalar();
  });
}

/** SSIM of each window is the product of both. */
export interface Similarity {
  /** [M, H-10, W-10] */
  readonly luminance: tf.Tensor;
  /** Contrast and structure. [M, H-10, W-10] */
  readonly structure: tf.Tensor;
}

/** The two factors of SSIM of maps [M, H, W] in -1..1. Call it inside `tf.tidy`. */
export function similarity(x: tf.Tensor3D, y: tf.Tensor3D): Similarity {
  // The window goes over all five maps at once.
  const blurred = blur(tf.concat([x, y, tf.square(x), tf.square(y), tf.mul(x, y)], 0));
  const [meanX, meanY, meanXX, meanYY, meanXY] = tf.split(blurred, 5, 0) as Five<tf.Tensor3D>;
  // Variances do not depend on where zero is, and are most exact around mid-grey; the means count from black.
  const varianceSum = tf.sub(tf.add(meanXX, meanYY), tf.add(tf.square(meanX), tf.square(meanY)));
  const covariance = tf.sub(meanXY, tf.mul(meanX, meanY));
  const lightX = tf.add(meanX, range / 2);
  const lightY = tf.add(meanY, range / 2);
  const luminance = tf.div(
    tf.add(tf.mul(tf.mul(lightX, lightY), 2), c1),
    tf.add(tf.add(tf.square(lightX), tf.square(lightY)), c1),
  );
  const structure = tf.div(tf.add(tf.mul(covariance, 2), c2), tf.add(varianceSum, c2));
  return { luminance, structure };
}

type Five<T> = [T, T, T, T, T];

/** [N, H, W, C] → [N*C, H, W] */
export function channelsAsImages(images: tf.Tensor4D): tf.Tensor3D {
  const [batch, height, width, channels] = images.shape;
  return tf.transpose(images, [0, 3, 1, 2]).reshape([batch * channels, height, width]);
}

/**
 * The Gaussian window, which is separable, along the rows and then down the columns: two matrix products, which
 * engines do much faster than convolutions of one channel.
 *
 * @param maps [M, H, W]
 * @returns [M, W-10, H-10]
 */
function blur(maps: tf.Tensor3D): tf.Tensor3D {
  const [count, height, width] = maps.shape;
  const rows = tf.matMul(maps.reshape<tf.Tensor2D>([count * height, width]), windows(width)); // [M*H, W-10]
  const columns = tf.transpose(rows.reshape([count, height, -1]), [0, 2, 1]); // [M, W-10, H]
  return tf
    .matMul(columns.reshape<tf.Tensor2D>([-1, height]), windows(height))
    .reshape([count, -1, height - windowSize + 1]);
}

/** [side, side-10]: column j holds the window from row j on, so that values × matrix weights every window's values. */
function windows(side: number): tf.Tensor2D {
  const window = gaussianWindow();
  const count = side - windowSize + 1;
  const matrix = new Float32Array(side * count);
  for (let j = 0; j < count; j++) {
    for (const [i, weight] of window.entries()) matrix[(i + j) * count + j] = weight;
  }
  return tf.tensor2d(matrix, [side, count]);
}

function gaussianWindow(): number[] {
  const centre = (windowSize - 1) / 2;
  const weights = Array.from({ length: windowSize }, (_, i) =>
    Math.exp(-((i - centre) ** 2) / (2 * windowSigma ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
