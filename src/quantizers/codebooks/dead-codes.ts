/**
 * Codes that latents have stopped choosing, put on latents of the batch.
 *
 * A code's share is a running mean of how often it is chosen, over what it would be if all K codes were chosen equally
 * often: u_k ← γu_k + (1−γ)·n_k·K/M with n_k of M latents of the step, 1 at first. At each step that is due, a code whose
 * share is below the threshold is dead: it becomes a latent of the batch, and its share 1 again. Dhariwal et al. 2020
 * (Jukebox), https://arxiv.org/abs/2005.00341, section 3.1, replace by latents of the batch too, with a threshold on the
 * count itself, which depends on batch and codebook sizes.
 */
import { z } from "zod";
import type { Rank, Tensor, Tensor1D, Tensor2D, Variable } from "../../tf/index.js";
import { type OptionValues, optionsOf } from "../part.js";
import type { CodeReplacement, TrainingDraw, TrainingInputs } from "../quantizer.js";
import { tf } from "../tfjs.js";
import type { Codebook } from "./codebook.js";

/** Of every codebook whose codes can be put anywhere one by one. */
export const replacementOptions = {
  replaceBelow: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("share of a code below which it is replaced, 1 being equal use of all codes; 0 replaces none"),
  replaceEvery: z.int().min(1).default(10).describe("steps from one replacement of dead codes to the next"),
  replaceAfter: z.int().min(0).default(0).describe("steps before dead codes are first replaced"),
  replaceDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .describe("share of the running mean of a code's use that is kept at each step"),
} as const;

export type ReplacementOptions = OptionValues<typeof replacementOptions>;

/** The options of a resolved configuration; null where it replaces nothing. */
export function replacementOf(config: Readonly<Record<string, unknown>>): ReplacementOptions | null {
  const options = optionsOf({ name: "replacement", summary: "", options: replacementOptions }, config);
  return (options.replaceBelow ?? 0) > 0 ? options : null;
}

/** Which codes are in use, and what takes the place of those that are not. */
export class DeadCodes {
  readonly #options: ReplacementOptions;
  readonly #shares: Variable<Rank.R1>; // [K]

  constructor(codebookSize: number, options: ReplacementOptions) {
    this.#options = options;
    this.#shares = tf.tidy(() => tf.variable(tf.ones([codebookSize]), false));
  }

  /** Whether this is a step of replacing, and which latents would take the codes' places. */
  draw({ step, grid, random }: TrainingDraw): Record<string, Tensor> {
    const { replaceEvery, replaceAfter } = this.#options;
    const [codes] = this.#shares.shape;
    const latents = grid.reduce((product, size) => product * size, 1);
    const isDue = step > replaceAfter && step % replaceEvery === 0;
    const order = isDue ? random.shuffled(Array.from({ length: latents }, (_, i) => i)) : [0];
    const donors = Int32Array.from({ length: codes }, (_, code) => order[code % order.length] as number);
    return {
      replacementDue: tf.scalar(isDue ? 1 : 0),
      replacementDonors: tf.tensor1d(donors, "int32"),
    };
  }

  /**
   * Counts the step, and replaces where it is due.
   *
   * @param latents [M, D], where the codebook puts them
   * @param indices [M] int32
   */
  replace(
    codebook: Codebook,
    { latents, indices, training }: { latents: Tensor2D; indices: Tensor1D; training: TrainingInputs },
  ): CodeReplacement {
    const { replaceBelow, replaceDecay } = this.#options;
    const [codes] = this.#shares.shape;
    const counts: Tensor1D = tf.unsortedSegmentSum(tf.ones([indices.size]), indices, codes);
    const now = tf.mul(counts, (1 - replaceDecay) * (codes / indices.size));
    const shares: Tensor1D = tf.add(tf.mul(this.#shares, replaceDecay), now);
    const isDead = tf.cast(tf.less(shares, replaceBelow), "float32");
    const isNew: Tensor1D = tf.mul(isDead, training.replacementDue as Tensor);
    this.#shares.assign(tf.where(tf.greater(isNew, 0), tf.onesLike(shares), shares));
    const donors: Tensor2D = tf.gather(latents, training.replacementDonors as Tensor1D); // [K, D]
    const names = codebook.replace?.(isNew, donors) ?? [];
    return {
      codes: tf.reshape(isNew, [1, codes]),
      rows: new Map([...names, "shares"].map((name) => [name, isNew])),
    };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map([["shares", this.#shares]]);
  }

  dispose(): void {
    this.#shares.dispose();
  }
}

/** Rows of `table` where `isNew` is 0, rows of `others` where it is 1. [K, D] */
export function withRows(table: Tensor2D, isNew: Tensor1D, others: Tensor2D): Tensor2D {
  return tf.where(tf.greater(tf.reshape(isNew, [-1, 1]), 0), others, table);
}
