import { ShapeError } from "../../core/errors.js";
import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";

/**
 * Which axis the channels of a block count first: "block-major" the place in the block (TensorFlow's order, ONNX's DCR),
 * "channel-major" the channel (PyTorch's pixel shuffle, ONNX's CRD).
 */
export type BlockOrder = "block-major" | "channel-major";

/**
 * Channels become squares of pixels: [N, H, W, C·B²] → [N, B·H, B·W, C].
 *
 * @param block B; the number of channels has to be a multiple of B²
 */
export function depthToSpace(block: number, order: BlockOrder = "block-major"): Layer {
  const area = block * block;
  return {
    parameters: [],
    apply(x) {
      const [batch, height, width, depth] = x.shape;
      const channels = depth / area;
      const [parts, perm] =
        order === "block-major"
          ? [
              [block, block, channels],
              [0, 1, 3, 2, 4, 5],
            ]
          : [
              [channels, block, block],
              [0, 1, 4, 2, 5, 3],
            ];
      const turned = tf.transpose(x.reshape([batch, height, width, ...parts]), perm); // [N, H, B, W, B, C]
      return turned.reshape([batch, height * block, width * block, channels]);
    },
    cost([height, width, depth]) {
      if (depth % area !== 0) {
        throw new ShapeError("depthToSpace", `[H,W,C] with C a multiple of ${area}`, [height, width, depth]);
      }
      return { flop: 0, output: [height * block, width * block, depth / area] };
    },
    onnx(g, x) {
      const mode = order === "block-major" ? "DCR" : "CRD";
      const made = g.op("DepthToSpace", [inLayout(g, x, "NCHW")], { blocksize: block, mode });
      return {
        name: made,
        layout: "NCHW",
        channels: x.channels / area,
        grid: x.grid,
        scale: x.scale * block,
      };
    },
  };
}
