import { type Family, hasName, ldmFields } from "../family.js";
import type { NamePair } from "../name-table.js";
import { blockNames, outerNames } from "./ldm-names.js";
import { ldmClaims, targetOf } from "./yaml-claims.js";

const names: readonly NamePair[] = [
  ...outerNames,
  ...["encoder", "decoder"].flatMap((side) => blockNames(`${side}.mid_block.{j}`, `${side}/middle/block{j}`)),
  ...blockNames("encoder.down.{i}.block.{j}", "encoder/stage{i}/block{j}"),
  ["encoder.down.{i}.downsample", "encoder/down{i}"],
  ...blockNames("decoder.up.{i}.block.{j}", "decoder/stage{i}/block{j}"),
  ["decoder.up.{i}.upsample.conv1", "decoder/up{u}"],
  ["decoder.adaptive.{i}.gamma", "decoder/stage{i}/style/factor"],
  ["decoder.adaptive.{i}.beta", "decoder/stage{i}/style/shift"],
];

/**
 * Open-MAGVIT2 (Luo et al. 2024, https://arxiv.org/abs/2409.04410; SEED-Voken): the signs of the latent's channels are
 * the code, so there is no table. Its figures are of the running average.
 */
export const openMagvit2: Family = {
  name: "open-magvit2",
  title: "Open-MAGVIT2",
  isNamedBy: (config) => /Open_MAGVIT2\..*VQModel/.test(targetOf(config)),
  matches: (found) => hasName(found, "encoder.mid_block.0.") && hasName(found, "decoder.adaptive.0."),
  names: () => names,
  fixed: () => ({ ...ldmFields, down: "3x3-symmetric" }),
  quantizer: ({ codeDim }) => ({ kind: "lfq", codeDim }),
  claims: (structure, found) => ldmClaims({ ...structure, codebookSize: 2 ** structure.codeDim }, found),
  averaged: true,
};
