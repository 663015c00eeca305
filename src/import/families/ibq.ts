import { type Family, ldmFields } from "../family.js";
import { tamingNames } from "./ldm-names.js";
import { taming } from "./taming.js";
import { ldmClaims, targetOf } from "./yaml-claims.js";

/**
 * Index backpropagation quantization (Shi et al. 2024, https://arxiv.org/abs/2412.02692; SEED-Voken): taming's network
 * and names, and the code with the largest inner product. Its figures are of the running average.
 */
export const ibq: Family = {
  name: "ibq",
  title: "IBQ",
  isNamedBy: (config) => /\.IBQ\..*IBQ/.test(targetOf(config)),
  // Names are taming's: a configuration or whoever imports has to say which search it is.
  matches: () => false,
  names: () => tamingNames(),
  leftOut: taming.leftOut ?? [],
  fixed: () => ldmFields,
  quantizer: ({ codebookSize, codeDim }) => ({
    kind: "vq",
    codebook: "inner-product",
    codebookSize,
    codeDim,
  }),
  claims: ldmClaims,
  averaged: true,
};
