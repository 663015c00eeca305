/**
 * SimVQ: a frozen random table seen through one learned linear layer.
 *
 * Zhu et al. 2024, https://arxiv.org/abs/2411.02038. In code: C is `table`, W is `kernel`, b is `bias`.
 */

import { z } from "zod";
import type { Random } from "../../core/random.js";
import type { Rank, Tensor2D, Variable } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import {
  type Codebook,
  type CodebookStart,
  codebookPart,
  codebookWeight,
  type KeptCodebook,
  keptRows,
  valuesOf,
} from "./codebook.js";
import { asTheyAre } from "./placement.js";
import { regularizationOptions } from "./regularization.js";

export interface LinearOptions {
  /** Whether the layer has a bias b, as the official code's has. */
  readonly bias: boolean;
  readonly random: Random;
}

/**
 * Codes C·W + b. C never changes; W and b learn from the codebook loss, so that a step which chose only a few codes
 * moves all of them: that is why the codebook does not collapse.
 *
 * W and b start from U(−1/√D, 1/√D), the start of the official code's linear layer.
 */
export class LinearCodebook implements Codebook {
  readonly placement = asTheyAre;
  readonly similarity = "distance";
  readonly #table: Variable<Rank.R2>; // [K, D]
  readonly #kernel: Variable<Rank.R2>; // [D, D]
  readonly #bias: Variable<Rank.R1> | undefined; // [D]

  constructor({ codebookSize, codeDim, codes }: CodebookStart, { bias, random }: LinearOptions) {
    const limit = 1 / Math.sqrt(codeDim);
    const draw = (length: number) => random.fill(length, (r) => r.uniform(-limit, limit));
    [this.#table, this.#kernel, this.#bias] = tf.tidy(() => [
      tf.variable(tf.tensor2d(codes, [codebookSize, codeDim]), false),
      tf.variable(tf.tensor2d(draw(codeDim * codeDim), [codeDim, codeDim])),
      bias ? tf.variable(tf.tensor1d(draw(codeDim))) : undefined,
    ]);
  }

  codes(): Tensor2D {
    const product: Tensor2D = tf.matMul(this.#table, this.#kernel);
    return this.#bias === undefined ? product : tf.add(product, this.#bias);
  }

  /** C becomes `codes`, W the identity and b zero. */
  setCodes(codes: Float32Array): void {
    tf.tidy(() => {
      this.#table.assign(tf.tensor2d(codes, this.#table.shape));
      this.#kernel.assign(tf.eye(this.#kernel.shape[0]));
      this.#bias?.assign(tf.zeros(this.#bias.shape));
    });
  }

  update(): void {}

  async keep(kept: readonly number[]): Promise<KeptCodebook> {
    const state = new Map([["table", await keptRows(() => this.#table, kept)]]);
    for (const [name, variable] of this.variables()) {
      if (!state.has(name)) state.set(name, await valuesOf(() => variable));
    }
    return { codebook: "linear", state };
  }

  variables(): ReadonlyMap<string, Variable> {
    const all = new Map<string, Variable>([
      ["table", this.#table],
      ["kernel", this.#kernel],
    ]);
    if (this.#bias !== undefined) all.set("bias", this.#bias);
    return all;
  }

  dispose(): void {
    for (const variable of this.variables().values()) variable.dispose();
  }
}

export const linear = codebookPart({
  name: "linear",
  summary: "a frozen random table times one linear layer that learns: every code moves at each step",
  paper: {
    title: "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer",
    arxiv: "2411.02038",
  },
  options: {
    codebookWeight,
    ...regularizationOptions,
    linearBias: z.boolean().default(true).describe("whether the linear layer has a bias"),
  },
  learning: "all",
  comparesLengths: true,
  card: (_, { learnsFromReconstruction }) => ({
    sentence: `Linear: a frozen random table times one linear layer that learns from the codebook loss${learnsFromReconstruction ? " and the reconstruction" : ""}. Every step moves every code.`,
    latent: "z",
    loss: {
      moves: "the linear layer, and with it every code",
      leaves: "the frozen table, encoder and decoder",
    },
  }),
  numbers: ({ codebookSize, codeDim }, { linearBias }) =>
    codebookSize * codeDim + codeDim * codeDim + (linearBias ? codeDim : 0),
  create: (start, { linearBias: bias }, random) => new LinearCodebook(start, { bias, random }),
});
