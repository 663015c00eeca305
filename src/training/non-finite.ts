import { VqkitError } from "../core/errors.js";
import * as tf from "../tf/index.js";
import type { StepOutcome } from "./step-figures.js";

/** What a run does about a step with a loss or gradient that is not finite. */
export const nonFinitePolicies = ["stop", "skip", "rollback"] as const;
export type NonFinitePolicy = (typeof nonFinitePolicies)[number];

/** What a step found that is not finite. */
interface NonFiniteFinding {
  readonly figure: string;
  readonly value: number;
  /** The first tensor that is not finite, in words: `gradient of "encoder/stem/kernel"`. */
  readonly tensor: string;
}

const REMEDY = "Lower learningRate, set gradientClip, or let onNan skip the step or roll back.";

/** A step found a loss or gradient that is not finite. The weights and all other state are as they were before it. */
export class NonFiniteError extends VqkitError {
  readonly step: number;
  /** The first tensor that is not finite, in words: `gradient of "encoder/stem/kernel"`. */
  readonly tensor: string;
  /** The step's figures, some of them NaN or infinite; its indices mean nothing. */
  readonly outcome: StepOutcome;
  readonly #finding: NonFiniteFinding;

  constructor(step: number, finding: NonFiniteFinding, outcome: StepOutcome, remedy = REMEDY) {
    const { figure, value, tensor } = finding;
    super(
      "numerics",
      `step ${step}: expected a finite ${figure}, got ${value}. First to go bad: ${tensor}. The weights are those before the step. ${remedy}`,
    );
    this.step = step;
    this.tensor = tensor;
    this.outcome = outcome;
    this.#finding = finding;
  }

  /** The same, where `onNan` did not help: why, and what to do instead. */
  inSpiteOfPolicy(why: string): NonFiniteError {
    const remedy = `${why} Lower learningRate or set gradientClip.`;
    return new NonFiniteError(this.step, this.#finding, this.outcome, remedy);
  }
}

/** The first figure of a step that is not finite. */
export function nonFiniteFigure(
  outcome: StepOutcome,
): { readonly figure: string; readonly value: number } | undefined {
  const { losses, gradientNorm, quantizationError, others } = outcome;
  const figures = Object.entries({ ...losses, gradientNorm, quantizationError, ...others });
  const found = figures.find(([, value]) => !Number.isFinite(value));
  return found && { figure: found[0], value: found[1] };
}

/**
 * The name of the first tensor that holds a NaN or an infinity; undefined when none does.
 *
 * @param make the tensors by name, in the order in which they are computed; called in a tidy scope
 */
export async function firstNonFinite(
  make: () => ReadonlyMap<string, tf.Tensor>,
): Promise<string | undefined> {
  let names: string[] = [];
  const flags = tf.tidy(() => {
    const tensors = make();
    names = [...tensors.keys()];
    // x·0 is 0 for a finite x and NaN for every other.
    return tf.stack([...tensors.values()].map((tensor) => tf.sum(tf.mul(tensor, 0))));
  });
  try {
    const values = await flags.data();
    return names.find((_, i) => !Number.isFinite(values[i]));
  } finally {
    flags.dispose();
  }
}
