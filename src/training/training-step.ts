import * as tf from "@tensorflow/tfjs";
import { type ImageAutoencoder, pixelsToTensor } from "../autoencoder/index.js";
import { BackendError, RecordedFunction } from "../backend/index.js";
import { ConfigError, VqkitError } from "../core/errors.js";
import type { ImageBatch } from "../data/index.js";
import { quantizationError } from "../evaluation/index.js";
import {
  type ModelPass,
  modulesOf,
  namedVariables,
  type ObjectiveTerm,
  type ObjectiveValue,
  type Phase,
  updateAt,
} from "../losses/index.js";
import { globalNorm, type WeightAverage } from "../nn/optimizer/index.js";
import { HeldValues } from "./held-values.js";
import { firstNonFinite, NonFiniteError, nonFiniteFigure } from "./non-finite.js";
import { phaseField } from "./step-metrics.js";
import { type Figure, outcomeOf, type StepOutcome } from "./step-outcome.js";

export interface TrainingStepParts {
  readonly model: ImageAutoencoder;
  /** The first is the model's, due at every step. */
  readonly phases: readonly Phase[];
  /** Over the model's variables; null keeps no average. */
  readonly average: WeightAverage | null;
}

/**
 * All that differs from one step to the next, but for the variables: `pixels` [N, H, W, 3] in -1..1, `share`, which is
 * 1 − dₜ of the weight average, and the scalars of each phase, `PHASE/optimizer/NAME` and `PHASE/objective/NAME`.
 */
type StepInputs = Readonly<Record<string, tf.Tensor>>;

/** What is read when the step is run. */
type StepOutputs = {
  /** In the order of the figures. */
  readonly scalars: tf.Tensor1D;
  /** [N, H, W, Q]. */
  readonly indices: tf.Tensor4D;
};

/** One way in which a step can go: the phases that are due. */
interface StepPlan {
  readonly due: readonly Phase[];
  readonly call: (inputs: StepInputs, options: { readonly record: boolean }) => Promise<StepOutputs>;
  /** What the scalars mean; known once the step has been recorded. */
  figures: readonly Figure[];
  /** The last step that was recorded, not repeated. */
  recordedStep: number;
  /** Whether its next step is to be recorded: a check came due while other phases were. */
  isUnchecked: boolean;
}

/** A phase's losses and gradients. Its tensors outlive the gradient's own scope: they are to be disposed of. */
interface Differentiated {
  readonly total: tf.Scalar;
  readonly value: ObjectiveValue;
  readonly pass: ModelPass;
  /** By the names of the phase's variables. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
}

/**
 * Makes training steps: for each phase that is due forward, gradients and its optimizer; with the model's phase the
 * codebook's own learning and the weight average.
 *
 * All of it is recorded before anything is read, and everything is read at once, so that a recording engine runs a
 * step as one graph. A quantizer and objectives that allow it let the engine repeat the graph without recording it at
 * each step, one for each set of phases that are due together.
 */
export class TrainingStep {
  readonly #parts: TrainingStepParts;
  readonly #plans = new Map<string, StepPlan>();
  /** The step under way. */
  #step = 0;

  constructor(parts: TrainingStepParts) {
    this.#parts = parts;
  }

