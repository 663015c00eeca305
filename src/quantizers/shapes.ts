import { ShapeError } from "../core/errors.js";
import type * as tf from "../tf/index.js";

/** Throws ShapeError unless `latents` is [N, H, W, `codeDim`]. */
export function checkLatents(latents: tf.Tensor, codeDim: number): void {
  if (latents.rank !== 4 || latents.shape[3] !== codeDim) {
    throw new ShapeError("latents", `[N,H,W,${codeDim}]`, latents.shape);
  }
}

/** Throws ShapeError unless `indices` is [N, H, W, `numCodebooks`]. */
export function checkIndices(indices: tf.Tensor, numCodebooks: number): void {
  if (indices.rank !== 4 || indices.shape[3] !== numCodebooks) {
    throw new ShapeError("indices", `[N,H,W,${numCodebooks}]`, indices.shape);
  }
}
