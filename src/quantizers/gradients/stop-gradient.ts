import type { Tensor } from "../../tf/index.js";
import { tf } from "../tfjs.js";

/**
 * Runs `compute` with gradient recording off: its result is a constant of the backward pass.
 *
 * TensorFlow.js has no stop-gradient. A custom operation *without inputs* is one: the tape finds no way from its
 * output back to any variable, so nothing behind it is differentiated, not even as zeros.
 */
export function withoutGradient<T extends Tensor>(compute: () => T): T {
  return tf.customGrad<T>(() => ({ value: compute(), gradFunc: () => [] }))();
}

/** sg[x]: the value of `x`, a constant of the backward pass. */
export function stopGradient<T extends Tensor>(x: T): T {
  return withoutGradient(() => x.clone());
}
