/**
 * Binary spherical quantization: the latent at length 1, and the nearest corner of the cube that lies in the unit sphere.
 *
 * Zhao et al. 2024, https://arxiv.org/abs/2406.07548. With u = z/‖z‖ the code is sign(u)/√D, of length 1 too, so that
 * ‖u − q‖² is bounded. The entropy loss is that of LFQ with p = softmax of −‖u − c‖²/τ, in which each bit has the logit
 * 4u_i/(√D·τ); the batch's entropy takes bits for independent unless `bitsTogether` says otherwise, which is the paper's
 * bound (equation 13) and needs no number of K. The commitment loss is β·mean ‖u − sg q‖², of elements here.
 */

import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import type { Tensor, Tensor2D, Tensor4D } from "../../tf/index.js";
import type { QuantizerDefinition } from "../definition.js";
import { describeOptions } from "../options.js";
import type { QuantizerConfig } from "../quantizer.js";
import { tf } from "../tfjs.js";
import { unitRows } from "../unit-rows.js";
import { bitCount, bitLosses, bitLossFacts, bitOptions, entropyOptions, signs } from "./bits.js";
import { GridQuantizer } from "./grid-quantizer.js";
import type { GridRule } from "./grid-rule.js";

/** The resolved options of BSQ; as those of LFQ. */
export interface BinarySphericalConfig extends QuantizerConfig {
  readonly kind: "bsq";
  readonly codeDim: number;
  readonly commitmentWeight: number;
  readonly entropyWeight: number;
  readonly diversityWeight: number;
  readonly temperature: number;
  readonly bitsTogether: number;
}

function binarySpherical(config: BinarySphericalConfig): GridRule {
  const { codeDim } = config;
  const length = Math.sqrt(codeDim);
  const units = (latents: Tensor4D): Tensor4D =>
    tf.reshape(unitRows(tf.reshape(latents, [-1, codeDim]) as Tensor2D), latents.shape);
  const rule = signs(codeDim);
  return {
    ...rule,
    place: (latents) => ({ ...rule.place(latents), smooth: units(latents) }),
    values: (digits: Tensor) => tf.div(tf.sub(tf.mul(tf.cast(digits, "float32"), 2), 1), length),
    writeValues: (g, digits) => {
      const corner = g.op("Sub", [g.op("Mul", [g.cast(digits, "float32"), g.scalar(2)]), g.scalar(1)]);
      return g.op("Div", [corner, g.scalar(length)]);
    },
    lossWeights: { commitment: config.commitmentWeight, entropy: config.entropyWeight },
    losses: (_latents, codes, unit) => bitLosses(unit, codes, { ...config, scale: 1 / length }),
  };
}

const schema = z.strictObject({
  kind: z.literal("bsq"),
  ...bitOptions,
  ...entropyOptions,
  // As the paper's configurations have them.
  commitmentWeight: z.number().min(0).default(0).describe("weight of the commitment loss (beta)"),
  temperature: z
    .number()
    .gt(0)
    .default(1)
    .describe("temperature of the soft choice that entropies are of (tau)"),
});

/** Binary spherical quantization. */
export const bsq: QuantizerDefinition<BinarySphericalConfig> = {
  kind: "bsq",
  summary: "The signs of the latent on the unit sphere; no codebook to learn, entropies bit by bit",
  paper: { title: "Image and Video Tokenization with Binary Spherical Quantization", arxiv: "2406.07548" },
  get options() {
    return describeOptions(schema);
  },
  parse: (value) => {
    const { kind, codebookSize, codeDim, bitsTogether, ...rest } = parseConfig(schema, value, "quantizer");
    return { kind, codeDim: bitCount({ codebookSize, codeDim }), bitsTogether: bitsTogether ?? 1, ...rest };
  },
  create: (config) => new GridQuantizer(config, binarySpherical(config)),
  facts: (config) => ({
    codebookSize: 2 ** config.codeDim,
    numbers: 0,
    codebook: `Implicit: the signs of ${config.codeDim} dimensions over √${config.codeDim}, corners of a cube in the unit sphere. There is nothing to learn.`,
    gradient: "Straight-through to the latent at length 1; the division by its length is differentiated.",
    losses: bitLossFacts(config, "u"),
    learning: "never",
    learnsFromReconstruction: false,
    comparesLengths: false,
    levels: Array<number>(config.codeDim).fill(2),
  }),
};
