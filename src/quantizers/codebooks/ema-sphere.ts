/**
 * Moving averages on the unit sphere: each code is the direction of the running sum of its latents' directions.
 *
 * ẑ = z/‖z‖; m_k ← γm_k + (1−γ)Σẑ over the latents that chose k, and the code is m_k/‖m_k‖. A sum's length has no part, so
 * no count is kept and nothing is smoothed: a code that is not chosen keeps its direction. That is spherical k-means
 * (Dhillon & Modha 2001) with forgetting, and what `use_cosine_sim` of vector-quantize-pytorch computes but for its
 * order: there the mean of a step is put at length 1 before it is averaged.
 */
import type { Rank, Tensor1D, Tensor2D, Variable } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { type Codebook, type CodebookStart, codebookPart, type KeptCodebook, keptRows } from "./codebook.js";
import { replacementOptions, withRows } from "./dead-codes.js";
import { emaDecay } from "./ema.js";
import { onUnitSphere } from "./sphere.js";

/** Sums shorter than this are not shrunk: in float32 a direction would be lost after thousands of steps. */
const SHORTEST_SUM = 1e-3;

/** Codes m_k/‖m_k‖. Only `update` changes them. */
export class EmaSphereCodebook implements Codebook {
  readonly placement = onUnitSphere;
  readonly similarity = "distance";
  readonly #decay: number;
  readonly #sums: Variable<Rank.R2>; // [K, D]

  /** @param decay γ: how much of the running sums stays at each update. 0 <= γ < 1. */
  constructor({ codebookSize, codeDim, codes }: CodebookStart, decay: number) {
    this.#decay = decay;
    const shape: [number, number] = [codebookSize, codeDim];
    this.#sums = tf.tidy(() => tf.variable(onUnitSphere.apply(tf.tensor2d(codes, shape)), false));
  }

  codes(): Tensor2D {
    return onUnitSphere.apply(this.#sums);
  }

  setCodes(codes: Float32Array): void {
    tf.tidy(() => this.#sums.assign(onUnitSphere.apply(tf.tensor2d(codes, this.#sums.shape))));
  }

  update(latents: Tensor2D, indices: Tensor1D): void {
    tf.tidy(() => {
      const now: Tensor2D = tf.unsortedSegmentSum(latents, indices, this.#sums.shape[0]);
      const length = tf.sqrt(tf.sum(tf.square(this.#sums), 1, true)); // [K, 1]
      const shrunk = tf.mul(this.#sums, this.#decay);
      const kept = tf.where(tf.greater(length, SHORTEST_SUM), shrunk, this.#sums);
      this.#sums.assign(tf.add(kept, tf.mul(now, 1 - this.#decay)));
    });
  }

  /** @param codes of length 1, as latents are placed */
  replace(isNew: Tensor1D, codes: Tensor2D): readonly string[] {
    this.#sums.assign(withRows(this.#sums, isNew, codes));
    return ["sums"];
  }

  async keep(kept: readonly number[]): Promise<KeptCodebook> {
    return { codebook: "ema-sphere", state: new Map([["sums", await keptRows(() => this.#sums, kept)]]) };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map([["sums", this.#sums]]);
  }

  dispose(): void {
    this.#sums.dispose();
  }
}

export const emaSphere = codebookPart({
  name: "ema-sphere",
  summary: "the directions of running sums of the latents' directions that chose each code",
  paper: { title: "Vector-quantized Image Modeling with Improved VQGAN", arxiv: "2110.04627" },
  options: { emaDecay, ...replacementOptions },
  learning: "averages",
  comparesLengths: false,
  card: ({ emaDecay: decay }) => ({
    sentence: `Moving averages on the unit sphere: each code is the direction of the running sum of its latents' directions, of which ${decay} is kept at each step. No loss moves it.`,
    latent: "ẑ",
    loss: null,
  }),
  numbers: ({ codebookSize, codeDim }) => codebookSize * codeDim,
  create: (start, { emaDecay: decay }) => new EmaSphereCodebook(start, decay),
});
