import { type Family, hasName, ldmFields, plainCodebook } from "../family.js";
import { tamingNames } from "./ldm-names.js";
import { modelTypesOf, transformersClaims } from "./transformers-claims.js";

/**
 * Chameleon's and Anole's tokenizer as transformers keeps it (`ChameleonVQVAE`, alone or under `model.vqmodel.`): an
 * encoder and its codes, without the decoder. Meta's own checkpoint has both, and is of the family `taming`.
 */
export const chameleon: Family = {
  name: "chameleon",
  title: "Chameleon in transformers' form (an encoder alone)",
  isNamedBy: (config) => /\bchameleon/.test(modelTypesOf(config)),
  matches: (found) => hasName(found, "encoder.down.0.block.0.") && !hasName(found, "decoder."),
  names: () => tamingNames(),
  // Of the decoder, which is not there.
  leftOut: [/^post_quant_conv\./],
  fixed: () => ldmFields,
  quantizer: plainCodebook,
  claims: transformersClaims,
};
