import type { ImageAutoencoder } from "../autoencoder/index.js";
import type { Optimizer, WeightAverage } from "../nn/optimizer/index.js";
import type { CodeReplacement } from "../quantizers/index.js";
import * as tf from "../tf/index.js";

/** What training keeps of a model's variables besides their values. */
export interface KeptOfVariables {
  readonly model: ImageAutoencoder;
  readonly optimizers: readonly Optimizer[];
  readonly average: WeightAverage | null;
}

/**
 * Lets training forget what codes were that have been replaced: moments of their rows become 0, and averages what the
 * rows are now. Without it a revived code would be moved by the gradients of the code that it stands in for.
 *
 * Call it inside `tf.tidy`.
 */
export function forgetRows({ rows }: CodeReplacement, { model, optimizers, average }: KeptOfVariables): void {
  for (const [name, isNew] of rows) {
    const variable = model.quantizer.variables().get(name) as tf.Variable;
    const mask = tf.reshape(isNew, [-1, ...variable.shape.slice(1).map(() => 1)]);
    for (const optimizer of optimizers) {
      for (const [stateName, state] of optimizer.state()) {
        if (stateName.endsWith(`/quantizer/${name}`)) state.assign(tf.mul(state, tf.sub(1, mask)));
      }
    }
    const averaged = average?.values().get(`quantizer/${name}`);
    averaged?.assign(tf.add(tf.mul(averaged, tf.sub(1, mask)), tf.mul(variable, mask)));
  }
}
