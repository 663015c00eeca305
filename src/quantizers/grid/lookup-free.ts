/**
 * Lookup-free quantization: the code is the latent's signs, and an index is these as bits.
 *
 * Yu et al. 2023 (MAGVIT-v2), https://arxiv.org/abs/2310.05737, section 3.1; Luo et al. 2024 (Open-MAGVIT2),
 * https://arxiv.org/abs/2409.04410, with D = 18. Dimension i is +1 where z_i > 0 and −1 elsewhere, and its bit is worth
 * 2^i, as in Open-MAGVIT2's files.
 *
 * The entropy loss is E[H(p)] − γ·H(E[p]) with p = softmax over all codes of −‖z − c‖²/τ. Since every code has the
 * length √D, that is the softmax of 2z·c/τ, in which each bit is chosen by itself, with the logit 4z_i/τ. In code: γ is
 * `diversityWeight`, τ is `temperature`.
 */

import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import type { Tensor } from "../../tf/index.js";
import type { QuantizerDefinition } from "../definition.js";
import { describeOptions } from "../options.js";
import type { QuantizerConfig } from "../quantizer.js";
import { tf } from "../tfjs.js";
import { bitCount, bitLosses, bitLossFacts, bitOptions, entropyOptions, signs } from "./bits.js";
import { GridQuantizer } from "./grid-quantizer.js";
import type { GridRule } from "./grid-rule.js";

/** The resolved options of LFQ. */
export interface LookupFreeConfig extends QuantizerConfig {
  readonly kind: "lfq";
  /** D: bits of an index; the codebook has 2^D codes. 1..24. */
  readonly codeDim: number;
  readonly commitmentWeight: number;
  readonly entropyWeight: number;
  /** γ. */
  readonly diversityWeight: number;
  /** τ. */
  readonly temperature: number;
  /** Bits whose joint distribution the batch's entropy has. */
  readonly bitsTogether: number;
}

function lookupFree(config: LookupFreeConfig): GridRule {
  const { codeDim, commitmentWeight, entropyWeight } = config;
  return {
    ...signs(codeDim),
    values: (digits: Tensor) => tf.sub(tf.mul(tf.cast(digits, "float32"), 2), 1),
    writeValues: (g, digits) =>
      g.op("Sub", [g.op("Mul", [g.cast(digits, "float32"), g.scalar(2)]), g.scalar(1)]),
    lossWeights: { commitment: commitmentWeight, entropy: entropyWeight },
    losses: (latents, codes) => bitLosses(latents, codes, { ...config, scale: 1 }),
  };
}

const schema = z.strictObject({
  kind: z.literal("lfq"),
  ...bitOptions,
  ...entropyOptions,
});

function parse(value: unknown): LookupFreeConfig {
  const { kind, codebookSize, codeDim, bitsTogether, ...rest } = parseConfig(schema, value, "quantizer");
  const bits = bitCount({ codebookSize, codeDim });
  return { kind, codeDim: bits, bitsTogether: bitsTogether ?? Math.min(bits, 18), ...rest };
}

/** Lookup-free quantization. */
export const lfq: QuantizerDefinition<LookupFreeConfig> = {
  kind: "lfq",
  summary: "The signs of the latent as bits; no codebook to learn",
  paper: {
    title: "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation",
    arxiv: "2310.05737",
  },
  get options() {
    return describeOptions(schema);
  },
  parse,
  create: (config) => new GridQuantizer(config, lookupFree(config)),
  facts: (config) => ({
    codebookSize: 2 ** config.codeDim,
    numbers: 0,
    codebook: `Implicit: the signs of ${config.codeDim} dimensions. There is nothing to learn.`,
    gradient: "Straight-through: the gradient at the code is copied to the latent unchanged.",
    losses: bitLossFacts(config, "z"),
    learning: "never",
    learnsFromReconstruction: false,
    comparesLengths: false,
    levels: Array<number>(config.codeDim).fill(2),
  }),
};
