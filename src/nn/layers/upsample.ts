import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";

/**
 * Nearest-neighbour: every pixel becomes a square of equal ones.
 *
 * @param factor height and width are multiplied by, an integer >= 1
 */
export function upsample(factor = 2): Layer {
  return {
    parameters: [],
    apply: (x) => tf.image.resizeNearestNeighbor(x, [factor * x.shape[1], factor * x.shape[2]]),
    cost: ([height, width, channels]) => ({ flop: 0, output: [factor * height, factor * width, channels] }),
    onnx(g, x) {
      const scales = g.literal(Float32Array.of(1, 1, factor, factor), [4]);
      const made = g.op("Resize", [inLayout(g, x, "NCHW"), "", scales], {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      });
      return { ...x, name: made, layout: "NCHW", scale: factor * x.scale };
    },
  };
}
