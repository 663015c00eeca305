/** A plain table that learns from the codebook loss. van den Oord et al. 2017, https://arxiv.org/abs/1711.00937. */
import { codebookPart, codebookWeight } from "./codebook.js";
import { replacementOptions } from "./dead-codes.js";
import { asTheyAre } from "./placement.js";
import { regularizationOptions } from "./regularization.js";
import { TableCodebook } from "./table.js";

export const free = codebookPart({
  name: "free",
  summary: "a table that learns by gradient, each chosen code by itself",
  paper: { title: "Neural Discrete Representation Learning", arxiv: "1711.00937" },
  options: { codebookWeight, ...replacementOptions, ...regularizationOptions },
  learning: "chosen",
  comparesLengths: true,
  card: (_, { learnsFromReconstruction }) => ({
    sentence: `Free: a table that learns by gradient, from the codebook loss ${learnsFromReconstruction ? "and the reconstruction" : "alone"}. A code that is not chosen does not move.`,
    latent: "z",
    loss: { moves: "the codes that were chosen", leaves: "encoder and decoder" },
  }),
  numbers: ({ codebookSize, codeDim }) => codebookSize * codeDim,
  create: (start) => new TableCodebook(start, { codebook: "free", placement: asTheyAre }),
});
