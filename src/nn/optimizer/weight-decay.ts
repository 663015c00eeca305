import * as tf from "../../tf/index.js";
import { type OptimizerPart, stateless, type Update } from "./optimizer.js";

/** Convolution kernels (rank 4) alone: never biases, norms or codebooks. */
function isDecayed({ variable }: Update): boolean {
  return variable.rank === 4;
}

/**
 * L2 regularization: adds λ·θ to the gradient. Put it before the part that scales gradients, so that it is scaled too.
 *
 * @param weightDecay λ >= 0; 0 is off
 */
export function l2Decay(weightDecay: number): OptimizerPart {
  return {
    ...stateless,
    scalars: () => (weightDecay > 0 ? { decay: weightDecay } : {}),
    apply: (updates, { scalars: { decay } }) => {
      if (decay === undefined) return updates;
      return new Map(
        [...updates].map(([name, update]) => {
          if (!isDecayed(update)) return [name, update];
          return [name, { ...update, change: tf.add(update.change, tf.mul(update.from, decay)) }];
        }),
      );
    },
  };
}

/**
 * Decoupled weight decay (arXiv 1711.05101): θ starts from (1 − η·λ)·θ, beside the gradient.
 *
 * @param weightDecay λ >= 0; 0 is off
 */
export function decoupledDecay(weightDecay: number): OptimizerPart {
  return {
    ...stateless,
    scalars: ({ learningRate }) => (weightDecay > 0 ? { kept: 1 - learningRate * weightDecay } : {}),
    apply: (updates, { scalars: { kept } }) => {
      if (kept === undefined) return updates;
      return new Map(
        [...updates].map(([name, update]) => {
          if (!isDecayed(update)) return [name, update];
          return [name, { ...update, from: tf.mul(update.from, kept) }];
        }),
      );
    },
  };
}
