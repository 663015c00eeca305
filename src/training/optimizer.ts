import * as tf from "@tensorflow/tfjs";
import { ShapeError, VqkitError } from "../core/errors.js";
import { unknownName } from "../core/suggest.js";

/** "adam" adds weightDecay·θ to the gradient (L2 regularization); "adamw" shrinks the weights beside it. */
export const optimizerKinds = ["adam", "adamw"] as const;
export type OptimizerKind = (typeof optimizerKinds)[number];

/** The constants of the update. The two kinds are the same while `weightDecay` is 0. */
export interface OptimizerConfig {
  readonly kind: OptimizerKind;
  /** β₁, decay of the first moment, [0, 1). */
  readonly beta1: number;
  /** β₂, decay of the second moment, [0, 1). */
  readonly beta2: number;
  /** ε, added to the root of the corrected second moment. */
  readonly epsilon: number;
  /** λ; 0 switches it off. Applies to convolution kernels (rank 4) alone: never to biases, norms or codebooks. */
  readonly weightDecay: number;
}

/** What changes from one step to the next. */
export interface StepOptions {
  readonly learningRate: number;
  /** 1 for the first step of the run; the bias correction depends on it. */
  readonly step: number;
}

interface Slot {
  readonly variable: tf.Variable;
  /** Σᵢ β₁^(t−i)·gᵢ, which is m/(1 − β₁) in the paper's letters. */
  readonly firstMoment: tf.Variable;
  /** Σᵢ β₂^(t−i)·gᵢ², which is v/(1 − β₂). */
  readonly secondMoment: tf.Variable;
}

/** The factors of one step, which all variables share. A type and not an interface, for `tf.tidy`. */
export type StepScalars = {
  /** (1 − β₁)/(1 − β₁ᵗ)·η/s, see `stepScalars`. */
  readonly stepSize: tf.Scalar;
  /** ε/s. */
  readonly epsilon: tf.Scalar;
  /** "adam": λ. "adamw": 1 − η·λ. */
  readonly decay: tf.Scalar;
};

/** What every step has in common, made once for all variables of a step. */
interface Decays {
  readonly beta1: tf.Scalar;
  readonly beta2: tf.Scalar;
}

/**
 * Adam (arXiv 1412.6980) and AdamW (decoupled weight decay, arXiv 1711.05101), with state kept by variable name.
 *
 * The update is PyTorch's: θ ← θ − η·m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ). All that depends on t alone is
 * folded into two scalars, and the moments are kept as plain decayed sums (see `state`), which leaves ten elementwise
 * operations per variable, and no value is read: a recording engine runs a step as part of one graph.
 */
export class Adam {
  readonly #config: OptimizerConfig;
  readonly #slots = new Map<string, Slot>();

  /**
   * @param variables float32, by name. Those with `trainable` false get no state and are never changed.
   *   State starts at zero and is made at once, so the first step has the same structure as every other.
   */
  constructor(variables: ReadonlyMap<string, tf.Variable>, config: OptimizerConfig) {
    this.#config = config;
    for (const [name, variable] of variables) {
      if (!variable.trainable) continue;
      const zeros = (): tf.Variable => tf.tidy(() => tf.variable(tf.zeros(variable.shape), false));
      this.#slots.set(name, { variable, firstMoment: zeros(), secondMoment: zeros() });
    }
  }

  /**
   * Makes one step. A variable without a gradient is skipped: neither it nor its moments change, and no weight decay
   * applies. Its later bias corrections still use the step of the run.
   *
   * @param gradients by variable name; they stay the caller's
   * @param scalars of the step; they stay the caller's
   * @throws VqkitError for a name that is no trainable variable, ShapeError for a gradient of another shape
   */
  apply(gradients: ReadonlyMap<string, tf.Tensor>, scalars: StepScalars): void {
    const updates = [...gradients].map(([name, gradient]) => ({
      slot: this.#slot(name, gradient),
      gradient,
    }));
    const { beta1, beta2 } = this.#config;
    tf.tidy(() => {
      const decays = { beta1: tf.scalar(beta1), beta2: tf.scalar(beta2) };
      for (const { slot, gradient } of updates) this.#update(slot, gradient, { ...scalars, ...decays });
    });
  }

  /**
   * All that depends on the step, as tensors, which are the caller's: a recorded step takes them as its inputs.
   *
   * With M = m/(1 − β₁), V = v/(1 − β₂) and s = √((1 − β₂)/(1 − β₂ᵗ)):
   *   η·m̂/(√v̂ + ε) = η·(1 − β₁)/(1 − β₁ᵗ)·M / (s·√V + ε) = stepSize·M / (√V + ε/s).
   * Computed in double precision; only the results become float32.
   */
  stepScalars({ learningRate, step }: StepOptions): StepScalars {
    const { kind, beta1, beta2, epsilon, weightDecay } = this.#config;
    const rootScale = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
    const stepSize = (learningRate * (1 - beta1)) / (1 - beta1 ** step) / rootScale;
    return {
      stepSize: tf.scalar(stepSize),
      epsilon: tf.scalar(epsilon / rootScale),
      decay: tf.scalar(kind === "adam" ? weightDecay : 1 - learningRate * weightDecay),
    };
  }

  /**
   * The moments by name, `firstMoment/NAME` and `secondMoment/NAME` for each variable NAME: what a checkpoint keeps.
   * They are decayed sums, m/(1 − β₁) and v/(1 − β₂) in the letters of the paper.
   */
  state(): ReadonlyMap<string, tf.Variable> {
    const state = new Map<string, tf.Variable>();
    for (const [name, slot] of this.#slots) state.set(`firstMoment/${name}`, slot.firstMoment);
    for (const [name, slot] of this.#slots) state.set(`secondMoment/${name}`, slot.secondMoment);
    return state;
  }

  /** Frees the moments; the variables are the caller's. */
  dispose(): void {
    for (const { firstMoment, secondMoment } of this.#slots.values()) tf.dispose([firstMoment, secondMoment]);
    this.#slots.clear();
  }

  #slot(name: string, gradient: tf.Tensor): Slot {
    const slot = this.#slots.get(name);
    if (slot === undefined)
      throw new VqkitError("run", unknownName("variable", name, [...this.#slots.keys()]));
    const { shape } = slot.variable;
    if (!tf.util.arraysEqual(shape, gradient.shape)) {
      throw new ShapeError(`gradient of "${name}"`, `[${shape.join(",")}]`, gradient.shape);
    }
    return slot;
  }

  #update(slot: Slot, gradient: tf.Tensor, scalars: StepScalars & Decays): void {
    const { variable, firstMoment, secondMoment } = slot;
    const decay = variable.rank === 4 && this.#config.weightDecay > 0 ? scalars.decay : undefined;
    let weights: tf.Tensor = variable;
    let slope = gradient;
    if (decay !== undefined && this.#config.kind === "adam") slope = tf.add(slope, tf.mul(weights, decay));
    if (decay !== undefined && this.#config.kind === "adamw") weights = tf.mul(weights, decay);
    const first = tf.add(tf.mul(firstMoment, scalars.beta1), slope);
    const second = tf.add(tf.mul(secondMoment, scalars.beta2), tf.square(slope));
    const direction = tf.div(first, tf.add(tf.sqrt(second), scalars.epsilon));
    variable.assign(tf.sub(weights, tf.mul(direction, scalars.stepSize)));
    firstMoment.assign(first);
    secondMoment.assign(second);
  }
}
