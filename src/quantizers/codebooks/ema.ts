/**
 * A table whose codes are running means of the latents assigned to them.
 *
 * van den Oord et al. 2017, https://arxiv.org/abs/1711.00937, appendix A.1. In code: N_k is `counts`, m_k is `sums`,
 * γ is `decay`, ε is `epsilon`.
 */

import { z } from "zod";
import type { Rank, Tensor, Tensor1D, Tensor2D, Variable } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { type Codebook, type CodebookStart, codebookPart, type KeptCodebook, keptRows } from "./codebook.js";
import { replacementOptions, withRows } from "./dead-codes.js";
import { asTheyAre } from "./placement.js";

export interface EmaOptions {
  /** γ: how much of the running counts and sums stays at each update. 0 <= γ < 1. */
  readonly decay: number;
  /** ε of the Laplace smoothing of the counts. Above 0. */
  readonly epsilon: number;
}

/** A code that is not chosen keeps its count when that would fall below this many ε: smoothing moves it by 1/1000. */
const LEAST_COUNT_IN_EPSILONS = 1000;

/**
 * Codes e_k = m_k / Ñ_k with Ñ_k = (N_k + ε)/(ΣN + Kε)·ΣN. Only `update` changes them, so evaluation cannot.
 *
 * Each code starts as if it had been chosen once: N_k = 1, m_k = e_k. A code that is not chosen keeps its place: N_k and
 * m_k shrink alike, and where γN_k would be below 1000ε they stay as they are. (In the paper's form they shrink on, and
 * once N_k nears ε the code sinks to 0: with the defaults after about 1,100 updates.)
 */
export class EmaCodebook implements Codebook {
  readonly placement = asTheyAre;
  readonly similarity = "distance";
  readonly #options: EmaOptions;
  readonly #counts: Variable<Rank.R1>; // [K]
  readonly #sums: Variable<Rank.R2>; // [K, D]

  constructor({ codebookSize, codeDim, codes }: CodebookStart, options: EmaOptions) {
    this.#options = options;
    [this.#counts, this.#sums] = tf.tidy(() => [
      tf.variable(tf.ones([codebookSize]), false),
      tf.variable(tf.tensor2d(codes, [codebookSize, codeDim]), false),
    ]);
  }

  codes(): Tensor2D {
    return tf.div(this.#sums, tf.reshape(this.#smoothedCounts(), [-1, 1])); // [K, D] / [K, 1]
  }

  /** Ñ_k, [K]. */
  #smoothedCounts(): Tensor1D {
    const total = tf.sum(this.#counts);
    const { epsilon } = this.#options;
    const share = tf.div(tf.add(this.#counts, epsilon), tf.add(total, this.#counts.size * epsilon));
    return tf.mul(share, total);
  }

  setCodes(codes: Float32Array): void {
    tf.tidy(() => {
      this.#counts.assign(tf.ones(this.#counts.shape));
      this.#sums.assign(tf.tensor2d(codes, this.#sums.shape));
    });
  }

  update(latents: Tensor2D, indices: Tensor1D): void {
    tf.tidy(() => {
      const size = this.#counts.size;
      const counts: Tensor1D = tf.unsortedSegmentSum(tf.ones([indices.size]), indices, size);
      const sums: Tensor2D = tf.unsortedSegmentSum(latents, indices, size);
      const kept = this.#keptShares(counts);
      this.#counts.assign(this.#decayed(this.#counts, { kept, now: counts }));
      this.#sums.assign(this.#decayed(this.#sums, { kept: tf.reshape(kept, [size, 1]), now: sums }));
    });
  }

  /** A new code starts as at first, as if chosen once; its sum is what makes it equal the code that is asked for. */
  replace(isNew: Tensor1D, codes: Tensor2D): readonly string[] {
    this.#counts.assign(tf.where(tf.greater(isNew, 0), tf.onesLike(this.#counts), this.#counts));
    const sums: Tensor2D = tf.mul(codes, tf.reshape(this.#smoothedCounts(), [-1, 1]));
    this.#sums.assign(withRows(this.#sums, isNew, sums));
    return ["counts", "sums"];
  }

  /** How much of each code's running count and sum stays: γ, or all of it for a code that rests. [K] */
  #keptShares(now: Tensor1D): Tensor1D {
    const { decay, epsilon } = this.#options;
    const isFading = tf.less(tf.mul(this.#counts, decay), LEAST_COUNT_IN_EPSILONS * epsilon);
    const rests = tf.logicalAnd(tf.equal(now, 0), isFading);
    return tf.where(rests, tf.onesLike(now), tf.fill(now.shape, decay));
  }

  #decayed<T extends Tensor>(running: T, { kept, now }: { readonly kept: Tensor; readonly now: T }): T {
    return tf.add(tf.mul(running, kept), tf.mul(now, 1 - this.#options.decay));
  }

  /** A plain table of the codes as they are: counts are smoothed over all codes, so codes would move if some went. */
  async keep(kept: readonly number[]): Promise<KeptCodebook> {
    return { codebook: "free", state: new Map([["codes", await keptRows(() => this.codes(), kept)]]) };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map<string, Variable>([
      ["counts", this.#counts],
      ["sums", this.#sums],
    ]);
  }

  dispose(): void {
    this.#counts.dispose();
    this.#sums.dispose();
  }
}

/** Of every codebook of moving averages. */
export const emaDecay = z
  .number()
  .min(0)
  .lt(1)
  .default(0.99)
  .describe("share of the running means kept at each update (gamma)");

export const ema = codebookPart({
  name: "ema",
  summary: "a table of running means of the latents that chose each code",
  paper: { title: "Neural Discrete Representation Learning", arxiv: "1711.00937" },
  options: {
    emaDecay,
    ...replacementOptions,
    emaEpsilon: z.number().gt(0).default(1e-5).describe("Laplace smoothing of the running counts (epsilon)"),
  },
  learning: "averages",
  comparesLengths: true,
  card: ({ emaDecay: decay }) => ({
    sentence: `Moving averages: each code is the running mean of its latents, of which ${decay} is kept at each step. No loss moves it.`,
    latent: "z",
    loss: null,
  }),
  numbers: ({ codebookSize, codeDim }) => codebookSize * (codeDim + 1),
  create: (start, { emaDecay: decay, emaEpsilon: epsilon }) => new EmaCodebook(start, { decay, epsilon }),
});
