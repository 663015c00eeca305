import type { Rank, Tensor2D, Variable } from "@tensorflow/tfjs";
import { tf } from "../tfjs.js";
import {
  type Codebook,
  type CodebookStart,
  codebookPart,
  codebookWeight,
  type KeptCodebook,
  keptRows,
} from "./codebook.js";
import { asTheyAre } from "./placement.js";

/** A plain table that learns from the codebook loss. van den Oord et al. 2017, https://arxiv.org/abs/1711.00937. */
export class FreeCodebook implements Codebook {
  readonly placement = asTheyAre;
  readonly #codes: Variable<Rank.R2>;

  constructor({ codebookSize, codeDim, codes }: CodebookStart) {
    this.#codes = tf.tidy(() => tf.variable(tf.tensor2d(codes, [codebookSize, codeDim])));
  }

  codes(): Tensor2D {
    return this.#codes;
  }

  setCodes(codes: Float32Array): void {
    tf.tidy(() => this.#codes.assign(tf.tensor2d(codes, this.#codes.shape)));
  }

  update(): void {}

  async keep(kept: readonly number[]): Promise<KeptCodebook> {
    return { codebook: "free", state: new Map([["codes", await keptRows(() => this.#codes, kept)]]) };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map([["codes", this.#codes]]);
  }

  dispose(): void {
    this.#codes.dispose();
  }
}

export const free = codebookPart({
  name: "free",
  summary: "a table that learns by gradient, each chosen code by itself",
  paper: { title: "Neural Discrete Representation Learning", arxiv: "1711.00937" },
  options: { codebookWeight },
  learning: "chosen",
  comparesLengths: true,
  card: (_, { learnsFromReconstruction }) => ({
    sentence: `Free: a table that learns by gradient, from the codebook loss ${learnsFromReconstruction ? "and the reconstruction" : "alone"}. A code that is not chosen does not move.`,
    latent: "z",
    loss: { moves: "the codes that were chosen", leaves: "encoder and decoder" },
  }),
  numbers: ({ codebookSize, codeDim }) => codebookSize * codeDim,
  create: (start) => new FreeCodebook(start),
});
