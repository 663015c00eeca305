import type { Quantizer } from "../quantizer.js";

/** One latent vector where the gradient is taken, and the code chosen for it; both constants of the surrogate. */
export interface SurrogatePoint {
  readonly latent: readonly number[];
  readonly code: readonly number[];
}

/**
 * The smooth function of one latent vector whose gradient the quantizer claims to pass: its value at `point.latent`
 * is the code, and its derivatives there are the estimator's. In double precision, without the tensor engine.
 */
export type Surrogate = (latent: readonly number[], point: SurrogatePoint) => readonly number[];

/** z + sg(q − z). */
export const straightThroughSurrogate: Surrogate = (latent, point) =>
  latent.map((value, i) => value + ((point.code[i] as number) - (point.latent[i] as number)));

/** What a quantizer is to be checked against besides itself. */
export interface ContractOptions {
  /**
   * Losses whose gradient leaves out on purpose a path by which variables move them, as residual quantizers stop the
   * gradient between one quantizer and the next: differences do not show it, and a test of the quantizer's own has to.
   */
  readonly stoppedLosses?: readonly string[];
}

/** One rule. `run` rejects, saying what was broken, when the quantizers that `make` builds do not keep it. */
export interface ContractCheck {
  readonly name: string;
  run(make: () => Quantizer, surrogate?: Surrogate, options?: ContractOptions): Promise<void>;
}
