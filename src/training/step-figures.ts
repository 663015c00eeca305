import { ConfigError } from "../core/errors.js";
import type { ObjectiveValue } from "../losses/index.js";
import * as tf from "../tf/index.js";
import { type LossFields, lossFields, phaseField } from "./step-metrics.js";

/** What a step found before it changed the weights. */
export interface StepOutcome {
  /** Of all phases of the step. */
  readonly losses: LossFields & { readonly totalLoss: number; readonly reconstructionLoss: number };
  /** Of the model's phase. */
  readonly gradientNorm: number;
  readonly quantizationError: number;
  /** What else there is to record. */
  readonly others: Readonly<Record<string, number>>;
  /** [N, H, W, Q], flat. */
  readonly indices: Int32Array;
  /** 1 for a code that was replaced, [Q, K] flat; absent for a quantizer that never does. */
  readonly replaced?: Float32Array;
}

/** What a scalar is that a step reads. */
export type Figure =
  /** A field of the record. */
  | { readonly field: string }
  /** A loss before its weight; null where the weight is read too. */
  | { readonly term: string; readonly weight: number | null }
  | { readonly weightOf: string };

/** What a phase found. */
export interface PhaseScalars {
  /** What is minimised. */
  readonly total: tf.Scalar;
  readonly value: ObjectiveValue;
  /** Global norm of the gradients, before clipping; absent where these are parts of a sum. */
  readonly norm?: tf.Scalar;
}

/** The scalars of a step in the order in which they are read, and what each of them is. */
export class StepFigures {
  readonly meanings: Figure[] = [];
  readonly #scalars: tf.Tensor[] = [];

  add(figure: Figure, scalar: tf.Tensor): void {
    const name = "field" in figure ? figure.field : "term" in figure ? `${figure.term}Loss` : undefined;
    const isTaken = (other: Figure) =>
      ("field" in other && other.field === name) || ("term" in other && `${other.term}Loss` === name);
    if (name !== undefined && this.meanings.some(isTaken)) {
      throw new ConfigError(
        "objectives",
        `expected losses and figures of different names, got two ${JSON.stringify(name)}. Rename one.`,
      );
    }
    this.meanings.push(figure);
    this.#scalars.push(scalar);
  }

  addPhase(phase: string, { total, value, norm }: PhaseScalars): void {
    this.add({ field: phaseField(phase, "totalLoss") }, total);
    for (const [field, scalar] of Object.entries(value.figures)) this.add({ field }, scalar);
    if (norm !== undefined) this.add({ field: phaseField(phase, "gradientNorm") }, norm);
    for (const { name, value: loss, weight } of value.terms) {
      this.add({ term: name, weight: typeof weight === "number" ? weight : null }, loss);
      if (typeof weight !== "number") this.add({ weightOf: name }, weight);
    }
  }

  stacked(): tf.Tensor1D {
    return tf.stack(this.#scalars) as tf.Tensor1D;
  }
}

/** What is read of a step. */
export interface StepValues {
  /** In the order of the figures. */
  readonly scalars: Float32Array;
  readonly indices: Int32Array;
  readonly replaced?: Float32Array | undefined;
}

/** Gives the scalars of a step their names. */
export function outcomeOf(
  figures: readonly Figure[],
  { scalars, indices, replaced }: StepValues,
): StepOutcome {
  const losses: Record<string, number> = {};
  const others: Record<string, number> = {};
  const terms: Record<string, number> = {};
  const weights = new Map<string, number>();
  for (const [i, figure] of figures.entries()) {
    const value = scalars[i] ?? Number.NaN;
    if ("weightOf" in figure) weights.set(figure.weightOf, value);
    else if ("field" in figure) (figure.field.endsWith("Loss") ? losses : others)[figure.field] = value;
  }
  for (const [i, figure] of figures.entries()) {
    if (!("term" in figure)) continue;
    const weight = figure.weight ?? weights.get(figure.term) ?? Number.NaN;
    Object.assign(terms, lossFields(figure.term, scalars[i] ?? Number.NaN, weight));
  }
  const { gradientNorm = Number.NaN, quantizationError = Number.NaN, ...rest } = others;
  return {
    losses: { ...losses, ...terms } as StepOutcome["losses"],
    gradientNorm,
    quantizationError,
    others: rest,
    indices,
    ...(replaced === undefined ? {} : { replaced }),
  };
}
