import * as tf from "@tensorflow/tfjs";
import {
  type ImageAutoencoder,
  pixelsToTensor,
  type ReconstructionLossConfig,
  reconstructionLoss,
  reconstructionLossNames,
} from "../autoencoder/index.js";
import { BackendError, RecordedFunction } from "../backend/index.js";
import { ConfigError, VqkitError } from "../core/errors.js";
import type { ImageBatch } from "../data/index.js";
import { quantizationError } from "../evaluation/index.js";
import type { Quantizer, QuantizerOutput } from "../quantizers/index.js";
import { clipByGlobalNorm } from "./gradient-clipping.js";
import { HeldValues } from "./held-values.js";
import { firstNonFinite, NonFiniteError, nonFiniteFigure } from "./non-finite.js";
import type { Adam, StepOptions, StepScalars } from "./optimizer.js";
import { lossFields } from "./step-metrics.js";
import type { StepOutcome } from "./step-outcome.js";
import type { WeightAverage } from "./weight-average.js";

export interface TrainingStepParts {
  readonly model: ImageAutoencoder;
  /** Over the model's variables. */
  readonly optimizer: Adam;
  /** Over the model's variables; null keeps no average. */
  readonly average: WeightAverage | null;
  readonly loss: ReconstructionLossConfig;
  /** Largest global norm of the gradients; null is off. */
  readonly gradientClip: number | null;
}

/** One loss in the forward pass. */
interface LossTerm {
  readonly name: string;
  readonly value: tf.Scalar;
  readonly weight: number;
}

/** Tensors of the forward pass that outlive the gradient's own scope. */
interface ForwardPass {
  readonly terms: readonly LossTerm[];
  readonly reconstructionLoss: tf.Scalar;
  readonly latents: tf.Tensor4D;
  readonly quantized: tf.Tensor4D;
  readonly reconstruction: tf.Tensor4D;
  readonly indices: tf.Tensor4D;
}

/** All that differs from one step to the next, but for the variables. */
type StepInputs = StepScalars & {
  /** [N, H, W, 3] in -1..1. */
  readonly pixels: tf.Tensor4D;
  /** 1 − dₜ of the weight average; absent without one. */
  readonly share?: tf.Scalar;
};

/** What is read when the step is run. */
type StepOutputs = {
  /** [4 + terms]: total loss, reconstruction loss, gradient norm, quantization error, then the terms. */
  readonly scalars: tf.Tensor1D;
  readonly indices: tf.Tensor4D;
};

/**
 * Makes training steps: forward, gradients, clipping, optimizer, the codebook's own learning, the weight average.
 *
 * All of it is recorded before anything is read, and everything is read at once, so that a recording engine runs a
 * step as one graph. A quantizer that allows it lets the engine repeat the graph without recording it at each step.
 */
export class TrainingStep {
  readonly #parts: TrainingStepParts;
  readonly #trainable: ReadonlyMap<string, tf.Variable>;
  readonly #call: (inputs: StepInputs, options: { readonly record: boolean }) => Promise<StepOutputs>;
  /** The losses of the forward pass, without their values. */
  #terms: readonly Omit<LossTerm, "value">[] = [];
  /** The step under way, and the last that was recorded, not repeated. */
  #step = 0;
  #recordedStep = 0;

  constructor(parts: TrainingStepParts) {
    this.#parts = parts;
    this.#trainable = parts.model.trainableVariables();
    const body = (inputs: StepInputs) => this.#compute(inputs);
    const recorded = new RecordedFunction(body);
    this.#call =
      parts.model.quantizer.repeatable === true
        ? (inputs, options) => recorded.call(inputs, options)
        : async (inputs) => tf.tidy(() => body(inputs));
  }

