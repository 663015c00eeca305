import * as tf from "../../tf/index.js";
import type { Layer } from "../layer.js";

/** Layers one after another; none leave x as it is. */
export function sequence(layers: readonly Layer[]): Layer {
  return {
    parameters: layers.flatMap(({ parameters }) => parameters),
    apply: (x, context) => tf.tidy(() => layers.reduce((value, layer) => layer.apply(value, context), x)),
    cost: (input) =>
      layers.reduce(
        (before, layer) => {
          const { flop, output } = layer.cost(before.output);
          return { flop: before.flop + flop, output };
        },
        { flop: 0, output: input },
      ),
    onnx: (g, x, weights, context) =>
      layers.reduce((value, layer) => layer.onnx(g, value, weights, context), x),
  };
}
