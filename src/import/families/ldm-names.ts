/** Names that taming-transformers gave the modules of this network, and that most others kept. */
import type { NamePair } from "../name-table.js";

/** Modules of a residual block, each under a path. */
export function blockNames(theirs: string, ours: string): NamePair[] {
  return [
    ...["norm1", "conv1", "norm2", "conv2"].map((name): NamePair => [`${theirs}.${name}`, `${ours}/${name}`]),
    [`${theirs}.nin_shortcut`, `${ours}/shortcut`],
  ];
}

export function attentionNames(theirs: string, ours: string): NamePair[] {
  return [
    [`${theirs}.norm`, `${ours}/norm`],
    [`${theirs}.q`, `${ours}/query`],
    [`${theirs}.k`, `${ours}/key`],
    [`${theirs}.v`, `${ours}/value`],
    [`${theirs}.proj_out`, `${ours}/out`],
  ];
}

/** What stands outside of the stages; and the table of codes. */
export const outerNames: readonly NamePair[] = [
  ...["encoder", "decoder"].flatMap((side): NamePair[] => [
    [`${side}.conv_in`, `${side}/in`],
    [`${side}.norm_out`, `${side}/out/norm`],
    [`${side}.conv_out`, `${side}/out`],
  ]),
  ["quant_conv", "projection/in"],
  ["post_quant_conv", "projection/out"],
  ["quantize.embedding", "quantizer/codes"],
];

/** `mid.block_1`, `mid.attn_1`, `mid.block_2`. */
const middleNames: readonly NamePair[] = ["encoder", "decoder"].flatMap((side) => [
  ...blockNames(`${side}.mid.block_1`, `${side}/middle/block0`),
  ...attentionNames(`${side}.mid.attn_1`, `${side}/middle/attention0`),
  ...blockNames(`${side}.mid.block_2`, `${side}/middle/block1`),
]);

/**
 * taming's names.
 *
 * @param decoderStage how `decoder.up` counts: by the stage, or from the smallest grid (transformers' Janus)
 */
export function tamingNames(decoderStage: "{i}" | "{~i}" = "{i}"): NamePair[] {
  const up = `decoder.up.${decoderStage}`;
  return [
    ...outerNames,
    ...middleNames,
    ...blockNames("encoder.down.{i}.block.{j}", "encoder/stage{i}/block{j}"),
    ...attentionNames("encoder.down.{i}.attn.{j}", "encoder/stage{i}/attention{j}"),
    ["encoder.down.{i}.downsample.conv", "encoder/down{i}"],
    ...blockNames(`${up}.block.{j}`, "decoder/stage{i}/block{j}"),
    ...attentionNames(`${up}.attn.{j}`, "decoder/stage{i}/attention{j}"),
    [`${up}.upsample.conv`, "decoder/up{u}"],
  ];
}
