/** Rows divided by their lengths, differentiable, and the same in an exported graph. */
import type { GraphWriter } from "../backend/index.js";
import type { GradSaveFunc, Tensor2D } from "../tf/index.js";
import { tf } from "./tfjs.js";

/** A row shorter than this has no direction: it is divided by this, and gradients pass it unchanged. */
const SHORTEST = 1e-6;

/** Each row at length 1. @param rows [M, D] @returns [M, D] */
export function unitRows(rows: Tensor2D): Tensor2D {
  const operator = tf.customGrad<Tensor2D>((x, save) => {
    const value = x as Tensor2D;
    const length = tf.sqrt(tf.sum(tf.square(value), 1, true)); // [M, 1]
    const unit: Tensor2D = tf.div(value, tf.maximum(length, SHORTEST));
    (save as GradSaveFunc)([unit, length]);
    return {
      value: unit,
      gradFunc: (gradient, saved) => {
        const [direction, norm] = saved as [Tensor2D, Tensor2D];
        const along = tf.sum(tf.mul(direction, gradient), 1, true); // [M, 1]
        const hasDirection = tf.greaterEqual(norm, SHORTEST);
        const passed = tf.mul(direction, tf.where(hasDirection, along, tf.zerosLike(along)));
        const scale = tf.where(hasDirection, norm, tf.onesLike(norm));
        return tf.div(tf.sub(gradient, passed), scale) as Tensor2D;
      },
    };
  });
  return operator(rows);
}

/** The operators of `unitRows`. */
export function writeUnitRows(g: GraphWriter, rows: string): string {
  const square = g.op("ReduceSum", [g.op("Mul", [rows, rows]), g.int64s([1])], { keepdims: 1 });
  return g.op("Div", [rows, g.op("Max", [g.op("Sqrt", [square]), g.scalar(SHORTEST)])]);
}