  /**
   * Makes a step, or none: when a loss or the gradient norm is not finite, all variables are as they were.
   *
   * @param options.step 1 for the first
   * @param options.check before the result is kept: makes sure that no step since the last check was repeated wrongly
   * @throws NonFiniteError naming the tensor that went bad; VqkitError("run") for a quantizer that says it is repeatable
   * and is not what it was some steps ago
   */
  async run(
    batch: ImageBatch,
    { check = false, ...options }: StepOptions & { readonly check?: boolean },
  ): Promise<StepOutcome> {
    const inputs = this.#inputs(batch, options);
    const recordedStep = this.#recordedStep;
    this.#step = options.step;
    const before = new HeldValues(this.#variables());
    let outputs: StepOutputs | undefined;
    try {
      outputs = await this.#call(inputs, { record: check });
      const outcome = await this.#outcome(outputs);
      const bad = nonFiniteFigure(outcome);
      if (bad === undefined) return outcome;
      before.restore();
      const tensor = (await this.#firstNonFinite(inputs.pixels)) ?? bad.figure;
      throw new NonFiniteError(options.step, { ...bad, tensor }, outcome);
    } catch (error) {
      if (!(error instanceof BackendError) || error.code !== "not-repeatable") throw error;
      before.restore();
      throw this.#notRepeatable(options.step, recordedStep, error);
    } finally {
      before.release();
      tf.dispose([inputs, outputs ?? []]);
    }
  }

  #notRepeatable(step: number, recorded: number, cause: BackendError): VqkitError {
    const { kind } = this.#parts.model.quantizer.config;
    return new VqkitError(
      "run",
      `step ${step}: expected quantizer "${kind}", which says that it is repeatable, to make the operations of step ${recorded}, got others: steps after ${recorded} may be wrong. Leave \`repeatable\` out of it, and train again, or go on from a checkpoint up to step ${recorded}.`,
      { cause },
    );
  }

  async #outcome({ scalars, indices }: StepOutputs): Promise<StepOutcome> {
    const [values, chosen] = await Promise.all([scalars.data(), indices.data()]);
    const [totalLoss = Number.NaN, reconstruction = Number.NaN, norm = Number.NaN, error = Number.NaN] =
      values;
    const losses = this.#terms.map(({ name, weight }, i) =>
      lossFields(name, values[4 + i] as number, weight),
    );
    return {
      losses: Object.assign({ totalLoss, reconstructionLoss: reconstruction }, ...losses),
      gradientNorm: norm,
      quantizationError: error,
      indices: chosen as Int32Array,
    };
  }

  /** Everything that a step assigns. */
  *#variables(): Generator<tf.Variable> {
    const { model, optimizer, average } = this.#parts;
    yield* model.variables().values();
    yield* optimizer.state().values();
    if (average !== null) yield* average.values().values();
  }

  /** Goes through a step that failed once more, now reading what each of its parts holds. Changes no variable. */
  async #firstNonFinite(pixels: tf.Tensor4D): Promise<string | undefined> {
    const weights = () =>
      new Map([...this.#parts.model.variables()].map(([name, weight]) => [`weight "${name}"`, weight]));
    const passed = () => {
      const { latents, quantized, reconstruction, terms } = this.#forward(pixels);
      const losses = terms.map(({ name, value }): [string, tf.Tensor] => [`${name}Loss`, value]);
      return new Map<string, tf.Tensor>([
        ["the encoder's latents", latents],
        ["the quantized latents", quantized],
        ["the reconstruction", reconstruction],
        ...losses,
      ]);
    };
    const gradients = () => {
      const { grads } = tf.variableGrads(
        () => objectiveOf(this.#forward(pixels)),
        [...this.#trainable.values()],
      );
      const named = [...this.#byModelName(grads)];
      return new Map(named.map(([name, gradient]) => [`gradient of "${name}"`, gradient]));
    };
    return (
      (await firstNonFinite(weights)) ?? (await firstNonFinite(passed)) ?? (await firstNonFinite(gradients))
    );
  }

  #inputs(batch: ImageBatch, options: StepOptions): StepInputs {
    const { optimizer, average } = this.#parts;
    return tf.tidy(() => ({
      pixels: pixelsToTensor(batch),
      ...optimizer.stepScalars(options),
      ...(average !== null && { share: average.stepShare(options.step) }),
    }));
  }

  /** The whole step, as operations on tensors. Reads no value, and nothing that changes but its inputs and variables. */
  #compute({ pixels, share, ...scalars }: StepInputs): StepOutputs {
    const { model, optimizer, average, gradientClip } = this.#parts;
    this.#recordedStep = this.#step;
    let pass: ForwardPass | undefined;
    try {
      const objective = (): tf.Scalar => {
        pass = kept(this.#forward(pixels));
        return objectiveOf(pass);
      };
      const { value: total, grads } = tf.variableGrads(objective, [...this.#trainable.values()]);
      const { terms, latents, quantized, indices, ...forward } = pass as unknown as ForwardPass;
      const { gradients, norm } = clipByGlobalNorm(this.#byModelName(grads), gradientClip);
      optimizer.apply(gradients, scalars);
      model.quantizer.updateCodebook(latents, indices);
      if (share !== undefined) average?.update(share);
      this.#terms = terms.map(({ name, weight }) => ({ name, weight }));
      const figures = [total, forward.reconstructionLoss, norm, quantizationError(latents, quantized)];
      return {
        scalars: tf.stack([...figures, ...terms.map(({ value }) => value)]) as tf.Tensor1D,
        indices: tf.clone(indices),
      };
    } finally {
      if (pass !== undefined) tf.dispose(tensorsOf(pass));
    }
  }

  #forward(pixels: tf.Tensor4D): ForwardPass {
    const { model, loss } = this.#parts;
    const { reconstruction, latents, quantization } = model.forward(pixels);
    const { quantized, indices, losses } = quantization;
    const { total, terms } = reconstructionLoss(pixels, reconstruction, loss);
    return {
      terms: [...lossTerms(terms, loss), ...quantizerTerms(model.quantizer, losses)],
      reconstructionLoss: total,
      latents,
      quantized,
      reconstruction,
      indices,
    };
  }

  /** tfjs names gradients by the engine's names, which differ from run to run; the model's names do not. */
  #byModelName(grads: Readonly<Record<string, tf.Tensor>>): Map<string, tf.Tensor> {
    const named = new Map<string, tf.Tensor>();
    for (const [name, variable] of this.#trainable) {
      const gradient = grads[variable.name];
      if (gradient !== undefined) named.set(name, gradient);
    }
    return named;
  }
}

function lossTerms<N extends string>(
  values: Readonly<Partial<Record<N, tf.Scalar>>>,
  weights: Readonly<Record<N, number>>,
): LossTerm[] {
  return (Object.keys(values) as N[]).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [{ name, value, weight: weights[name] }];
  });
}

/** Records already have `totalLoss`, `reconstructionLoss` and a loss for each of these. */
const TAKEN: readonly string[] = ["total", "reconstruction", ...reconstructionLossNames];

/** @throws ConfigError for a loss without a weight, and for one whose name is taken */
function quantizerTerms({ lossWeights }: Quantizer, losses: QuantizerOutput["losses"]): LossTerm[] {
  for (const name of Object.keys(losses)) {
    const where = `quantizer.lossWeights.${name}`;
    if (TAKEN.includes(name)) {
      throw new ConfigError(
        where,
        "expected a name of its own, got one of training's own losses. Rename it.",
      );
    }
    if (!Number.isFinite(lossWeights[name])) {
      const got = String(lossWeights[name]);
      throw new ConfigError(
        where,
        `expected the weight of that loss, got ${got}. Set it; 0 only records it.`,
      );
    }
  }
  return lossTerms(losses, lossWeights);
}

/** What is minimised. */
function objectiveOf({ terms }: ForwardPass): tf.Scalar {
  return terms.map(({ value, weight }) => tf.mul(value, weight)).reduce((a, b) => tf.add(a, b)) as tf.Scalar;
}

/** What the rest of a step uses. */
function tensorsOf({ terms, reconstructionLoss, latents, quantized, indices }: ForwardPass): tf.Tensor[] {
  return [...terms.map(({ value }) => value), reconstructionLoss, latents, quantized, indices];
}

function kept(pass: ForwardPass): ForwardPass {
  for (const tensor of tensorsOf(pass)) tf.keep(tensor);
  return pass;
}