  /**
   * Makes a step, or none: when a loss or a gradient norm is not finite, all variables are as they were.
   *
   * @param step 1 for the first
   * @param options.check before the result is kept: makes sure that no step since the last check was repeated wrongly
   * (of steps with other phases, when these are due again)
   * @throws NonFiniteError naming the tensor that went bad; VqkitError("run") for a quantizer or objective that says it
   * is repeatable and is not what it was some steps ago
   */
  async run(batch: ImageBatch, step: number, { check = false } = {}): Promise<StepOutcome> {
    const plan = this.#planOf(step);
    if (check) for (const each of this.#plans.values()) each.isUnchecked = true;
    const record = plan.isUnchecked;
    plan.isUnchecked = false;
    const { recordedStep } = plan;
    this.#step = step;
    const inputs = this.#inputs(batch, plan.due, step);
    const before = new HeldValues(this.#variables());
    let outputs: StepOutputs | undefined;
    try {
      outputs = await plan.call(inputs, { record });
      const [values, indices] = await Promise.all([outputs.scalars.data(), outputs.indices.data()]);
      const outcome = outcomeOf(plan.figures, values as Float32Array, indices as Int32Array);
      const bad = nonFiniteFigure(outcome);
      if (bad === undefined) return outcome;
      before.restore();
      const tensor = (await this.#firstNonFinite(plan.due, inputs)) ?? bad.figure;
      throw new NonFiniteError(step, { ...bad, tensor }, outcome);
    } catch (error) {
      if (!(error instanceof BackendError) || error.code !== "not-repeatable") throw error;
      before.restore();
      throw this.#notRepeatable(plan, { step, recordedStep }, error);
    } finally {
      before.release();
      tf.dispose([inputs, outputs ?? []]);
    }
  }

  #notRepeatable(
    { due }: StepPlan,
    { step, recordedStep: recorded }: { readonly step: number; readonly recordedStep: number },
    cause: BackendError,
  ): VqkitError {
    const { kind } = this.#parts.model.quantizer.config;
    const others = due.slice(1).map(({ objective }) => ` or objective "${objective.name}"`);
    return new VqkitError(
      "run",
      `step ${step}: expected quantizer "${kind}"${others.join("")}, which says that it is repeatable, to make the operations of step ${recorded}, got others: steps after ${recorded} may be wrong. Leave \`repeatable\` out of it, and train again, or go on from a checkpoint up to step ${recorded}.`,
      { cause },
    );
  }

  #planOf(step: number): StepPlan {
    const due = this.#parts.phases.filter((phase) => updateAt(phase, step) !== undefined);
    const key = due.map(({ name }) => name).join();
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const body = (inputs: StepInputs): StepOutputs => {
      const { outputs, figures } = this.#compute(due, inputs);
      plan.figures = figures;
      plan.recordedStep = this.#step;
      return outputs;
    };
    const recorded = new RecordedFunction(body);
    const plan: StepPlan = {
      due,
      call: due.every(({ objective }) => objective.repeatable)
        ? (inputs, options) => recorded.call(inputs, options)
        : async (inputs) => tf.tidy(() => body(inputs)),
      figures: [],
      recordedStep: 0,
      isUnchecked: false,
    };
    this.#plans.set(key, plan);
    return plan;
  }

  #inputs(batch: ImageBatch, due: readonly Phase[], step: number): StepInputs {
    const { average } = this.#parts;
    return tf.tidy(() => {
      const inputs: Record<string, tf.Tensor> = { pixels: pixelsToTensor(batch) };
      for (const phase of due) {
        const { name, optimizer, objective } = phase;
        const options = { learningRate: phase.learningRate(step), step: updateAt(phase, step) as number };
        for (const [scalar, tensor] of Object.entries(optimizer.stepScalars(options))) {
          inputs[`${name}/optimizer/${scalar}`] = tensor;
        }
        for (const [input, value] of Object.entries(objective.inputs(step))) {
          inputs[`${name}/objective/${input}`] = tf.scalar(value);
        }
      }
      if (average !== null) inputs.share = average.stepShare(step);
      return inputs;
    });
  }

  /** Everything that a step assigns. */
  *#variables(): Generator<tf.Variable> {
    const { model, phases, average } = this.#parts;
    yield* model.variables().values();
    for (const module of modulesOf(phases)) yield* module.variables().values();
    for (const { optimizer } of phases) yield* optimizer.state().values();
    if (average !== null) yield* average.values().values();
  }

