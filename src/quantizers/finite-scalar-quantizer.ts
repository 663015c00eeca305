/**
 * Finite scalar quantization: bound each latent dimension, round it, and call the grid of roundings the codebook.
 *
 * Mentzer et al. 2023, https://arxiv.org/abs/2309.15505. For a dimension with L levels: half = (L−1)(1+ε)/2,
 * o (`offset`) = ½ if L is even else 0, shift = atanh(o/half), and the bounded latent is tanh(z + shift)·half − o; it
 * is rounded (half to even) with a straight-through gradient and divided by ⌊L/2⌋. The paper's notebook writes tan
 * and (1−ε); its author confirmed that atanh was meant.
 *
 * Shapes: levels [8, 6, 5] take latents [N, H, W, 3] to quantized [N, H, W, 3] and indices [N, H, W, 1] in 0..239.
 */
import type { Tensor, Tensor1D, Tensor4D, Variable } from "@tensorflow/tfjs";
import { straightThrough } from "./gradients/straight-through.js";
import { gridSize } from "./levels.js";
import { digitsToIndices, indicesToDigits } from "./mixed-radix.js";
import type { Quantizer, QuantizerConfig, QuantizerOutput } from "./quantizer.js";
import { checkIndices, checkLatents } from "./shapes.js";
import { tf } from "./tfjs.js";

/** Lets the outermost levels be reached by finite latents. */
const EPSILON = 1e-3;

/** The resolved options of FSQ. */
export interface FiniteScalarConfig extends QuantizerConfig {
  readonly kind: "fsq";
  /** Values of each dimension, each 2..1000, with a product of at most 2^24. */
  readonly levels: readonly number[];
}

/** The kind `fsq`. It has no variables and no losses of its own, and its codebook of Π levels rows is never built. */
export class FiniteScalarQuantizer implements Quantizer {
  readonly config: FiniteScalarConfig;
  readonly codebookSize: number;
  readonly numCodebooks = 1;
  readonly codeDim: number;
  readonly lossWeights = {};
  readonly latentsForInitialization = 0;
  readonly repeatable = true;

  constructor(config: FiniteScalarConfig) {
    this.config = config;
    this.codebookSize = gridSize(config.levels);
    this.codeDim = config.levels.length;
  }

  quantize(latents: Tensor4D): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    return tf.tidy(() => {
      const bounded = this.#bound(latents);
      const middle = this.#middle();
      // Rounded first and cast after: truncating a float to an integer is wrong in float32 from 26 levels on.
      const digits = tf.add(tf.cast(tf.round(bounded), "int32"), tf.cast(middle, "int32"));
      return {
        quantized: straightThrough(tf.div(bounded, middle), this.#codes(digits)),
        indices: digitsToIndices(digits, this.config.levels) as Tensor4D,
        losses: {},
      };
    });
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    checkIndices(indices, this.numCodebooks);
    return tf.tidy(() => this.#codes(indicesToDigits(indices, this.config.levels)));
  }

  async initialize(): Promise<void> {}

  updateCodebook(): void {}

  variables(): ReadonlyMap<string, Variable> {
    return new Map();
  }

  dispose(): void {}

  /** tanh(z + shift)·half − o: every value rounds to one of the L integers −⌊L/2⌋..⌈L/2⌉−1. */
  #bound(latents: Tensor4D): Tensor4D {
    const { half, offset, shift } = boundOf(this.config.levels);
    const turned = tf.tanh(tf.add(latents, tf.tensor1d(shift)));
    return tf.sub(tf.mul(turned, tf.tensor1d(half)), tf.tensor1d(offset));
  }

  /** ⌊L/2⌋ of each dimension, [d]: the digit of the value 0. */
  #middle(): Tensor1D {
    return tf.tensor1d(this.config.levels.map((level) => Math.floor(level / 2)));
  }

  /** Digits [N, H, W, d] int32 → values in −1..1. The only place that makes them, so the round trip is exact. */
  #codes(digits: Tensor): Tensor4D {
    const middle = this.#middle();
    return tf.div(tf.sub(tf.cast(digits, "float32"), middle), middle);
  }
}

/** half, o and shift of each dimension; see the formulas above. */
export function boundOf(levels: readonly number[]): Readonly<Record<"half" | "offset" | "shift", number[]>> {
  const half = levels.map((level) => ((level - 1) * (1 + EPSILON)) / 2);
  const offset = levels.map((level) => (level % 2 === 0 ? 0.5 : 0));
  const shift = half.map((h, i) => Math.atanh((offset[i] ?? 0) / h));
  return { half, offset, shift };
}
