import { type LossFields, lossFields } from "./step-metrics.js";

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
}

/** What a scalar is that a step reads. */
export type Figure =
  /** A field of the record. */
  | { readonly field: string }
  /** A loss before its weight; null where the weight is read too. */
  | { readonly term: string; readonly weight: number | null }
  | { readonly weightOf: string };

/** Gives the scalars of a step their names. */
export function outcomeOf(
  figures: readonly Figure[],
  values: Float32Array,
  indices: Int32Array,
): StepOutcome {
  const losses: Record<string, number> = {};
  const others: Record<string, number> = {};
  const terms: Record<string, number> = {};
  const weights = new Map<string, number>();
  for (const [i, figure] of figures.entries()) {
    const value = values[i] ?? Number.NaN;
    if ("weightOf" in figure) weights.set(figure.weightOf, value);
    else if ("field" in figure) (figure.field.endsWith("Loss") ? losses : others)[figure.field] = value;
  }
  for (const [i, figure] of figures.entries()) {
    if (!("term" in figure)) continue;
    const weight = figure.weight ?? weights.get(figure.term) ?? Number.NaN;
    Object.assign(terms, lossFields(figure.term, values[i] ?? Number.NaN, weight));
  }
  const { gradientNorm = Number.NaN, quantizationError = Number.NaN, ...rest } = others;
  return {
    losses: { ...losses, ...terms } as StepOutcome["losses"],
    gradientNorm,
    quantizationError,
    others: rest,
    indices,
  };
}