  /** The whole step, as operations on tensors. Reads no value, and nothing that changes but its inputs and variables. */
  #compute(
    due: readonly Phase[],
    inputs: StepInputs,
  ): { readonly outputs: StepOutputs; readonly figures: readonly Figure[] } {
    const figures = new FigureList();
    const kept: tf.Tensor[] = [];
    try {
      let pass: ModelPass | undefined;
      for (const phase of due) {
        const result = this.#differentiate(phase, inputs, { pass, kept });
        const norm = globalNorm([...result.gradients.values()]);
        phase.optimizer.apply(result.gradients, scalarsOf(inputs, `${phase.name}/optimizer/`), norm);
        if (pass === undefined) this.#learnBesides(result.pass, inputs.share as tf.Scalar | undefined);
        pass ??= result.pass;
        figures.addPhase(phase.name, { ...result, norm });
      }
      const { latents, quantization } = pass as ModelPass; // the model's phase is due at every step
      figures.add({ field: "quantizationError" }, quantizationError(latents, quantization.quantized));
      return {
        outputs: { scalars: figures.stacked(), indices: tf.clone(quantization.indices) },
        figures: figures.meanings,
      };
    } finally {
      tf.dispose(kept);
    }
  }

  /** What learns without gradients, after the model's phase. */
  #learnBesides({ latents, quantization }: ModelPass, share: tf.Scalar | undefined): void {
    const { model, average } = this.#parts;
    model.quantizer.updateCodebook(latents, quantization.indices);
    if (share !== undefined) average?.update(share);
  }

  /** @param so.far the pass of this step, where there has been one, and what is to be disposed of after the step */
  #differentiate(
    phase: Phase,
    inputs: StepInputs,
    { pass: earlier, kept }: { readonly pass: ModelPass | undefined; readonly kept: tf.Tensor[] },
  ): Differentiated {
    let found: { readonly pass: ModelPass; readonly value: ObjectiveValue } | undefined;
    const minimised = (): tf.Scalar => {
      const pass = this.#movesModel(phase) ? undefined : earlier;
      found = this.#evaluate(phase, inputs, pass);
      for (const tensor of tensorsOf(found)) {
        // An earlier pass is kept already; the pixels are the caller's.
        if (tensor === inputs.pixels || kept.includes(tensor)) continue;
        kept.push(tf.keep(tensor));
      }
      return weightedSum(found.value.terms);
    };
    const { value: total, grads } = tf.variableGrads(minimised, [...phase.variables.values()]);
    const { pass, value } = found as unknown as { pass: ModelPass; value: ObjectiveValue };
    return { total, value, pass, gradients: byOwnName(grads, phase.variables) };
  }

  #movesModel({ variables }: Phase): boolean {
    const own = new Set(this.#parts.model.variables().values());
    return [...variables.values()].some((variable) => own.has(variable));
  }

  /** @param pass of this step, where there is one that may be used again */
  #evaluate(
    { name, objective }: Phase,
    inputs: StepInputs,
    pass?: ModelPass,
  ): { readonly pass: ModelPass; readonly value: ObjectiveValue } {
    const pixels = inputs.pixels as tf.Tensor4D;
    const seen = pass ?? { pixels, ...this.#parts.model.forward(pixels) };
    return { pass: seen, value: objective.evaluate(seen, scalarsOf(inputs, `${name}/objective/`)) };
  }

  /** Goes through a step that failed once more, now reading what each of its parts holds. Changes no variable. */
  async #firstNonFinite(due: readonly Phase[], inputs: StepInputs): Promise<string | undefined> {
    const { model, phases } = this.#parts;
    const weights = () =>
      new Map<string, tf.Tensor>(
        [model.variables(), ...modulesOf(phases).map(namedVariables)]
          .flatMap((variables) => [...variables])
          .map(([name, weight]) => [`weight "${name}"`, weight]),
      );
    const passed = () => {
      const { reconstruction, latents, quantization } = model.forward(inputs.pixels as tf.Tensor4D);
      return new Map<string, tf.Tensor>([
        ["the encoder's latents", latents],
        ["the quantized latents", quantization.quantized],
        ["the reconstruction", reconstruction],
      ]);
    };
    const stages: (() => ReadonlyMap<string, tf.Tensor>)[] = [weights, passed];
    for (const phase of due) {
      stages.push(() => {
        const { terms } = this.#evaluate(phase, inputs).value;
        return new Map(terms.map(({ name, value }) => [`${name}Loss`, value]));
      });
      stages.push(() => {
        const minimised = () => weightedSum(this.#evaluate(phase, inputs).value.terms);
        const { grads } = tf.variableGrads(minimised, [...phase.variables.values()]);
        const named = [...byOwnName(grads, phase.variables)];
        return new Map(named.map(([name, gradient]) => [`gradient of "${name}"`, gradient]));
      });
    }
    for (const stage of stages) {
      const found = await firstNonFinite(stage);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** The scalars of a step in the order in which they are read, and what each of them is. */
class FigureList {
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

  addPhase(phase: string, { total, value, norm }: Differentiated & { readonly norm: tf.Scalar }): void {
    this.add({ field: phaseField(phase, "totalLoss") }, total);
    for (const [field, scalar] of Object.entries(value.figures)) this.add({ field }, scalar);
    this.add({ field: phaseField(phase, "gradientNorm") }, norm);
    for (const { name, value: loss, weight } of value.terms) {
      this.add({ term: name, weight: typeof weight === "number" ? weight : null }, loss);
      if (typeof weight !== "number") this.add({ weightOf: name }, weight);
    }
  }

  stacked(): tf.Tensor1D {
    return tf.stack(this.#scalars) as tf.Tensor1D;
  }
}

/** Of the inputs of a step those under a prefix, by the rest of their names. */
function scalarsOf(inputs: StepInputs, prefix: string): Record<string, tf.Scalar> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor as tf.Scalar]] : [],
    ),
  );
}

/** What is minimised. */
function weightedSum(terms: readonly ObjectiveTerm[]): tf.Scalar {
  return terms.map(({ value, weight }) => tf.mul(value, weight)).reduce((a, b) => tf.add(a, b)) as tf.Scalar;
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
    latents,
    quantization.quantized,
    quantization.indices,
    reconstruction,
  ];
}
