import type { ImageBatch } from "../data/index.js";
import { quantizationError } from "../evaluation/index.js";
import type { ModelPass, Phase } from "../losses/index.js";
import { globalNorm } from "../nn/optimizer/index.js";
import * as tf from "../tf/index.js";
import { NonFiniteError, nonFiniteFigure } from "./non-finite.js";
import { differentiate, type StepInputs, scalarsOf } from "./phase-gradients.js";
import { type Figure, outcomeOf, StepFigures, type StepOutcome } from "./step-figures.js";
import {
  drawnInputs,
  duePhases,
  firstNonFiniteOf,
  gradientInputs,
  learnBesides,
  stepVariables,
  type TrainingStepParts,
  updateInputs,
  VariableSnapshot,
} from "./step-parts.js";
import { StepPlans } from "./step-plans.js";

/** What is read when the step is run. */
type StepOutputs = {
  /** In the order of the figures. */
  readonly scalars: tf.Tensor1D;
  /** [N, H, W, Q]. */
  readonly indices: tf.Tensor4D;
  /** 1 for a code that was replaced, [Q, K]; absent for a quantizer that never does. */
  readonly replaced?: tf.Tensor2D;
};

/** Makes the steps of a run. */
export interface StepMaker {
  /**
   * Makes a step, or none: when a loss or a gradient norm is not finite, all variables are as they were.
   *
   * @param step 1 for the first
   * @param options.check before the result is kept: makes sure that no step since the last check was repeated wrongly
   * (of steps with other phases, when these are due again)
   * @throws NonFiniteError naming the tensor that went bad; VqkitError("run") for a quantizer or objective that says it
   * is repeatable and is not what it was some steps ago
   */
  run(batch: ImageBatch, step: number, options?: { readonly check?: boolean }): Promise<StepOutcome>;
  /** Frees what it holds between steps; the parts are the caller's. */
  dispose(): void;
}

/**
 * Makes training steps: for each phase that is due forward, gradients and its optimizer; with the model's phase the
 * codebook's own learning and the weight average.
 *
 * All of it is recorded before anything is read, and everything is read at once, so that a recording engine runs a
 * step as one graph.
 */
export class TrainingStep implements StepMaker {
  readonly #parts: TrainingStepParts;
  readonly #plans = new StepPlans<StepOutputs>((due, inputs) => this.#compute(due, inputs));

  constructor(parts: TrainingStepParts) {
    this.#parts = parts;
  }

  async run(batch: ImageBatch, step: number, { check = false } = {}): Promise<StepOutcome> {
    const due = duePhases(this.#parts, step);
    if (check) this.#plans.uncheck();
    const inputs = tf.tidy(() => ({
      ...gradientInputs(batch, due, step),
      ...updateInputs(this.#parts, due, step),
      ...drawnInputs(this.#parts, batch, step),
    }));
    const plan = this.#plans.of(due, inputs);
    const before = new VariableSnapshot(stepVariables(this.#parts));
    let outputs: StepOutputs | undefined;
    try {
      const { kind } = this.#parts.model.quantizer.config;
      outputs = await this.#plans.run(plan, inputs, { step, kind, undo: () => before.restore() });
      const [values, indices, replaced] = await Promise.all([
        outputs.scalars.data(),
        outputs.indices.data(),
        outputs.replaced?.data(),
      ]);
      const outcome = outcomeOf(plan.figures, {
        scalars: values as Float32Array,
        indices: indices as Int32Array,
        replaced: replaced as Float32Array | undefined,
      });
      const bad = nonFiniteFigure(outcome);
      if (bad === undefined) return outcome;
      before.restore();
      const tensor = (await firstNonFiniteOf(this.#parts, due, inputs)) ?? bad.figure;
      throw new NonFiniteError(step, { ...bad, tensor }, outcome);
    } finally {
      before.release();
      tf.dispose([inputs, outputs ?? []]);
    }
  }

  dispose(): void {
    // Holds nothing.
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
        for (const { variable, value } of result.value.updates ?? []) variable.assign(value);
        const isFirst = pass === undefined; // the model's
        const { latents, quantization } = result.pass;
        if (isFirst) {
          replaced = learnBesides(this.#parts, { latents, indices: quantization.indices }, inputs);
        }
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
}
