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
    apply: (x) => applied(x, slope),
    cost: (input) => ({ flop: 0, output: input }),
    onnx: (g, x) => ({ ...x, name: g.op("LeakyRelu", [x.name], { alpha: { float: slope } }) }),
  };
}

/**
 * Where x is positive is a constant of its gradient, so that this can be differentiated again, as gradient penalties
 * do: the engine's own gradient compares x there, and a comparison has no gradient.
 */
function applied(x: tf.Tensor4D, slope: number): tf.Tensor4D {
  const operator = tf.customGrad((...given) => {
    const [of, save] = given as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    save([tf.greater(of, 0)]);
    return {
      value: tf.leakyRelu(of, slope),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.where(saved[0] as tf.Tensor, dy, tf.mul(dy, slope)),
    };
  });
  return operator(x) as tf.Tensor4D;
}
