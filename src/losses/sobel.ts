import { ShapeError } from "../core/errors.js";
import * as tf from "../tf/index.js";
import type { ReconstructionLossDefinition } from "./registry/index.js";

/**
 * How far the edges of two images are apart: the mean of |S(x − x̂)| over both directions, channels and the pixels whose
 * 3×3 neighbourhood lies inside the image. S is Sobel's filter, [1 2 1] along the edge and [−1 0 1] across it, over 8,
 * so that a slope of 1 a pixel counts 1.
 */
export const sobelLoss: ReconstructionLossDefinition = {
  name: "sobel",
  formula: "mean |S(x − x̂)|, S the Sobel filters across and down",
  repeatable: true,
  compute(target, reconstruction) {
    const [batch, height, width, channels] = target.shape;
    if (height < 3 || width < 3)
      throw new ShapeError("Sobel loss", "[N,H,W,C] with H and W >= 3", target.shape);
    const part = (
      x: tf.Tensor4D,
      [top, left]: readonly [number, number],
      [h, w]: readonly [number, number],
    ) => tf.slice(x, [0, top, left, 0], [batch, h, w, channels]);
    // The filters are linear: those of the difference are the difference of both.
    const difference = tf.sub(reconstruction, target) as tf.Tensor4D;
    const [rows, columns] = [height - 2, width - 2];
    const along = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) =>
      tf.add(tf.add(a, c), tf.mul(b, 2)) as tf.Tensor4D;
    const down = along(
      part(difference, [0, 0], [rows, width]),
      part(difference, [1, 0], [rows, width]),
      part(difference, [2, 0], [rows, width]),
    );
    const across = along(
      part(difference, [0, 0], [height, columns]),
      part(difference, [0, 1], [height, columns]),
      part(difference, [0, 2], [height, columns]),
    );
    const horizontal = tf.sub(part(down, [0, 2], [rows, columns]), part(down, [0, 0], [rows, columns]));
    const vertical = tf.sub(part(across, [2, 0], [rows, columns]), part(across, [0, 0], [rows, columns]));
    const sum = tf.add(tf.mean(tf.abs(horizontal)), tf.mean(tf.abs(vertical)));
    return tf.div(sum, 16); // the filters' 8, and the mean of two
  },
};
