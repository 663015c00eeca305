import { stopGradient } from "../../quantizers/index.js";
import * as tf from "../../tf/index.js";
import type { AdversarialLoss } from "./options.js";

/** A way to make losses of logits: means over the patches of all images. */
interface LogitLoss {
  /** What the model minimises, of the logits of its reconstructions. */
  readonly model: (reconstructed: tf.Tensor) => tf.Tensor;
  /** What the discriminator minimises, of the logits of images and of reconstructions; each counts half. */
  readonly real: (logits: tf.Tensor) => tf.Tensor;
  readonly reconstructed: (logits: tf.Tensor) => tf.Tensor;
  /** From here on a logit says "an image". */
  readonly border: number;
}

/**
 * - hinge: Lim and Ye 2017, https://arxiv.org/abs/1705.02894
 * - logistic: the non-saturating form of Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661
 * - least-squares: Mao et al. 2017, https://arxiv.org/abs/1611.04076
 */
export const logitLosses: Readonly<Record<AdversarialLoss, LogitLoss>> = {
  hinge: {
    model: (d) => tf.neg(tf.mean(d)),
    real: (d) => tf.mean(tf.relu(tf.sub(1, d))),
    reconstructed: (d) => tf.mean(tf.relu(tf.add(1, d))),
    border: 0,
  },
  logistic: {
    model: (d) => tf.mean(tf.softplus(tf.neg(d))),
    real: (d) => tf.mean(tf.softplus(tf.neg(d))),
    reconstructed: (d) => tf.mean(tf.softplus(d)),
    border: 0,
  },
  "least-squares": {
    model: (d) => tf.mul(0.5, tf.mean(tf.square(tf.sub(d, 1)))),
    real: (d) => tf.mean(tf.square(tf.sub(d, 1))),
    reconstructed: (d) => tf.mean(tf.square(d)),
    border: 0.5,
  },
};

/**
 * ½ mean ‖∇ₓ D(x)‖²: the mean over images of the squared length of an image's gradient, D of an image being the mean of
 * its patches' logits. Mescheder et al. 2018, https://arxiv.org/abs/1801.04406, equation 9 without γ.
 *
 * The gradient is taken on the tape of the gradient that this is evaluated in, so that it is differentiated again.
 *
 * @param images [N, H, W, 3], which `logits` [N, H', W', 1] were made from
 */
export function r1Penalty(images: tf.Tensor4D, logits: tf.Tensor4D): tf.Scalar {
  const [batch, rows, columns] = logits.shape;
  const [gradient] = tf.grads(() => tf.div(tf.sum(logits), rows * columns))([images]) as [tf.Tensor4D];
  return tf.div(tf.sum(tf.square(gradient)), 2 * batch);
}

/** The logits of an update, and the running means of those before. */
export interface LecamLogits {
  readonly real: tf.Tensor;
  readonly reconstructed: tf.Tensor;
  /** α, of images. */
  readonly meanReal: tf.Tensor;
  /** α̂, of reconstructions. */
  readonly meanReconstructed: tf.Tensor;
}

/**
 * mean max(0, D(x) − α̂)² + mean max(0, α − D(x̂))²: keeps the logits of each kind from running away from the running
 * mean of the other's. Tseng et al. 2021, https://arxiv.org/abs/2104.03310; the squares stand behind a ReLU as in its
 * authors' code.
 */
export function lecam({ real, reconstructed, meanReal, meanReconstructed }: LecamLogits): tf.Scalar {
  const ofReal = tf.square(tf.relu(tf.sub(real, stopGradient(meanReconstructed))));
  const ofReconstructed = tf.square(tf.relu(tf.sub(stopGradient(meanReal), reconstructed)));
  return tf.add(tf.mean(ofReal), tf.mean(ofReconstructed)) as tf.Scalar;
}
