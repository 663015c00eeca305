import type { QuantizerConfig } from "./quantizer.js";

/** uniform: U(−1/K, 1/K). normal: N(0, 1/D). kmeans, data: centres, or samples, of the first latents. */
export const initializations = ["uniform", "normal", "kmeans", "data"] as const;
export type Initialization = (typeof initializations)[number];

/** The resolved options of a vector quantizer. The options of its two parts stand beside these, and no others. */
export interface VectorQuantizerConfig extends QuantizerConfig {
  /** K. */
  readonly codebookSize: number;
  /** D. */
  readonly codeDim: number;
  /** The name of its codebook. */
  readonly codebook: string;
  /** The name of its gradient estimator. */
  readonly gradient: string;
  readonly initialization: Initialization;
  /** β. */
  readonly commitmentWeight: number;
}
