/** What quantizers have in common whose digits are signs. */

import { z } from "zod";
import { ConfigError } from "../../core/errors.js";
import type { Scalar, Tensor2D, Tensor4D } from "../../tf/index.js";
import type { QuantizerLoss } from "../facts.js";
import { stopGradient } from "../gradients/stop-gradient.js";
import { tf } from "../tfjs.js";
import { type BatchEntropyOptions, bitEntropyLoss } from "./bit-entropy.js";
import type { GridRule } from "./grid-rule.js";

/** 2^24, the largest implicit codebook. */
const MAX_BITS = 24;

const DEFAULT_BITS = 10;

/** The options that say how many bits there are, and which of them the batch's entropy takes together. */
export const bitOptions = {
  codeDim: z.int().min(1).max(MAX_BITS).optional().meta({
    description: "bits of an index (D): numbers in a code, each of two values",
    default: DEFAULT_BITS,
  }),
  codebookSize: z
    .int()
    .min(2)
    .max(2 ** MAX_BITS)
    .optional()
    .describe("in place of codeDim: the nearest power of two"),
  bitsTogether: z
    .int()
    .min(1)
    .max(MAX_BITS)
    .optional()
    .describe(
      "bits whose joint distribution the batch's entropy has, 2^this numbers; groups of so many count as independent",
    ),
} as const;

/** The options of the losses. */
export const entropyOptions = {
  commitmentWeight: z.number().min(0).default(0.25).describe("weight of the commitment loss (beta)"),
  entropyWeight: z
    .number()
    .min(0)
    .default(0.1)
    .describe("weight of the entropy loss, E[H(p)] - gamma H(E[p])"),
  diversityWeight: z
    .number()
    .min(0)
    .default(1)
    .describe("weight of the batch's entropy within the entropy loss (gamma)"),
  temperature: z
    .number()
    .gt(0)
    .default(0.01)
    .describe("temperature of the soft choice that entropies are of (tau)"),
} as const;

/** What the losses depend on. */
export interface BitLossOptions extends BatchEntropyOptions {
  /** τ. */
  readonly temperature: number;
  /** Codes are ± this in each dimension. */
  readonly scale: number;
}

/**
 * Commitment, and the entropies of p = softmax of −‖z − c‖²/τ over all codes c: they are equally long, so that each bit
 * is chosen by itself, with the logit 4·scale·z_i/τ.
 */
export function bitLosses(
  latents: Tensor4D,
  codes: Tensor4D,
  { temperature, scale, ...batch }: BitLossOptions,
): Readonly<Record<"commitment" | "entropy", Scalar>> {
  const flat: Tensor2D = tf.reshape(latents, [-1, latents.shape[3]]);
  const logits = tf.mul(flat, (4 * scale) / temperature) as Tensor2D;
  return {
    commitment: tf.mean(tf.square(tf.sub(latents, stopGradient(codes)))) as Scalar,
    entropy: bitEntropyLoss(logits, batch),
  };
}

/** What the loss card says of them. */
export function bitLossFacts(
  weights: Readonly<Record<"commitmentWeight" | "entropyWeight" | "diversityWeight", number>>,
  latent: string,
): QuantizerLoss[] {
  return [
    {
      name: "commitment",
      symbol: "β",
      weight: weights.commitmentWeight,
      formula: `mean (${latent} − sg[q])²`,
      moves: "the encoder",
      leaves: "the decoder",
    },
    {
      name: "entropy",
      weight: weights.entropyWeight,
      formula: `E[H(p)] − ${weights.diversityWeight} · H(E[p]), in nats`,
      moves: "the encoder: each latent towards one code, all together towards all codes",
      leaves: "the decoder",
    },
  ];
}

/** D, from either option, or the default. @throws ConfigError where both are given and differ */
export function bitCount({
  codebookSize,
  codeDim,
}: {
  readonly codebookSize?: number | undefined;
  readonly codeDim?: number | undefined;
}): number {
  if (codebookSize === undefined) return codeDim ?? DEFAULT_BITS;
  // Of two powers equally near, which 3·2^n has, the smaller.
  const bits = Math.max(1, Math.ceil(Math.log2(codebookSize / 1.5)));
  if (codeDim !== undefined && codeDim !== bits) {
    throw new ConfigError(
      "quantizer.codebookSize",
      `expected nothing beside codeDim, which sets the size to ${2 ** codeDim}, got ${codebookSize}. Remove one.`,
    );
  }
  return codeDim ?? bits;
}

/** A bit for each dimension, set where the latent is above 0. Gradients pass to the latents unchanged. */
export function signs(bits: number): Pick<GridRule, "levels" | "place" | "writeDigits"> {
  return {
    levels: Array<number>(bits).fill(2),
    place: (latents) => ({ digits: tf.cast(tf.greater(latents, 0), "int32") as Tensor4D, smooth: latents }),
    writeDigits: (g, latents) => g.cast(g.op("Greater", [latents, g.scalar(0)]), "int32"),
  };
}
