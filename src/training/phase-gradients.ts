import type { ImageAutoencoder } from "../autoencoder/index.js";
import { type ModelPass, type ObjectiveValue, type Phase, weightedSum } from "../losses/index.js";
import type { TrainingInputs } from "../quantizers/index.js";
import * as tf from "../tf/index.js";

/**
 * All that differs from one step to the next, but for the variables: `pixels` [N, H, W, 3] in -1..1, `share`, which is
 * 1 − dₜ of the weight average, the scalars of each phase, `PHASE/optimizer/NAME` and `PHASE/objective/NAME`, and what the
 * quantizer drew, `quantizer/NAME`.
 */
export type StepInputs = Readonly<Record<string, tf.Tensor>>;

/** The first part of the names of inputs that the quantizer drew; no phase may be called so. */
export const QUANTIZER_INPUTS = "quantizer/";

/** What a phase is evaluated on. */
export interface PhaseView {
  readonly model: ImageAutoencoder;
  readonly inputs: StepInputs;
  /** That of the step, where there has been one; a phase that moves weights of the model makes its own. */
  readonly pass?: ModelPass | undefined;
}

/** What a phase minimises, of which pass. */
interface Evaluated {
  readonly pass: ModelPass;
  readonly value: ObjectiveValue;
}

/** A phase's losses and gradients. */
interface Differentiated extends Evaluated {
  readonly total: tf.Scalar;
  /** By the names of the phase's variables. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
}

function evaluate({ name, objective }: Phase, { model, inputs, pass }: PhaseView): Evaluated {
  const pixels = inputs.pixels as tf.Tensor4D;
  const { lastKernel } = model;
  const seen = pass ?? { pixels, lastKernel, ...model.forward(pixels, quantizerInputs(model, inputs)) };
  return { pass: seen, value: objective.evaluate(seen, scalarsOf(inputs, `${name}/objective/`)) };
}

/**
 * Computes a phase's losses and gradients. Call it inside `tf.tidy`.
 *
 * @param view.kept receives the tensors that outlive the gradient's own scope: dispose of them after the step
 */
export function differentiate(
  phase: Phase,
  { kept, ...view }: PhaseView & { readonly kept: tf.Tensor[] },
): Differentiated {
  const given = new Set<tf.Tensor>(Object.values(view.inputs));
  let found: Evaluated | undefined;
  const minimised = (): tf.Scalar => {
    found = evaluate(phase, movesModel(phase, view.model) ? { ...view, pass: undefined } : view);
    for (const tensor of tensorsOf(found)) {
      // An earlier pass is kept already; the inputs, weights among them, are the caller's.
      if (given.has(tensor) || kept.includes(tensor)) continue;
      kept.push(tf.keep(tensor));
    }
    return found.value.total ?? weightedSum(found.value.terms);
  };
  const { value: total, grads } = tf.variableGrads(minimised, [...phase.variables.values()]);
  return { total, ...(found as unknown as Evaluated), gradients: byOwnName(grads, phase.variables) };
}

/** What the quantizer drew for the step; undefined where it draws nothing. */
export function quantizerInputs(model: ImageAutoencoder, inputs: StepInputs): TrainingInputs | undefined {
  const { trainingInputs, replacementInputs } = model.quantizer;
  if (trainingInputs === undefined && replacementInputs === undefined) return undefined;
  return scalarsOf(inputs, QUANTIZER_INPUTS);
}

/** Of the inputs of a step those under a prefix, by the rest of their names. */
export function scalarsOf(inputs: StepInputs, prefix: string): Record<string, tf.Scalar> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor as tf.Scalar]] : [],
    ),
  );
}

/** tfjs names gradients by the engine's names, which differ from run to run; a phase's names do not. */
function byOwnName(
  grads: Readonly<Record<string, tf.Tensor>>,
  variables: ReadonlyMap<string, tf.Variable>,
): Map<string, tf.Tensor> {
  const named = new Map<string, tf.Tensor>();
  for (const [name, variable] of variables) {
    const gradient = grads[variable.name];
    if (gradient !== undefined) named.set(name, gradient);
  }
  return named;
}

/** What the rest of a step uses. */
function tensorsOf({
  pass,
  value,
}: {
  readonly pass: ModelPass;
  readonly value: ObjectiveValue;
}): tf.Tensor[] {
  const { reconstruction, latents, quantization } = pass;
  const weights = value.terms.flatMap(({ weight }) => (typeof weight === "number" ? [] : [weight]));
  return [
    ...value.terms.map(({ value: loss }) => loss),
    ...weights,
    ...Object.values(value.figures),
    ...(value.updates ?? []).map((update) => update.value),
    latents,
    quantization.quantized,
    quantization.indices,
    reconstruction,
  ];
}

function movesModel({ variables }: Phase, model: ImageAutoencoder): boolean {
  const own = new Set(model.variables().values());
  return [...variables.values()].some((variable) => own.has(variable));
}
