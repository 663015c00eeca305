import type { GraphWriter } from "../../backend/index.js";
import type { Scalar, Tensor, Tensor4D } from "../../tf/index.js";
import type { QuantizerLossName, TrainingDraw, TrainingInputs } from "../quantizer.js";

/** Where latents stand on a grid. N images, H×W latent grid, D dimensions. */
export interface Placed {
  /** [N, H, W, D] int32, the i-th in 0..levels[i]-1. */
  readonly digits: Tensor4D;
  /** [N, H, W, D]: what the gradient at the codes is copied to; differentiable in the latents. */
  readonly smooth: Tensor4D;
}

/**
 * How latents become points of a grid: the codes are all combinations of `levels[i]` values in dimension i, so that no
 * table is needed. A rule is one file of `src/quantizers/grid/`.
 */
export interface GridRule {
  /** Values of each dimension, each >= 2, with a product of at most 2^24. */
  readonly levels: readonly number[];

  /** How far neighbouring values of each dimension are apart, where they are evenly spaced. */
  readonly steps?: readonly number[];

  /** What training has in the place of the codes. Leave it out where training computes what evaluation does. */
  readonly training?: {
    /** Tensors by name, as `trainingInputs` of a quantizer. */
    draw(draw: TrainingDraw): Record<string, Tensor>;
    /** What goes to the decoder, [N, H, W, D]; its gradient is that of `smooth`. */
    value(placed: Placed, codes: Tensor4D, drawn: TrainingInputs): Tensor4D;
  };

  /** @param latents [N, H, W, D]. Call inside `tf.tidy`. */
  place(latents: Tensor4D): Placed;

  /** Digits [N, H, W, D] int32 → codes of the same shape. The only place that makes them, so round trips are exact. */
  values(digits: Tensor): Tensor4D;

  /** The weight of each of `losses`. */
  readonly lossWeights: Readonly<Record<QuantizerLossName, number>>;

  /**
   * Losses of its own, unweighted.
   *
   * @param latents [N, H, W, D]
   * @param codes what they became, [N, H, W, D]
   * @param smooth that of `place`
   */
  losses(latents: Tensor4D, codes: Tensor4D, smooth: Tensor4D): Readonly<Record<QuantizerLossName, Scalar>>;

  /** The operators of `place`: a float32 tensor [N, H, W, D] to int32 digits. */
  writeDigits(g: GraphWriter, latents: string): string;

  /** The operators of `values`: int32 digits to float32 codes. */
  writeValues(g: GraphWriter, digits: string): string;
}

/** Of a rule without losses of its own. */
export const noLosses = { lossWeights: {}, losses: () => ({}) } as const;
