import * as tf from "@tensorflow/tfjs";
import {
  type ImageAutoencoder,
  pixelsToTensor,
  type ReconstructionLossConfig,
  type ReconstructionLossName,
  reconstructionLoss,
} from "../autoencoder/index.js";
import { RecordedFunction } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import type { ImageBatch } from "../data/index.js";
import { quantizationError } from "../evaluation/index.js";
import type { QuantizerLossName } from "../quantizers/index.js";
import { clipByGlobalNorm } from "./gradient-clipping.js";
import type { Adam, StepOptions, StepScalars } from "./optimizer.js";
import { type LossFields, lossFields } from "./step-metrics.js";
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

/** What a step found before it changed the weights. */
export interface StepOutcome {
  readonly losses: LossFields & { readonly totalLoss: number; readonly reconstructionLoss: number };
  readonly gradientNorm: number;
  readonly quantizationError: number;
  /** [N, H, W, Q], flat. */
  readonly indices: Int32Array;
}

type LossName = ReconstructionLossName | QuantizerLossName;

/** One loss in the forward pass. */
interface LossTerm {
  readonly name: LossName;
  readonly value: tf.Scalar;
  readonly weight: number;
}

/** Tensors of the forward pass that outlive the gradient's own scope. */
interface ForwardPass {
  readonly terms: readonly LossTerm[];
  readonly reconstructionLoss: tf.Scalar;
  readonly latents: tf.Tensor4D;
  readonly quantized: tf.Tensor4D;
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
  readonly #call: (inputs: StepInputs) => Promise<StepOutputs>;
  /** The losses of the forward pass, without their values. */
  #terms: readonly Omit<LossTerm, "value">[] = [];

  constructor(parts: TrainingStepParts) {
    this.#parts = parts;
    this.#trainable = parts.model.trainableVariables();
    const body = (inputs: StepInputs) => this.#compute(inputs);
    const recorded = new RecordedFunction(body);
    this.#call =
      parts.model.quantizer.repeatable === true
        ? (inputs) => recorded.call(inputs)
        : async (inputs) => tf.tidy(() => body(inputs));
  }

  /**
   * @param options.step 1 for the first
   * @throws VqkitError("numerics") when a loss or the gradient norm is not finite; the weights are spoilt then
   */
  async run(batch: ImageBatch, options: StepOptions): Promise<StepOutcome> {
    const inputs = this.#inputs(batch, options);
    let outputs: StepOutputs | undefined;
    try {
      outputs = await this.#call(inputs);
      const [values, chosen] = await Promise.all([outputs.scalars.data(), outputs.indices.data()]);
      const [totalLoss = Number.NaN, reconstruction = Number.NaN, norm = Number.NaN, error = Number.NaN] =
        values;
      const losses = this.#terms.map(({ name, weight }, i) =>
        lossFields(name, values[4 + i] as number, weight),
      );
      const outcome = {
        losses: Object.assign({ totalLoss, reconstructionLoss: reconstruction }, ...losses),
        gradientNorm: norm,
        quantizationError: error,
        indices: chosen as Int32Array,
      };
      checkFinite(outcome, options.step);
      return outcome;
    } finally {
      tf.dispose([inputs, outputs ?? []]);
    }
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
    let pass: ForwardPass | undefined;
    try {
      const objective = (): tf.Scalar => {
        pass = kept(this.#forward(pixels));
        return pass.terms
          .map(({ value, weight }) => tf.mul(value, weight))
          .reduce((a, b) => tf.add(a, b)) as tf.Scalar;
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
      terms: [...lossTerms(terms, loss), ...lossTerms(losses, model.quantizer.lossWeights)],
      reconstructionLoss: total,
      latents,
      quantized,
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

function lossTerms<N extends LossName>(
  values: Readonly<Partial<Record<N, tf.Scalar>>>,
  weights: Readonly<Record<N, number>>,
): LossTerm[] {
  return (Object.keys(values) as N[]).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [{ name, value, weight: weights[name] }];
  });
}

function tensorsOf({
  terms,
  reconstructionLoss: loss,
  latents,
  quantized,
  indices,
}: ForwardPass): tf.Tensor[] {
  return [...terms.map(({ value }) => value), loss, latents, quantized, indices];
}

function kept(pass: ForwardPass): ForwardPass {
  for (const tensor of tensorsOf(pass)) tf.keep(tensor);
  return pass;
}

function checkFinite({ losses, gradientNorm, quantizationError: error }: StepOutcome, step: number): void {
  for (const [name, value] of Object.entries({ ...losses, gradientNorm, quantizationError: error })) {
    if (Number.isFinite(value)) continue;
    throw new VqkitError(
      "numerics",
      `step ${step}: expected a finite ${name}, got ${value}. Lower learningRate or set gradientClip.`,
    );
  }
}
