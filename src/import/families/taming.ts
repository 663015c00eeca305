import { type Family, hasName, ldmFields, plainCodebook } from "../family.js";
import { tamingNames } from "./ldm-names.js";
import { ldmClaims, targetOf } from "./yaml-claims.js";

/**
 * VQGAN as CompVis publishes it (Esser et al. 2021, https://arxiv.org/abs/2012.09841, taming-transformers), and what has
 * its names and its search: the VQ models of latent diffusion, Chameleon's own checkpoint.
 */
export const taming: Family = {
  name: "taming",
  title: "taming-transformers' VQGAN",
  isNamedBy: (config) => /^(taming|ldm|chameleon)\..*VQModel/.test(targetOf(config)),
  matches: (found) => hasName(found, "encoder.down.0.block.0.") && hasName(found, "quantize.embedding."),
  names: () => tamingNames(),
  leftOut: [/^quantize\.used$/, /^colorize$/],
  fixed: () => ldmFields,
  quantizer: plainCodebook,
  claims: ldmClaims,
};
