import * as tf from "../../tf/index.js";
import type { OptimizerPart } from "./optimizer.js";

/** The constants of Adam's update. */
export interface AdamOptions {
  /** β₁, decay of the first moment, [0, 1). */
  readonly beta1: number;
  /** β₂, decay of the second moment, [0, 1). */
  readonly beta2: number;
  /** ε, added to the root of the corrected second moment. */
  readonly epsilon: number;
}

interface Moments {
  /** Σᵢ β₁^(t−i)·gᵢ, which is m/(1 − β₁) in the paper's letters. */
  readonly first: tf.Variable;
  /** Σᵢ β₂^(t−i)·gᵢ², which is v/(1 − β₂). */
  readonly second: tf.Variable;
}

/**
 * Adam (arXiv 1412.6980): gradients become η·m̂/(√v̂ + ε). The learning rate is in it, so it is the last part of a chain.
 *
 * The update is PyTorch's, with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ). All that depends on t alone is folded into two
 * scalars, and the moments are kept as plain decayed sums. With M = m/(1 − β₁), V = v/(1 − β₂) and
 * s = √((1 − β₂)/(1 − β₂ᵗ)):
 *
 *     η·m̂/(√v̂ + ε) = η·(1 − β₁)/(1 − β₁ᵗ)·M / (s·√V + ε) = stepSize·M / (√V + ε/s)
 *
 * Its state is `firstMoment/NAME` and `secondMoment/NAME` for each variable NAME, M and V.
 *
 * @param variables float32, by name. Those with `trainable` false get no state. State starts at zero and is made at
 *   once, so the first step has the same structure as every other.
 */
export function adam(
  variables: ReadonlyMap<string, tf.Variable>,
  { beta1, beta2, epsilon }: AdamOptions,
): OptimizerPart {
  const all = new Map<string, Moments>();
  for (const [name, { shape, trainable }] of variables) {
    if (!trainable) continue;
    const zeros = (): tf.Variable => tf.tidy(() => tf.variable(tf.zeros(shape), false));
    all.set(name, { first: zeros(), second: zeros() });
  }
  return {
    scalars: ({ learningRate, step }) => {
      const rootScale = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
      const stepSize = (learningRate * (1 - beta1)) / (1 - beta1 ** step) / rootScale;
      return { stepSize, epsilon: epsilon / rootScale };
    },
    apply: (updates, { scalars }) => {
      const decays = [tf.scalar(beta1), tf.scalar(beta2)] as const;
      return new Map(
        [...updates].map(([name, update]) => {
          const { first, second } = all.get(name) as Moments;
          const change = direction(update.change, {
            first,
            second,
            decays,
            epsilon: scalars.epsilon as tf.Scalar,
          });
          return [name, { ...update, change: tf.mul(change, scalars.stepSize as tf.Scalar) }];
        }),
      );
    },
    state: () =>
      new Map([
        ...[...all].map(([name, { first }]) => [`firstMoment/${name}`, first] as const),
        ...[...all].map(([name, { second }]) => [`secondMoment/${name}`, second] as const),
      ]),
    dispose: () => {
      for (const { first, second } of all.values()) tf.dispose([first, second]);
      all.clear();
    },
  };
}

/** Takes a gradient into the moments. @returns M/(√V + ε/s) */
function direction(
  gradient: tf.Tensor,
  {
    first,
    second,
    decays: [beta1, beta2],
    epsilon,
  }: Moments & { readonly decays: readonly [tf.Scalar, tf.Scalar]; readonly epsilon: tf.Scalar },
): tf.Tensor {
  const newFirst = tf.add(tf.mul(first, beta1), gradient);
  const newSecond = tf.add(tf.mul(second, beta2), tf.square(gradient));
  first.assign(newFirst);
  second.assign(newSecond);
  return tf.div(newFirst, tf.add(tf.sqrt(newSecond), epsilon));
}
