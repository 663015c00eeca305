import { type ImageAutoencoder, pixelsToTensor } from "../autoencoder/index.js";
import { Random } from "../core/random.js";
import type { ImageBatch } from "../data/index.js";
import { type ModelPass, modulesOf, namedVariables, type Phase, updateAt } from "../losses/index.js";
import type { WeightAverage } from "../nn/optimizer/index.js";
import * as tf from "../tf/index.js";
import { forgetRows } from "./forget-rows.js";
import { firstNonFinite } from "./non-finite.js";
import { differentiate, QUANTIZER_INPUTS, quantizerInputs, type StepInputs } from "./phase-gradients.js";

export interface TrainingStepParts {
  readonly model: ImageAutoencoder;
  /** The first is the model's, due at every step. */
  readonly phases: readonly Phase[];
  /** Over the model's variables; null keeps no average. */
  readonly average: WeightAverage | null;
  /** Names the streams that the quantizer draws from, one for each step; 0 unless given. */
  readonly seed?: number;
}

/** The phases that a step makes. */
export function duePhases({ phases }: TrainingStepParts, step: number): Phase[] {
  return phases.filter((phase) => updateAt(phase, step) !== undefined);
}

/** Everything that a step assigns. */
export function* stepVariables({ model, phases, average }: TrainingStepParts): Generator<tf.Variable> {
  yield* model.variables().values();
  for (const module of modulesOf(phases)) yield* module.variables().values();
  for (const { optimizer } of phases) yield* optimizer.state().values();
  if (average !== null) yield* average.values().values();
}

/** What gradients are computed of: the pixels and what the objectives say of the step. Call it inside `tf.tidy`. */
export function gradientInputs(
  batch: ImageBatch,
  due: readonly Phase[],
  step: number,
): Record<string, tf.Tensor> {
  const inputs: Record<string, tf.Tensor> = { pixels: pixelsToTensor(batch) };
  for (const { name, objective } of due) {
    for (const [input, value] of Object.entries(objective.inputs(step))) {
      inputs[`${name}/objective/${input}`] = tf.scalar(value);
    }
  }
  return inputs;
}

/** What the optimizers and the average are told of the step. Call it inside `tf.tidy`. */
export function updateInputs(
  { average }: TrainingStepParts,
  due: readonly Phase[],
  step: number,
): Record<string, tf.Tensor> {
  const inputs: Record<string, tf.Tensor> = {};
  for (const phase of due) {
    const options = { learningRate: phase.learningRate(step), step: updateAt(phase, step) as number };
    for (const [scalar, tensor] of Object.entries(phase.optimizer.stepScalars(options))) {
      inputs[`${phase.name}/optimizer/${scalar}`] = tensor;
    }
  }
  if (average !== null) inputs.share = average.stepShare(step);
  return inputs;
}

/**
 * What the quantizer draws for a batch of a step, from a stream of its own. Call it inside `tf.tidy`.
 *
 * @param labels name the stream beside the step; none for all that the step is made of
 */
export function drawnInputs(
  { model, seed = 0 }: TrainingStepParts,
  { count, height, width }: Pick<ImageBatch, "count" | "height" | "width">,
  step: number,
  ...labels: readonly number[]
): Record<string, tf.Tensor> {
  const { downsamplingFactor: factor } = model.config;
  const grid = [count, height / factor, width / factor] as const;
  const random = new Random(seed, "quantizer noise", step, ...labels);
  const { quantizer } = model;
  const drawn = {
    ...quantizer.trainingInputs?.({ step, grid, random }),
    ...quantizer.replacementInputs?.({ step, grid, random }),
  };
  return Object.fromEntries(
    Object.entries(drawn).map(([name, tensor]) => [`${QUANTIZER_INPUTS}${name}`, tensor]),
  );
}

/**
 * What learns without gradients, after the model's phase.
 *
 * @returns 1 for each code that was replaced, [Q, K]; undefined for a quantizer that never does
 */
export function learnBesides(
  { model, phases, average }: TrainingStepParts,
  { latents, indices }: Pick<ModelPass, "latents"> & Pick<ModelPass["quantization"], "indices">,
  inputs: StepInputs,
): tf.Tensor2D | undefined {
  const { quantizer } = model;
  quantizer.updateCodebook(latents, indices);
  const drawn = quantizerInputs(model, inputs) ?? {};
  const replacement = quantizer.replaceDeadCodes?.(latents, indices, drawn);
  if (inputs.share !== undefined) average?.update(inputs.share as tf.Scalar);
  if (replacement === undefined) return undefined;
  forgetRows(replacement, { model, optimizers: phases.map(({ optimizer }) => optimizer), average });
  return replacement.codes;
}

/** Goes through a step that failed once more, now reading what each of its parts holds. Changes no variable. */
export async function firstNonFiniteOf(
  { model, phases }: TrainingStepParts,
  due: readonly Phase[],
  inputs: StepInputs,
): Promise<string | undefined> {
  const weights = () =>
    new Map<string, tf.Tensor>(
      [model.variables(), ...modulesOf(phases).map(namedVariables)]
        .flatMap((variables) => [...variables])
        .map(([name, weight]) => [`weight "${name}"`, weight]),
    );
  const passed = () => {
    const { reconstruction, latents, quantization } = model.forward(
      inputs.pixels as tf.Tensor4D,
      quantizerInputs(model, inputs),
    );
    return new Map<string, tf.Tensor>([
      ["the encoder's latents", latents],
      ["the quantized latents", quantization.quantized],
      ["the reconstruction", reconstruction],
    ]);
  };
  const stages: (() => ReadonlyMap<string, tf.Tensor>)[] = [weights, passed];
  for (const phase of due) {
    stages.push(() => {
      const kept: tf.Tensor[] = [];
      const { value, gradients } = differentiate(phase, { model, inputs, kept });
      const losses = value.terms.map(({ name, value: loss }) => [`${name}Loss`, loss.clone()] as const);
      tf.dispose(kept);
      const named = [...gradients].map(([name, gradient]) => [`gradient of "${name}"`, gradient] as const);
      return new Map<string, tf.Tensor>([...losses, ...named]);
    });
  }
  for (const stage of stages) {
    const found = await firstNonFinite(stage);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The present values of variables, to be put back if what follows turns out to be worthless. Nothing is copied or
 * computed: a second handle keeps the old data alive while the variables get new data.
 */
export class VariableSnapshot {
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
