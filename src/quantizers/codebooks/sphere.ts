/**
 * Codes on the unit sphere: latents and codes are divided by their lengths, so that the direction alone decides.
 *
 * Yu et al. 2021 (ViT-VQGAN), https://arxiv.org/abs/2110.04627, section 3.2; with D = 8 in LlamaGen (Sun et al. 2024,
 * https://arxiv.org/abs/2406.06525). In code: ẑ = z/‖z‖ is `placement`, e_k a row of the variable `codes`, and what is
 * searched, chosen and decoded is e_k/‖e_k‖. ‖ẑ − q‖² = 2 − 2 cos(z, e_k), so the nearest code is the one of the nearest
 * direction. Both losses are of ẑ, not of z, and gradients reach z through the division: (I − ẑẑᵀ)g/‖z‖.
 */

import { unitRows, writeUnitRows } from "../unit-rows.js";
import { codebookPart, codebookWeight } from "./codebook.js";
import { replacementOptions } from "./dead-codes.js";
import type { Placement } from "./placement.js";
import { regularizationOptions } from "./regularization.js";
import { TableCodebook } from "./table.js";

/** Rows at length 1: codes start so, and learn through the division by their lengths. */
export const onUnitSphere: Placement = { apply: unitRows, write: writeUnitRows };

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
