import type { Rank, Tensor2D, Variable } from "@tensorflow/tfjs";
import { tf } from "../tfjs.js";
import type { Codebook, CodebookStart } from "./codebook.js";

/** A plain table that learns from the codebook loss. van den Oord et al. 2017, https://arxiv.org/abs/1711.00937. */
export class FreeCodebook implements Codebook {
  readonly learnsByGradient = true;
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

  variables(): ReadonlyMap<string, Variable> {
    return new Map([["codes", this.#codes]]);
  }

  dispose(): void {
    this.#codes.dispose();
  }
}
