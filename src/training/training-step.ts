import { type ImageAutoencoder, pixelsToTensor } from "../autoencoder/index.js";
import { BackendError, RecordedFunction } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { Random } from "../core/random.js";
import type { ImageBatch } from "../data/index.js";
import { quantizationError } from "../evaluation/index.js";
import { type ModelPass, modulesOf, namedVariables, type Phase, updateAt } from "../losses/index.js";
import { globalNorm, type WeightAverage } from "../nn/optimizer/index.js";
import * as tf from "../tf/index.js";
import { forgetRows } from "./forget-rows.js";
import { firstNonFinite, NonFiniteError, nonFiniteFigure } from "./non-finite.js";
import {
  differentiate,
  evaluate,
  QUANTIZER_INPUTS,
  quantizerInputs,
  type StepInputs,
  scalarsOf,
} from "./phase-gradients.js";
import { type Figure, outcomeOf, StepFigures, type StepOutcome } from "./step-figures.js";

export interface TrainingStepParts {
  readonly model: ImageAutoencoder;
  /** The first is the model's, due at every step. */
  readonly phases: readonly Phase[];
  /** Over the model's variables; null keeps no average. */
  readonly average: WeightAverage | null;
  /** Names the streams that the quantizer draws from, one for each step; 0 unless given. */
  readonly seed?: number;
}

/** What is read when the step is run. */
type StepOutputs = {
  /** In the order of the figures. */
  readonly scalars: tf.Tensor1D;
  /** [N, H, W, Q]. */
  readonly indices: tf.Tensor4D;
  /** 1 for a code that was replaced, [Q, K]; absent for a quantizer that never does. */
  readonly replaced?: tf.Tensor2D;
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
    const before = new VariableSnapshot(this.#variables());
    let outputs: StepOutputs | undefined;
    try {
      outputs = await plan.call(inputs, { record });
      const [values, indices, replaced] = await Promise.all([
        outputs.scalars.data(),
        outputs.indices.data(),
        outputs.replaced?.data(),
      ]);
      const outcome = {
        ...outcomeOf(plan.figures, values as Float32Array, indices as Int32Array),
        ...(replaced === undefined ? {} : { replaced: replaced as Float32Array }),
      };
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
      `step ${step}: expected quantizer "${kind}"${others.join("")}, which says that it is repeatable, to make the operations of step ${recorded}, got others: steps after ${recorded} may be wrong. Leave \`repeatable\` out of it, and train again, or resume from a checkpoint up to step ${recorded}.`,
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
      for (const [name, tensor] of Object.entries(this.#drawn(batch, step))) {
        inputs[`${QUANTIZER_INPUTS}${name}`] = tensor;
      }
      if (average !== null) inputs.share = average.stepShare(step);
      return inputs;
    });
  }

  /** What the quantizer draws for a step, from a stream of its own. */
  #drawn({ count, height, width }: ImageBatch, step: number): Readonly<Record<string, tf.Tensor>> {
    const { model, seed = 0 } = this.#parts;
    const { downsamplingFactor: factor } = model.config;
    const grid = [count, height / factor, width / factor] as const;
    const random = new Random(seed, "quantizer noise", step);
    return model.quantizer.trainingInputs?.({ step, grid, random }) ?? {};
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
    const { model } = this.#parts;
    const figures = new StepFigures();
    const kept: tf.Tensor[] = [];
    try {
      let pass: ModelPass | undefined;
      let replaced: tf.Tensor2D | undefined;
      for (const phase of due) {
        const result = differentiate(phase, { model, inputs, pass, kept });
        const norm = globalNorm([...result.gradients.values()]);
        phase.optimizer.apply(result.gradients, scalarsOf(inputs, `${phase.name}/optimizer/`), norm);
        const isFirst = pass === undefined; // the model's
        if (isFirst) replaced = this.#learnBesides(result.pass, inputs);
        pass ??= result.pass;
        figures.addPhase(phase.name, { ...result, norm });
        if (isFirst && replaced !== undefined) figures.add({ field: "replacedCodes" }, tf.sum(replaced));
      }
      const { latents, quantization } = pass as ModelPass; // the model's phase is due at every step
      figures.add({ field: "quantizationError" }, quantizationError(latents, quantization.quantized));
      return {
        outputs: {
          scalars: figures.stacked(),
          indices: tf.clone(quantization.indices),
          ...(replaced === undefined ? {} : { replaced }),
        },
        figures: figures.meanings,
      };
    } finally {
      tf.dispose(kept);
    }
  }

  /**
   * What learns without gradients, after the model's phase.
   *
   * @returns 1 for each code that was replaced, [Q, K]; undefined for a quantizer that never does
   */
  #learnBesides({ latents, quantization }: ModelPass, inputs: StepInputs): tf.Tensor2D | undefined {
    const { model, phases, average } = this.#parts;
    const { quantizer } = model;
    const { indices } = quantization;
    quantizer.updateCodebook(latents, indices);
    const drawn = quantizerInputs(model, inputs) ?? {};
    const replacement = quantizer.replaceDeadCodes?.(latents, indices, drawn);
    if (inputs.share !== undefined) average?.update(inputs.share as tf.Scalar);
    if (replacement === undefined) return undefined;
    forgetRows(replacement, { model, optimizers: phases.map(({ optimizer }) => optimizer), average });
    return replacement.codes;
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
        const { terms } = evaluate(phase, { model, inputs }).value;
        return new Map(terms.map(({ name, value }) => [`${name}Loss`, value]));
      });
      stages.push(() => {
        const kept: tf.Tensor[] = [];
        const { gradients } = differentiate(phase, { model, inputs, kept });
        tf.dispose(kept);
        return new Map([...gradients].map(([name, gradient]) => [`gradient of "${name}"`, gradient]));
      });
    }
    for (const stage of stages) {
      const found = await firstNonFinite(stage);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/**
 * The present values of variables, to be put back if what follows turns out to be worthless. Nothing is copied or
 * computed: a second handle keeps the old data alive while the variables get new data.
 */
class VariableSnapshot {
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
