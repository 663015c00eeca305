import { ShapeError } from "../../core/errors.js";
import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";

/** What each of several layers makes of x, one after another in the channels: SqueezeNet's way of two kernel sizes. */
export function branches(layers: readonly Layer[]): Layer {
  return {
    parameters: layers.flatMap(({ parameters }) => parameters),
    apply: (x, context) =>
      tf.concat(
        layers.map((layer) => layer.apply(x, context)),
        3,
      ),
    cost(input) {
      const costs = layers.map((layer) => layer.cost(input));
      const [first, ...others] = costs.map(({ output }) => output);
      const [height, width] = first ?? input;
      const other = others.find((output) => output[0] !== height || output[1] !== width);
      if (other !== undefined) throw new ShapeError("branches", `[${height},${width},C], the first's`, other);
      const channels = costs.reduce((sum, { output }) => sum + output[2], 0);
      return { flop: costs.reduce((sum, { flop }) => sum + flop, 0), output: [height, width, channels] };
    },
    onnx(g, x, weights, context) {
      const made = layers.map((layer) => layer.onnx(g, x, weights, context));
      const names = made.map((each) => inLayout(g, each, "NCHW"));
      const channels = made.reduce((sum, each) => sum + each.channels, 0);
      return { ...(made[0] ?? x), layout: "NCHW", channels, name: g.op("Concat", names, { axis: 1 }) };
    },
  };
}
