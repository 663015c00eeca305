import { type Family, hasName, ldmFields } from "../family.js";
import { tamingNames } from "./ldm-names.js";
import { modelTypesOf, transformersClaims } from "./transformers-claims.js";

/**
 * Janus's tokenizer as transformers keeps it (`JanusVQVAE`, alone or under `model.vqmodel.`): LlamaGen's VQ-16 in
 * taming's names, but for a decoder that counts from the smallest grid. Codes are searched on the unit sphere, as
 * DeepSeek's own code does.
 */
export const janus: Family = {
  name: "janus",
  title: "Janus in transformers' form",
  isNamedBy: (config) => /\bjanus/.test(modelTypesOf(config)),
  matches: (found) =>
    hasName(found, "encoder.down.0.block.0.") && hasName(found, "decoder.up.0.upsample.conv."),
  names: () => tamingNames("{~i}"),
  fixed: () => ldmFields,
  quantizer: ({ codebookSize, codeDim }) => ({ kind: "vq", codebook: "sphere", codebookSize, codeDim }),
  claims: transformersClaims,
};
