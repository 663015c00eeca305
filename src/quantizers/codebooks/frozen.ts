/**
 * A random table that never changes: what encoder and decoder make of codes that nobody chose for them.
 *
 * The baseline of Zhu et al. 2024 (SimVQ), https://arxiv.org/abs/2411.02038, and of VQGAN-FC's frozen variants: codes are
 * drawn (or set from data) at the start; the encoder learns to reach them.
 */
import { codebookPart } from "./codebook.js";
import { asTheyAre } from "./placement.js";
import { TableCodebook } from "./table.js";

export const frozen = codebookPart({
  name: "frozen",
  summary: "a random table that never changes",
  options: {},
  defaults: { initialization: "normal" },
  learning: "never",
  comparesLengths: true,
  card: () => ({
    sentence:
      "Frozen: a table that stays as it starts. No loss moves it; the encoder learns to reach its codes.",
    latent: "z",
    loss: null,
  }),
  numbers: ({ codebookSize, codeDim }) => codebookSize * codeDim,
  create: (start) => new TableCodebook(start, { codebook: "frozen", placement: asTheyAre, trainable: false }),
});
