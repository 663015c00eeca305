/**
 * Codes on the unit sphere: latents and codes are divided by their lengths, so that the direction alone decides.
 *
 * Yu et al. 2021 (ViT-VQGAN), https://arxiv.org/abs/2110.04627, section 3.2; with D = 8 in LlamaGen (Sun et al. 2024,
 * https://arxiv.org/abs/2406.06525). In code: ẑ = z/‖z‖ is `placement`, e_k a row of the variable `codes`, and what is
 * searched, chosen and decoded is e_k/‖e_k‖. ‖ẑ − q‖² = 2 − 2 cos(z, e_k), so the nearest code is the one of the nearest
 * direction. Both losses are of ẑ, not of z, and gradients reach z through the division: (I − ẑẑᵀ)g/‖z‖.
 */

import type { GraphWriter } from "../../backend/index.js";
import type { GradSaveFunc, Tensor2D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { codebookPart, codebookWeight } from "./codebook.js";
import { replacementOptions } from "./dead-codes.js";
import type { Placement } from "./placement.js";
import { regularizationOptions } from "./regularization.js";
import { TableCodebook } from "./table.js";

/** A row shorter than this has no direction: it is divided by this, and gradients pass it unchanged. */
const SHORTEST = 1e-6;

/** Rows at length 1: codes start so, and learn through the division by their lengths. */
export const onUnitSphere: Placement = { apply: unitRows, write: writeUnitRows };

/** Each row at length 1. @param rows [M, D] @returns [M, D] */
export function unitRows(rows: Tensor2D): Tensor2D {
  const operator = tf.customGrad<Tensor2D>((x, save) => {
    const value = x as Tensor2D;
    const length = tf.sqrt(tf.sum(tf.square(value), 1, true)); // [M, 1]
    const unit: Tensor2D = tf.div(value, tf.maximum(length, SHORTEST));
    (save as GradSaveFunc)([unit, length]);
    return {
      value: unit,
      gradFunc: (gradient, saved) => {
        const [direction, norm] = saved as [Tensor2D, Tensor2D];
        const along = tf.mul(direction, tf.sum(tf.mul(direction, gradient), 1, true));
        const across = tf.div(tf.sub(gradient, along), tf.maximum(norm, SHORTEST));
        return tf.where(tf.greaterEqual(norm, SHORTEST), across, gradient) as Tensor2D;
      },
    };
  });
  return operator(rows);
}

/** The operators of `unitRows`. */
function writeUnitRows(g: GraphWriter, rows: string): string {
  const square = g.op("ReduceSum", [g.op("Mul", [rows, rows]), g.int64s([1])], { keepdims: 1 });
  return g.op("Div", [rows, g.op("Max", [g.op("Sqrt", [square]), g.scalar(SHORTEST)])]);
}

export const sphere = codebookPart({
  name: "sphere",
  summary: "a table that learns by gradient, its codes and all latents at length 1",
  paper: { title: "Vector-quantized Image Modeling with Improved VQGAN", arxiv: "2110.04627" },
  options: { codebookWeight, ...replacementOptions, ...regularizationOptions },
  learning: "chosen",
  comparesLengths: false,
  card: (_, { learnsFromReconstruction }) => ({
    sentence: `Unit sphere: latents and codes are compared at length 1, ẑ = z/‖z‖, and decoded so; a table that learns by gradient, from the codebook loss ${learnsFromReconstruction ? "and the reconstruction" : "alone"}. A code that is not chosen does not move.`,
    latent: "ẑ",
    loss: { moves: "the codes that were chosen", leaves: "encoder and decoder" },
  }),
  numbers: ({ codebookSize, codeDim }) => codebookSize * codeDim,
  create: (start) => new TableCodebook(start, { codebook: "sphere", placement: onUnitSphere }),
});
