import { stopGradient } from "../quantizers/index.js";
import * as tf from "../tf/index.js";
import { withGradient } from "./known-gradient.js";
import type { ModelPass, ObjectiveTerm, ObjectiveValue } from "./objective.js";

/** As taming-transformers has them. */
const EPSILON = 1e-4;
const LARGEST = 1e4;

/** Terms that depend on the model through the reconstruction alone. */
interface ImageTerms {
  /** What balanced ones are weighed against. */
  readonly plain: readonly ObjectiveTerm[];
  readonly balanced: readonly ObjectiveTerm[];
}

/**
 * Weighs terms by gradients, as VQGAN does (Esser et al. 2021, https://arxiv.org/abs/2012.09841, equation 7): the weight
 * of each balanced term is multiplied by λ = ‖∇P‖/(‖∇B‖ + 1e-4), at most 1e4, without a gradient of its own. P is the
 * weighted sum of the plain terms, B the balanced term, ∇ is taken at the kernel of the decoder's last layer.
 *
 * The gradients of P and B at the reconstruction are computed on the way. What is returned as `total` has their weighted
 * sum as its gradient, so that the backward pass does not go through the networks of the losses a second time.
 *
 * Call it inside the gradient of the model's phase.
 */
export function balancedTerms(
  pass: ModelPass,
  { plain, balanced }: ImageTerms,
): ObjectiveValue & { readonly total: tf.Scalar } {
  const reference = atReconstruction(pass, weightedSum(plain));
  const figures: Record<string, tf.Scalar> = { reconstructionGradientAtLast: reference.norm };
  const terms: ObjectiveTerm[] = [...plain];
  let [total, gradient] = [reference.value, reference.gradient];
  for (const term of balanced) {
    const own = atReconstruction(pass, term.value);
    const ratio = tf.div(reference.norm, tf.add(own.norm, EPSILON));
    const weight = stopGradient(tf.mul(tf.clipByValue(ratio, 0, LARGEST), term.weight)) as tf.Scalar;
    figures[`${term.name}GradientAtLast`] = own.norm;
    figures[`${term.name}Weight`] = weight;
    terms.push({ ...term, weight });
    total = tf.add(total, tf.mul(own.value, weight));
    gradient = tf.add(gradient, tf.mul(own.gradient, weight));
  }
  return { terms, figures, total: withGradient(pass.reconstruction, total, gradient) };
}

/** What is minimised of terms. */
export function weightedSum(terms: readonly ObjectiveTerm[]): tf.Scalar {
  if (terms.length === 0) return tf.scalar(0);
  return terms.map(({ value, weight }) => tf.mul(value, weight)).reduce((a, b) => tf.add(a, b)) as tf.Scalar;
}

/** A loss with its gradient at the reconstruction, and the norm of the one at the last kernel. */
interface AtReconstruction {
  readonly value: tf.Scalar;
  /** [N, H, W, 3] */
  readonly gradient: tf.Tensor4D;
  readonly norm: tf.Scalar;
}

function atReconstruction({ reconstruction, lastKernel }: ModelPass, value: tf.Scalar): AtReconstruction {
  const [gradient, atKernel] = tf.grads(() => value)([reconstruction, lastKernel]) as [
    tf.Tensor4D,
    tf.Tensor,
  ];
  return { value, gradient, norm: tf.sqrt(tf.sum(tf.square(atKernel))) as tf.Scalar };
}
