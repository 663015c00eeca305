/**
 * A plain table whose code with the largest inner product is chosen.
 *
 * Shi et al. 2024 (IBQ), https://arxiv.org/abs/2412.02692, section 3.2: k = argmax_k z·e_k. A latent's length has no
 * part in the choice; a code's has, so that long codes are chosen more often. Losses and decoding are of z and e_k as
 * they are.
 */
import { codebookPart, codebookWeight } from "./codebook.js";
import { replacementOptions } from "./dead-codes.js";
import { asTheyAre } from "./placement.js";
import { regularizationOptions } from "./regularization.js";
import { TableCodebook } from "./table.js";

export const innerProduct = codebookPart({
  name: "inner-product",
  summary: "a table that learns by gradient, its code with the largest inner product chosen",
  paper: {
    title: "Scalable Image Tokenization with Index Backpropagation Quantization",
    arxiv: "2412.02692",
  },
  options: { codebookWeight, ...replacementOptions, ...regularizationOptions },
  defaults: { initialization: "normal" },
  learning: "chosen",
  comparesLengths: false,
  card: (_, { learnsFromReconstruction }) => ({
    sentence: `Inner product: the code with the largest z·e is chosen; a table that learns by gradient, from the codebook loss ${learnsFromReconstruction ? "and the reconstruction" : "alone"}. A code that is not chosen does not move.`,
    latent: "z",
    loss: { moves: "the codes that were chosen", leaves: "encoder and decoder" },
  }),
  numbers: ({ codebookSize, codeDim }) => codebookSize * codeDim,
  create: (start) =>
    new TableCodebook(start, {
      codebook: "inner-product",
      placement: asTheyAre,
      similarity: "inner-product",
    }),
});
