import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import {
  enginePadding,
  gridAfter,
  onnxWindows,
  type WindowOptions,
  windowCount,
  windowsOf,
} from "../windows.js";

/**
 * The largest number, or the mean, of each window and channel. What is outside the image counts in neither: a mean is of
 * the pixels that a window has, as PyTorch's with `count_include_pad=False`. tfjs-node pools without padding, or with as
 * much as keeps the size.
 *
 * @param options.stride default 1, as for convolutions; pooling that halves the sides has kernel 2 and stride 2
 */
export function pool(kind: "max" | "average", options: WindowOptions): Layer {
  const windows = windowsOf(options, "pool");
  return {
    parameters: [],
    apply(x) {
      const padding = enginePadding(windows, x);
      const run = kind === "max" ? tf.maxPool : tf.avgPool;
      return run(x, [...windows.kernel], [...windows.stride], padding);
    },
    cost(input) {
      const [height, width] = windowCount(windows, input, "pool");
      return { flop: 0, output: [height, width, input[2]] };
    },
    onnx(g, x) {
      const operator = kind === "max" ? "MaxPool" : "AveragePool";
      const made = g.op(operator, [inLayout(g, x, "NCHW")], onnxWindows(windows));
      return { name: made, layout: "NCHW", channels: x.channels, ...gridAfter(windows, x, made) };
    },
  };
}
