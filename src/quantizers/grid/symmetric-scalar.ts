/**
 * Scalar quantization that is symmetric about 0: each dimension squashed to −1..1 and rounded to L evenly spaced values.
 *
 * Parker et al. 2024, https://arxiv.org/abs/2411.19842, section 3.2: with b = tanh z the code is
 * 2/(L−1)·⌊(L−1)(b+1)/2 + ½⌋ − 1, so that ±1 are codes whatever L is. iFSQ (2026, https://arxiv.org/abs/2601.17124) has
 * b = 2σ(1.6z) − 1 in its place, which is tanh(0.8z) and spreads normal latents more evenly. In code: the factor is
 * `gain`.
 */
import type { Tensor, Tensor4D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { type GridRule, noLosses } from "./grid-rule.js";

export function symmetricScalar(levels: readonly number[], gain: number): GridRule {
  const halves = levels.map((level) => (level - 1) / 2);
  const half = () => tf.tensor1d(halves);
  return {
    ...noLosses,
    levels,
    steps: halves.map((each) => 1 / each),
    place(latents) {
      const bounded = tf.tanh(tf.mul(latents, gain)) as Tensor4D;
      const digits = tf.floor(tf.add(tf.mul(tf.add(bounded, 1), half()), 0.5));
      return { digits: tf.cast(digits, "int32") as Tensor4D, smooth: bounded };
    },
    values: (digits: Tensor) => tf.sub(tf.div(tf.cast(digits, "float32"), half()), 1),
    writeDigits(g, latents) {
      const bounded = g.op("Tanh", [g.op("Mul", [latents, g.scalar(gain)])]);
      const scale = g.constant("half", Float32Array.from(halves), [levels.length]);
      const scaled = g.op("Mul", [g.op("Add", [bounded, g.scalar(1)]), scale]);
      return g.cast(g.op("Floor", [g.op("Add", [scaled, g.scalar(0.5)])]), "int32");
    },
    writeValues(g, digits) {
      const scale = g.constant("half", Float32Array.from(halves), [levels.length]);
      return g.op("Sub", [g.op("Div", [g.cast(digits, "float32"), scale]), g.scalar(1)]);
    },
  };
}
