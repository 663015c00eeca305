import * as tf from "../tf/index.js";

/**
 * Runs `compute` with gradient recording off: its result is a constant of the backward pass. An operation of one's own
 * without inputs is one, for the tape finds no way from its output back to any variable.
 */
export function withoutGradient<T extends tf.Tensor>(compute: () => T): T {
  return tf.customGrad<T>(() => ({ value: compute(), gradFunc: () => [] }))();
}
