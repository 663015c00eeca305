import { ShapeError } from "../../core/errors.js";
import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import type { BlockOrder } from "./depth-to-space.js";

/**
 * Squares of pixels become channels of one: [N, B·H, B·W, C] → [N, H, W, C·B²]. Undoes `depthToSpace` of that order.
 *
 * @param block B; the sides have to be multiples of it
 */
export function spaceToDepth(block: number, order: BlockOrder = "block-major"): Layer {
  return {
    parameters: [],
    apply(x) {
      const [batch, height, width, channels] = x.shape;
      const apart = x.reshape([batch, height / block, block, width / block, block, channels]); // [N, H, B, W, B, C]
      const perm = order === "block-major" ? [0, 1, 3, 2, 4, 5] : [0, 1, 3, 5, 2, 4];
      return tf
        .transpose(apart, perm)
        .reshape([batch, height / block, width / block, channels * block * block]);
    },
    cost([height, width, channels]) {
      if (height % block !== 0 || width % block !== 0) {
        throw new ShapeError("spaceToDepth", `[H,W,C] with H and W multiples of ${block}`, [
          height,
          width,
          channels,
        ]);
      }
      return { flop: 0, output: [height / block, width / block, channels * block * block] };
    },
    onnx(g, x) {
      const image = inLayout(g, x, "NCHW");
      const channels = x.channels * block * block;
      const shape = { channels, grid: x.grid, scale: x.scale / block, layout: "NCHW" } as const;
      const made = g.op("SpaceToDepth", [image], { blocksize: block }); // [N, B²*C, H, W]
      if (order === "block-major") return { ...shape, name: made };
      // ONNX has only the other order: [N, B², C, H, W] → [N, C, B², H, W] → [N, C*B², H, W].
      const parts = g.reshape(made, [g.sizes(made, 0, 1), block * block, x.channels, g.sizes(made, 2, 4)]);
      const turned = g.op("Transpose", [parts], { perm: [0, 2, 1, 3, 4] });
      return { ...shape, name: g.reshape(turned, [g.sizes(made, 0, 4)]) };
    },
  };
}
