import * as tf from "@tensorflow/tfjs";

/**
 * The present values of variables, to be put back if what follows turns out to be worthless. Nothing is copied or
 * computed: a second handle keeps the old data alive while the variables get new data.
 */
export class HeldValues {
  readonly #held: readonly (readonly [variable: tf.Variable, value: tf.Tensor])[];

  constructor(variables: Iterable<tf.Variable>) {
    this.#held = [...variables].map((variable) => [variable, tf.keep(tf.clone(variable))] as const);
  }

  /** Gives every variable the value that it had. */
  restore(): void {
    for (const [variable, value] of this.#held) variable.assign(value);
  }

  /** Lets the old values go, unless `restore` has made them the present ones. */
  release(): void {
    for (const [, value] of this.#held) value.dispose();
  }
}
