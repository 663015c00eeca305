import * as tf from "../../tf/index.js";

/**
 * A running average of the weights, for evaluation and export: a ← a + (1 − dₜ)·(θ − a) after each step t, with
 * dₜ = min(decay, (1 + t)/(10 + t)), so that the first weights are forgotten quickly in a short run. It starts as a
 * copy of the weights.
 */
export class WeightAverage {
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #averages: ReadonlyMap<string, tf.Variable>;
  readonly #decay: number;
  #swapped = false;

  /**
   * @param variables float32, by name; all of them are averaged, trainable or not
   * @param decay the final dₜ, [0, 1): 0.99 averages over about the last 100 steps
   */
  constructor(variables: ReadonlyMap<string, tf.Variable>, decay: number) {
    this.#variables = new Map(variables);
    this.#decay = decay;
    this.#averages = new Map(
      [...variables].map(([name, variable]) => [name, tf.tidy(() => tf.variable(tf.clone(variable), false))]),
    );
  }

  /**
   * Takes the present weights into the average.
   *
   * @param share 1 − dₜ, see `stepShare`; stays the caller's
   * @throws TypeError inside `during`, where the variables hold the average
   */
  update(share: tf.Scalar): void {
    if (this.#swapped) throw new TypeError("WeightAverage.update: not allowed while the average is in use.");
    tf.tidy(() => {
      for (const [variable, average] of this.#pairs()) {
        average.assign(tf.add(average, tf.mul(tf.sub(variable, average), share)));
      }
    });
  }

  /**
   * 1 − dₜ, as a tensor that is the caller's: a recorded step takes it as an input.
   *
   * @param step the training step that produced the weights, 1 for the first
   */
  stepShare(step: number): tf.Scalar {
    return tf.scalar(1 - averageDecayAt(step, this.#decay));
  }

  /** Starts again as a copy of the present weights. @throws TypeError inside `during` */
  reset(): void {
    if (this.#swapped) throw new TypeError("WeightAverage.reset: not allowed while the average is in use.");
    tf.tidy(() => {
      for (const [variable, average] of this.#pairs()) average.assign(tf.clone(variable));
    });
  }

  /**
   * Runs `body` while the variables hold the averaged weights, and puts the trained ones back however it ends.
   *
   * @throws TypeError when called inside itself
   */
  async during<T>(body: () => T | Promise<T>): Promise<T> {
    if (this.#swapped) throw new TypeError("WeightAverage.during: already in use.");
    this.#swap();
    try {
      return await body();
    } finally {
      this.#swap();
    }
  }

  /** The averages by variable name: what a checkpoint keeps. Inside `during` these hold the trained weights. */
  values(): ReadonlyMap<string, tf.Variable> {
    return this.#averages;
  }

  /** Frees the averages; the variables are the caller's. */
  dispose(): void {
    for (const average of this.#averages.values()) average.dispose();
  }

  /** Exchanges the data of each variable and its average; nothing is copied. */
  #swap(): void {
    this.#swapped = !this.#swapped;
    tf.tidy(() => {
      for (const [variable, average] of this.#pairs()) {
        const trained = tf.clone(variable);
        variable.assign(average);
        average.assign(trained);
      }
    });
  }

  *#pairs(): Generator<[variable: tf.Variable, average: tf.Variable]> {
    for (const [name, average] of this.#averages) yield [this.#variables.get(name) as tf.Variable, average];
  }
}

/** dₜ = min(decay, (1 + t)/(10 + t)) for step t = 1, 2, … */
export function averageDecayAt(step: number, decay: number): number {
  return Math.min(decay, (1 + step) / (10 + step));
}
