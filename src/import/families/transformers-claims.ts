import { fieldsOf, type PlainObject } from "../../core/objects.js";
import type { Claim, FoundConfig, FoundWeights } from "../family.js";
import { inputMultiples, type ModelStructure } from "../structure.js";

/** The part of a transformers configuration that describes the tokenizer, and where it stands. */
function vqPart({ content }: FoundConfig): readonly [path: string, part: PlainObject] {
  return content.vq_config === undefined ? ["", content] : ["vq_config.", fieldsOf(content.vq_config)];
}

/** `model_type` of the tokenizer or of the model that it is a part of. */
export function modelTypesOf(config: FoundConfig): string {
  return [config.content.model_type, vqPart(config)[1].model_type].join(" ");
}

export function transformersClaims(structure: ModelStructure, { config }: FoundWeights): Claim[] {
  if (config === undefined) return [];
  const [place] = vqPart(config);
  const { inputWidth, residualBlocks } = structure;
  const says = (field: string, expected: unknown): Claim => ({ field: `${place}${field}`, expected });
  return [
    says("embed_dim", structure.codeDim),
    says("num_embeddings", structure.codebookSize),
    says("latent_channels", structure.latentChannels),
    says("base_channels", inputWidth),
    says("channel_multiplier", inputMultiples(structure)),
    says("num_res_blocks", residualBlocks[0]),
    says("in_channels", 3),
    says("double_latent", false),
  ];
}
