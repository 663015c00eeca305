/**
 * The functions of TensorFlow.js, for the files of this layer.
 *
 * A quantizer's file says what it is and computes it. What it is, programs read that load no TensorFlow.js, such as the
 * page of runs. So these files import its types only and take its functions from here; the layer's face (index.ts)
 * binds them when it is loaded.
 */
import type * as tfjs from "../tf/index.js";

/** Undefined until `bindTensorFlow` has been called. */
export let tf: typeof tfjs;

export function bindTensorFlow(functions: typeof tfjs): void {
  tf = functions;
}
