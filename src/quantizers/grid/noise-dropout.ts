/**
 * Noise in the place of rounding, in training and of some numbers: Parker et al. 2024, https://arxiv.org/abs/2411.19842,
 * section 3.2, half of them there.
 */
import type { Tensor, Tensor4D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import type { GridRule } from "./grid-rule.js";

/**
 * A rule that in training, with the probability `rate` for each number, gives the bounded latent plus noise as wide as a
 * step, U(−½, ½) of it, in the place of the code.
 *
 * @param rate 0..1; 0 is the rule itself
 */
export function withNoiseDropout(rule: GridRule, rate: number): GridRule {
  const { steps } = rule;
  if (rate === 0 || steps === undefined) return rule;
  return {
    ...rule,
    training: {
      draw({ grid, random }) {
        const shape: [number, number, number, number] = [...grid, steps.length];
        const length = shape.reduce((product, size) => product * size, 1);
        return {
          noise: tf.tensor4d(
            random.fill(length, (r) => r.uniform(-0.5, 0.5)),
            shape,
          ),
          isNoisy: tf.tensor4d(
            random.fill(length, (r) => (r.next() < rate ? 1 : 0)),
            shape,
          ),
        };
      },
      value({ smooth }, codes, { noise, isNoisy }) {
        const noisy = tf.add(smooth, tf.mul(noise as Tensor, tf.tensor1d([...steps])));
        return tf.where(tf.greater(isNoisy as Tensor, 0), noisy, codes) as Tensor4D;
      },
    },
  };
}
