import { ShapeError } from "../../core/errors.js";
import * as tf from "../../tf/index.js";
import { dimsOf, inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { sequence } from "./sequence.js";

export interface ResidualOptions {
  readonly body: readonly Layer[];
  /** What stands beside the body, such as a 1×1 convolution where widths differ. By default x itself. */
  readonly shortcut?: readonly Layer[];
}

/** shortcut(x) + body(x). */
export function residual(options: ResidualOptions): Layer {
  const body = sequence(options.body);
  const shortcut = sequence(options.shortcut ?? []);
  return {
    parameters: [...body.parameters, ...shortcut.parameters],
    apply: (x, context) => tf.add(shortcut.apply(x, context), body.apply(x, context)),
    cost(input) {
      const [made, beside] = [body.cost(input), shortcut.cost(input)];
      if (made.output.join() !== beside.output.join()) {
        throw new ShapeError("residual", `[${beside.output.join()}], the shortcut's`, made.output);
      }
      return { flop: made.flop + beside.flop, output: made.output };
    },
    onnx(g, x, weights, context) {
      const made = body.onnx(g, x, weights, context);
      const beside = shortcut.onnx(g, x, weights, context);
      const skip = { ...beside, name: inLayout(g, beside, made.layout), layout: made.layout };
      // ONNX Runtime joins the addition to the convolution, and so changes the order of its sums, if it knows that both
      // have one shape. In the engine's graphs it does.
      for (const { name } of [skip, made]) g.describe(name, dimsOf(skip));
      return { ...skip, name: g.op("Add", [skip.name, made.name]) };
    },
  };
}
