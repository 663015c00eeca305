import * as tf from "../../tf/index.js";
import type { Layer } from "../layer.js";

/**
 * x where it is positive, slope·x elsewhere.
 *
 * @param slope default 0.2, that of discriminators
 */
export function leakyRelu(slope = 0.2): Layer {
  return {
    parameters: [],
    apply: (x) => tf.leakyRelu(x, slope),
    cost: (input) => ({ flop: 0, output: input }),
    onnx: (g, x) => ({ ...x, name: g.op("LeakyRelu", [x.name], { alpha: { float: slope } }) }),
  };
}
