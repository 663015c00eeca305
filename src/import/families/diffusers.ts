import { stageWidths } from "../../autoencoder/index.js";
import { VqkitError } from "../../core/errors.js";
import type { PlainObject } from "../../core/objects.js";
import { type Claim, type Family, type FoundWeights, hasName, ldmFields, plainCodebook } from "../family.js";
import type { NamePair } from "../name-table.js";
import type { ModelStructure } from "../structure.js";

/** Plain, or spatial, which is three modules. */
type NormForm = "group" | "spatial";

function normNames(theirs: string, ours: string, forms: readonly NormForm[]): NamePair[] {
  const spatial: NamePair[] = [
    [`${theirs}.norm_layer`, ours],
    [`${theirs}.conv_y`, `${ours}/factor`],
    [`${theirs}.conv_b`, `${ours}/shift`],
  ];
  return forms.flatMap((form) => (form === "group" ? [[theirs, ours] as const] : spatial));
}

function blockNames(theirs: string, ours: string, forms: readonly NormForm[]): NamePair[] {
  return [
    ...normNames(`${theirs}.norm1`, `${ours}/norm1`, forms),
    ...normNames(`${theirs}.norm2`, `${ours}/norm2`, forms),
    [`${theirs}.conv1`, `${ours}/conv1`],
    [`${theirs}.conv2`, `${ours}/conv2`],
    [`${theirs}.conv_shortcut`, `${ours}/shortcut`],
  ];
}

/** Attention, and what it was called before diffusers 0.12. */
function attentionNames(theirs: string, ours: string, forms: readonly NormForm[]): NamePair[] {
  return [
    ...forms.flatMap((form) => normNames(`${theirs}.${form}_norm`, `${ours}/norm`, [form])),
    [`${theirs}.to_q`, `${ours}/query`],
    [`${theirs}.to_k`, `${ours}/key`],
    [`${theirs}.to_v`, `${ours}/value`],
    [`${theirs}.to_out.0`, `${ours}/out`],
    [`${theirs}.query`, `${ours}/query`],
    [`${theirs}.key`, `${ours}/key`],
    [`${theirs}.value`, `${ours}/value`],
    [`${theirs}.proj_attn`, `${ours}/out`],
  ];
}

/**
 * Names of `VQModel`. Of several for one module, the first is the one that today's version writes.
 *
 * @param decoderNorm where it is known; else both forms are
 */
export function diffusersNames(decoderNorm?: NormForm): NamePair[] {
  const decoder: readonly NormForm[] = decoderNorm === undefined ? ["group", "spatial"] : [decoderNorm];
  return [
    ...sideNames("encoder", ["group"]),
    ...sideNames("decoder", decoder),
    ...blockNames("encoder.down_blocks.{i}.resnets.{j}", "encoder/stage{i}/block{j}", ["group"]),
    ...attentionNames("encoder.down_blocks.{i}.attentions.{j}", "encoder/stage{i}/attention{j}", ["group"]),
    ["encoder.down_blocks.{i}.downsamplers.0.conv", "encoder/down{i}"],
    // The decoder counts from the smallest grid.
    ...blockNames("decoder.up_blocks.{~i}.resnets.{j}", "decoder/stage{i}/block{j}", decoder),
    ...attentionNames("decoder.up_blocks.{~i}.attentions.{j}", "decoder/stage{i}/attention{j}", decoder),
    ["decoder.up_blocks.{~i}.upsamplers.0.conv", "decoder/up{u}"],
    ["quant_conv", "projection/in"],
    ["post_quant_conv", "projection/out"],
    ["quantize.embedding", "quantizer/codes"],
  ];
}

function sideNames(side: string, forms: readonly NormForm[]): NamePair[] {
  return [
    [`${side}.conv_in`, `${side}/in`],
    ...normNames(`${side}.conv_norm_out`, `${side}/out/norm`, forms),
    [`${side}.conv_out`, `${side}/out`],
    ...blockNames(`${side}.mid_block.resnets.{j}`, `${side}/middle/block{j}`, forms),
    ...attentionNames(`${side}.mid_block.attentions.{j}`, `${side}/middle/attention{j}`, forms),
  ];
}

/** diffusers' `VQModel`: aMUSEd, Kandinsky's MoVQ (spatial norms in the decoder), and what others trained with it. */
export const diffusers: Family = {
  name: "diffusers",
  title: "diffusers' VQModel",
  isNamedBy: ({ content }) => content._class_name === "VQModel",
  matches: (found) => hasName(found, "encoder.down_blocks.") && hasName(found, "quantize.embedding."),
  names: () => diffusersNames(),
  fixed: (found) => ({ ...ldmFields, normGroups: groupsOf(found) }),
  quantizer: plainCodebook,
  claims: diffusersClaims,
};

function groupsOf({ config }: FoundWeights): number {
  const groups = config?.content.norm_num_groups;
  return typeof groups === "number" ? groups : ldmFields.normGroups;
}

function diffusersClaims(structure: ModelStructure, found: FoundWeights): Claim[] {
  const { config } = found;
  if (config === undefined) return [];
  checkHeld(config.content, structure, config.path);
  const { residualBlocks, decoderNorm } = structure;
  return [
    { field: "block_out_channels", expected: stageWidths(structure) },
    { field: "layers_per_block", expected: residualBlocks[0] },
    { field: "latent_channels", expected: structure.latentChannels },
    { field: "vq_embed_dim", expected: config.content.vq_embed_dim === null ? null : structure.codeDim },
    { field: "num_vq_embeddings", expected: structure.codebookSize },
    { field: "norm_type", expected: decoderNorm },
    { field: "mid_block_add_attention", expected: structure.middleAttention },
    { field: "act_fn", expected: "silu" },
    { field: "in_channels", expected: 3 },
    { field: "out_channels", expected: 3 },
  ];
}

/** What a `VQModel` may be and this network is not. */
function checkHeld(config: PlainObject, { decoderNorm }: ModelStructure, path: string): void {
  if (decoderNorm === "spatial" && (config.norm_num_groups ?? 32) !== 32) {
    throw new VqkitError(
      "format",
      `${path}: norm_num_groups: expected 32 beside spatial norms, which have 32 themselves, got ${config.norm_num_groups}.`,
    );
  }
}
