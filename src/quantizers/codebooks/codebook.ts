import type * as tf from "@tensorflow/tfjs";

/** A table of K codes of D numbers each, and the way it learns. */
export interface Codebook {
  /** true when `codes()` leads gradients to trainable variables, so that a codebook loss teaches it. */
  readonly learnsByGradient: boolean;

  /** The codes as they are now, [K, D]. Call inside `tf.tidy`; do not dispose the result. */
  codes(): tf.Tensor2D;

  /** Makes `codes()` return these, [K, D] row by row, and resets what was learned. */
  setCodes(codes: Float32Array): void;

  /**
   * The codebook's own learning after a training step; a no-op where `learnsByGradient`.
   *
   * @param latents [M, D]
   * @param indices [M] int32, the code each latent was assigned to
   */
  update(latents: tf.Tensor2D, indices: tf.Tensor1D): void;

  /** All state by name. */
  variables(): ReadonlyMap<string, tf.Variable>;

  dispose(): void;
}

/** What every codebook starts from. */
export interface CodebookStart {
  readonly codebookSize: number;
  readonly codeDim: number;
  /** [K, D] row by row. */
  readonly codes: Float32Array;
}
