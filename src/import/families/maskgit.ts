import { type Family, hasName, ldmFields, plainCodebook } from "../family.js";
import type { NamePair } from "../name-table.js";
import { blockNames, outerNames } from "./ldm-names.js";

const names: readonly NamePair[] = [
  ...outerNames,
  ...["encoder", "decoder"].flatMap((side) => blockNames(`${side}.mid.{j}`, `${side}/middle/block{j}`)),
  ...blockNames("encoder.down.{i}.block.{j}", "encoder/stage{i}/block{j}"),
  ...blockNames("decoder.up.{i}.block.{j}", "decoder/stage{i}/block{j}"),
  ["decoder.up.{i}.upsample_conv", "decoder/up{u}"],
];

/**
 * MaskGIT's VQGAN (Chang et al. 2022, https://arxiv.org/abs/2202.04200) as open-muse converted it and RAR and TiTok use
 * it: no attention, means of 2×2 instead of strided convolutions, and shortcuts that convolve a block's output.
 */
export const maskgit: Family = {
  name: "maskgit",
  title: "MaskGIT's VQGAN (RAR, TiTok)",
  matches: (found) => hasName(found, "encoder.mid.0.conv1.") && hasName(found, "encoder.down.0.block.0."),
  names: () => names,
  fixed: () => ({ ...ldmFields, down: "average", shortcut: "output", pixelRange: "0..1" }),
  quantizer: plainCodebook,
};
