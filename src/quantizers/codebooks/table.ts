import type { Rank, Tensor1D, Tensor2D, Variable } from "../../tf/index.js";
import type { Similarity } from "../nearest-code.js";
import { tf } from "../tfjs.js";
import { type Codebook, type CodebookStart, type KeptCodebook, keptRows } from "./codebook.js";
import { withRows } from "./dead-codes.js";
import type { Placement } from "./placement.js";

export interface TableOptions {
  /** The name of the part that holds this table. */
  readonly codebook: string;
  /** Where latents, the table's rows and codes that are set are put. */
  readonly placement: Placement;
  /** Whether gradients move the rows; they do unless told. */
  readonly trainable?: boolean;
  /** What makes a code the nearest; by default the distance. */
  readonly similarity?: Similarity;
}

/** A table that gradients teach, row by row; its codes are its rows where `placement` puts them. */
export class TableCodebook implements Codebook {
  readonly placement: Placement;
  readonly similarity: Similarity;
  readonly #codebook: string;
  readonly #codes: Variable<Rank.R2>;

  constructor(
    { codebookSize, codeDim, codes }: CodebookStart,
    { codebook, placement, similarity = "distance", trainable = true }: TableOptions,
  ) {
    this.placement = placement;
    this.similarity = similarity;
    this.#codebook = codebook;
    const shape: [number, number] = [codebookSize, codeDim];
    this.#codes = tf.tidy(() => tf.variable(placement.apply(tf.tensor2d(codes, shape)), trainable));
  }

  codes(): Tensor2D {
    return this.placement.apply(this.#codes);
  }

  setCodes(codes: Float32Array): void {
    tf.tidy(() => this.#codes.assign(this.placement.apply(tf.tensor2d(codes, this.#codes.shape))));
  }

  update(): void {}

  replace(isNew: Tensor1D, codes: Tensor2D): readonly string[] {
    this.#codes.assign(withRows(this.#codes, isNew, codes));
    return ["codes"];
  }

  async keep(kept: readonly number[]): Promise<KeptCodebook> {
    const codes = await keptRows(() => this.#codes, kept);
    return { codebook: this.#codebook, state: new Map([["codes", codes]]) };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map([["codes", this.#codes]]);
  }

  dispose(): void {
    this.#codes.dispose();
  }
}
