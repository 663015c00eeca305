import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { depthToSpace } from "./depth-to-space.js";
import { sequence } from "./sequence.js";
import { spaceToDepth } from "./space-to-depth.js";

/**
 * One step of Haar's wavelet transform: [N, 2H, 2W, C] → [N, H, W, 4C]. The channels are those of four bands in turn: the
 * means of 2×2 pixels, then the differences between rows, between columns, and across both, each divided by 4. Twice, it
 * makes 16 bands of 4×4 pixels. As the patches of Cosmos's tokenizers, arXiv 2501.03575.
 */
export function haarWavelets(): Layer {
  return sequence([spaceToDepth(2), sumsAndDifferences(0.25)]);
}

/** Undoes `haarWavelets`: [N, H, W, 4C] → [N, 2H, 2W, C]. */
export function inverseHaarWavelets(): Layer {
  return sequence([sumsAndDifferences(1), depthToSpace(2)]);
}

/**
 * Four blocks of channels p, q, r, s become p+q+r+s, p+q−r−s, p−q+r−s and p−q−r+s. Twice that is four times what was
 * there, so the transform and its inverse differ in the factor alone.
 */
function sumsAndDifferences(factor: number): Layer {
  return {
    parameters: [],
    apply(x) {
      const [p, q, r, s] = tf.split(x, 4, 3) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
      const [pq, rs] = [tf.add(p, q), tf.add(r, s)];
      const [p_q, r_s] = [tf.sub(p, q), tf.sub(r, s)];
      const all = [tf.add(pq, rs), tf.sub(pq, rs), tf.add(p_q, r_s), tf.sub(p_q, r_s)] as tf.Tensor4D[];
      return tf.mul(tf.concat(all, 3), factor);
    },
    cost: (input) => ({ flop: 0, output: input }),
    onnx(g, x) {
      const image = inLayout(g, x, "NHWC");
      const sizes = g.int64s(new Array<number>(4).fill(x.channels / 4));
      const [p, q, r, s] = g.ops("Split", [image, sizes], { axis: 3 }, 4) as [string, string, string, string];
      const [pq, rs] = [g.op("Add", [p, q]), g.op("Add", [r, s])];
      const [p_q, r_s] = [g.op("Sub", [p, q]), g.op("Sub", [r, s])];
      const all = [
        g.op("Add", [pq, rs]),
        g.op("Sub", [pq, rs]),
        g.op("Add", [p_q, r_s]),
        g.op("Sub", [p_q, r_s]),
      ];
      const made = g.op("Mul", [g.op("Concat", all, { axis: 3 }), g.scalar(factor)]);
      return { ...x, name: made, layout: "NHWC" };
    },
  };
}
