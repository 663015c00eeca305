import * as tf from "../../tf/index.js";
import type { Layer } from "../layer.js";

export interface RescaleOptions {
  readonly factor: number;
  readonly offset: number;
}

/** factor·x + offset of each number, both fixed: from one range of pixels to another. */
export function rescale({ factor, offset }: RescaleOptions): Layer {
  return {
    parameters: [],
    apply: (x) => tf.add(tf.mul(x, factor), offset),
    cost: (input) => ({ flop: 0, output: input }),
    onnx: (g, x) => ({
      ...x,
      name: g.op("Add", [g.op("Mul", [x.name, g.scalar(factor)]), g.scalar(offset)]),
    }),
  };
}
