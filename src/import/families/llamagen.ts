import { type Family, hasName, ldmFields } from "../family.js";
import type { NamePair } from "../name-table.js";
import { attentionNames, blockNames, outerNames } from "./ldm-names.js";

const names: readonly NamePair[] = [
  ...outerNames,
  ...["encoder", "decoder"].flatMap((side) => [
    ...blockNames(`${side}.mid.0`, `${side}/middle/block0`),
    ...attentionNames(`${side}.mid.1`, `${side}/middle/attention0`),
    ...blockNames(`${side}.mid.2`, `${side}/middle/block1`),
  ]),
  ...blockNames("encoder.conv_blocks.{i}.res.{j}", "encoder/stage{i}/block{j}"),
  ...attentionNames("encoder.conv_blocks.{i}.attn.{j}", "encoder/stage{i}/attention{j}"),
  ["encoder.conv_blocks.{i}.downsample.conv", "encoder/down{i}"],
  // The decoder counts from the smallest grid.
  ...blockNames("decoder.conv_blocks.{~i}.res.{j}", "decoder/stage{i}/block{j}"),
  ...attentionNames("decoder.conv_blocks.{~i}.attn.{j}", "decoder/stage{i}/attention{j}"),
  ["decoder.conv_blocks.{~i}.upsample.conv", "decoder/up{u}"],
];

/**
 * LlamaGen's VQ-16 and VQ-8 (Sun et al. 2024, https://arxiv.org/abs/2406.06525), and Janus's tokenizer in DeepSeek's own
 * files: codes and latents on the unit sphere.
 */
export const llamagen: Family = {
  name: "llamagen",
  title: "LlamaGen's VQ (also Janus in DeepSeek's form)",
  matches: (found) => hasName(found, "encoder.conv_blocks."),
  names: () => names,
  leftOut: [/^quantize\.codebook_used$/],
  fixed: () => ldmFields,
  quantizer: ({ codebookSize, codeDim }) => ({ kind: "vq", codebook: "sphere", codebookSize, codeDim }),
};
