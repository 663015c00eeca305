/** What the YAML configurations of taming-transformers and its descendants say of a model. */
import { fieldsOf, type PlainObject, valueAt } from "../../core/objects.js";
import type { Claim, FoundConfig, FoundWeights } from "../family.js";
import { inputMultiples, type ModelStructure } from "../structure.js";

/** Where the constructor's arguments stand: `model.params` (taming), `model.init_args` (Lightning's own form). */
const PLACES = ["model.params", "model.init_args"] as const;

/** The class that a configuration names, e.g. `taming.models.vqgan.VQModel`; "" for none. */
export function targetOf({ content }: FoundConfig): string {
  const target = valueAt(content, "model.target") ?? valueAt(content, "model.class_path");
  return typeof target === "string" ? target : "";
}

export function ldmClaims(structure: ModelStructure, { config }: FoundWeights): Claim[] {
  if (config === undefined) return [];
  const place = PLACES.find((each) => valueAt(config.content, each) !== undefined);
  if (place === undefined) return [];
  const layout = fieldsOf(valueAt(config.content, `${place}.ddconfig`));
  const says = (field: string, expected: unknown): Claim => ({ field: `${place}.${field}`, expected });
  const { inputWidth, residualBlocks } = structure;
  return [
    says("embed_dim", structure.codeDim),
    says("n_embed", structure.codebookSize),
    says("ddconfig.z_channels", structure.latentChannels),
    says("ddconfig.ch", inputWidth),
    says("ddconfig.ch_mult", inputMultiples(structure)),
    says("ddconfig.num_res_blocks", residualBlocks[0]),
    says("ddconfig.in_channels", 3),
    says("ddconfig.out_ch", 3),
    says("ddconfig.double_z", false),
    says("ddconfig.attn_resolutions", attentionSides(layout, structure)),
  ];
}

/** The sides of the grids that have attention, in the order that the configuration has them in. */
function attentionSides(layout: PlainObject, { attentionStages }: ModelStructure): unknown {
  const { resolution, attn_resolutions: stated } = layout;
  if (typeof resolution !== "number" || !Array.isArray(stated)) return undefined;
  const sides = attentionStages.map((stage) => resolution / 2 ** stage);
  const isSame = sides.every((side) => stated.includes(side));
  // A side that the encoder never has (the 32 of some) means nothing.
  return isSame ? stated : sides;
}
