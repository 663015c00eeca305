/**
 * Losses that hold a codebook's use or its codes apart.
 *
 * entropy: E[H(p)] − γ·H(E[p]) with p the softmax of −‖z − e_k‖²/τ (of z·e_k/τ where inner products decide) over all codes:
 * each latent near one code, all together near all (Jansen et al. 2020, https://arxiv.org/abs/1911.05894; LlamaGen's
 * `entropy_loss_ratio`). It moves latents and codes (`choice-entropy.ts`).
 *
 * orthogonal: ‖ÊÊᵀ − 1‖² / K² with Ê the codes at length 1 (Shin et al. 2021, https://arxiv.org/abs/2112.00384, in the form
 * ‖ÊÊᵀ‖²/K² − 1/K, which is the same): 0 where all codes are orthogonal. ‖ÊÊᵀ‖ = ‖ÊᵀÊ‖, so no K×K matrix is made.
 */
import { z } from "zod";
import type { Scalar, Tensor1D, Tensor2D } from "../../tf/index.js";
import type { QuantizerLoss } from "../facts.js";
import type { Similarity } from "../nearest-code.js";
import { type OptionValues, optionsOf } from "../part.js";
import { tf } from "../tfjs.js";
import { unitRows } from "../unit-rows.js";
import { choiceEntropy } from "./choice-entropy.js";

/** Of every codebook whose codes gradients teach. */
export const regularizationOptions = {
  entropyWeight: z
    .number()
    .min(0)
    .default(0)
    .describe("weight of the entropy loss, E[H(p)] - gamma H(E[p]) over all codes; 0 leaves it out"),
  diversityWeight: z
    .number()
    .min(0)
    .default(1)
    .describe("weight of the batch's entropy within the entropy loss (gamma)"),
  entropyTemperature: z
    .number()
    .gt(0)
    .default(0.01)
    .describe("temperature of the soft choice that the entropy loss is of (tau)"),
  orthogonalWeight: z
    .number()
    .min(0)
    .default(0)
    .describe("weight of the orthogonality loss of the codes; 0 leaves it out"),
} as const;

export type RegularizationOptions = OptionValues<typeof regularizationOptions>;

/** The options of a resolved configuration; weights are 0 for a codebook that does not read them. */
export function regularizationOf(config: Readonly<Record<string, unknown>>): RegularizationOptions {
  const options = optionsOf({ name: "regularization", summary: "", options: regularizationOptions }, config);
  return {
    ...options,
    entropyWeight: options.entropyWeight ?? 0,
    orthogonalWeight: options.orthogonalWeight ?? 0,
  };
}

/** What the losses are of. */
export interface RegularizedState {
  /** Where the codebook puts them, [M, D]. */
  readonly latents: Tensor2D;
  /** [K, D] */
  readonly codes: Tensor2D;
  readonly similarity: Similarity;
  /** The nearest code of each latent, [M] int32; asked for once where it is needed. */
  readonly nearest: () => Tensor1D;
}

/** The losses that have a weight, unweighted. */
export function regularization(
  { entropyWeight, orthogonalWeight, ...options }: RegularizationOptions,
  { latents, codes, similarity, nearest }: RegularizedState,
): Record<string, Scalar> {
  const losses: Record<string, Scalar> = {};
  if (entropyWeight > 0) {
    const { entropyTemperature: temperature, diversityWeight } = options;
    const given = { latents, codes, similarity, temperature, diversityWeight };
    losses.entropy = choiceEntropy({ ...given, nearest: nearest() });
  }
  if (orthogonalWeight > 0) losses.orthogonal = orthogonalLoss(codes);
  return losses;
}

function orthogonalLoss(codes: Tensor2D): Scalar {
  const [size] = codes.shape;
  const units = unitRows(codes);
  const gram = tf.matMul(units, units, true); // [D, D]
  return tf.sub(tf.div(tf.sum(tf.square(gram)), size ** 2), 1 / size) as Scalar;
}

/** What the loss card says of those that have a weight. */
export function regularizationFacts(options: RegularizationOptions, latent: string): QuantizerLoss[] {
  const entropy: QuantizerLoss = {
    name: "entropy",
    weight: options.entropyWeight,
    formula: `E[H(p)] − ${options.diversityWeight} · H(E[p]), in nats; p the soft choice of ${latent}`,
    moves: "the encoder and every code",
    leaves: "the decoder",
  };
  const orthogonal: QuantizerLoss = {
    name: "orthogonal",
    weight: options.orthogonalWeight,
    formula: "‖ÊÊᵀ − 1‖² / K², Ê the codes at length 1",
    moves: "every code",
    leaves: "encoder and decoder",
  };
  return [entropy, orthogonal].filter(({ weight }) => weight > 0);
}
