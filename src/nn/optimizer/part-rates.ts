import * as tf from "../../tf/index.js";
import { type OptimizerPart, stateless } from "./optimizer.js";

/**
 * Moves some variables by other learning rates: what the parts before have made of each, its decay too, times a factor.
 * Put it last.
 *
 * @param factorOf of a variable by its name, >= 0; 1 leaves it as it is, 0 does not move it
 */
export function partRates(factorOf: (name: string) => number): OptimizerPart {
  return {
    ...stateless,
    scalars: () => ({}),
    apply: (updates) =>
      new Map(
        [...updates].map(([name, update]) => {
          const factor = factorOf(name);
          if (factor === 1) return [name, update];
          const { variable, from, change } = update;
          const decayed = from === variable ? from : tf.add(variable, tf.mul(tf.sub(from, variable), factor));
          return [name, { variable, from: decayed, change: tf.mul(change, factor) }];
        }),
      ),
  };
}
