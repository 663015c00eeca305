import { joinArrays } from "../core/typed-arrays.js";
import type { ImageBatch } from "../data/index.js";
import { quantizationError } from "../evaluation/index.js";
import type { ModelPass, Phase } from "../losses/index.js";
import { globalNorm } from "../nn/optimizer/index.js";
import * as tf from "../tf/index.js";
import { NonFiniteError, nonFiniteFigure } from "./non-finite.js";
import { differentiate, type StepInputs, scalarsOf } from "./phase-gradients.js";
import { type Figure, outcomeOf, StepFigures, type StepOutcome } from "./step-figures.js";
import { phaseField } from "./step-metrics.js";
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
import type { StepMaker } from "./training-step.js";

/** What is read of one part of a batch. */
type PartOutputs = {
  /** In the order of the figures. */
  readonly scalars: tf.Tensor1D;
  /** [n, H, W, Q] */
  readonly indices: tf.Tensor4D;
  /** [n, H, W, D], for what learns without gradients. */
  readonly latents: tf.Tensor4D;
};

/** What is read of the update. */
type UpdateOutputs = {
  readonly scalars: tf.Tensor1D;
  /** 1 for a code that was replaced, [Q, K]; absent for a quantizer that never does. */
  readonly replaced?: tf.Tensor2D;
};

/**
 * Makes training steps whose batch is larger than memory holds at once: gradients are computed of one part of it after
 * another and added up, then every phase makes one update with their mean, and the codebook learns from the latents of
 * the whole batch.
 *
 * Equal to a step of the whole batch up to rounding where losses are means over images. What is not: noise that a
 * quantizer draws, losses of the whole batch's statistics (entropies of its mean), batch norm, and adaptive weights,
 * which are of each part; running means of a discriminator move once a part.
 */
export class AccumulatedStep implements StepMaker {
  readonly #parts: TrainingStepParts;
  readonly #count: number;
  /** Sums of gradients by phase and variable; what they hold between steps counts for nothing. */
  readonly #sums: ReadonlyMap<Phase, ReadonlyMap<string, tf.Variable>>;
  /** Variables that have a gradient, by phase: the others are left alone, as in a step of one part. */
  readonly #learning = new Map<Phase, Set<string>>();
  readonly #gradients = new StepPlans<PartOutputs>((due, inputs) => this.#computePart(due, inputs));
  readonly #updates = new StepPlans<UpdateOutputs>((due, inputs) => this.#computeUpdate(due, inputs));

  /** @param count parts of a batch, which it divides */
  constructor(parts: TrainingStepParts, count: number) {
    this.#parts = parts;
    this.#count = count;
    const zero = (variable: tf.Variable) => tf.tidy(() => tf.variable(tf.zeros(variable.shape), false));
    this.#sums = new Map(
      parts.phases.map((phase) => [
        phase,
        new Map([...phase.variables].map(([name, variable]) => [name, zero(variable)])),
      ]),
    );
  }

  async run(batch: ImageBatch, step: number, { check = false } = {}): Promise<StepOutcome> {
    const due = duePhases(this.#parts, step);
    if (check) for (const plans of [this.#gradients, this.#updates]) plans.uncheck();
    const before = new VariableSnapshot([...stepVariables(this.#parts), ...this.#sumVariables()]);
    const made: PartOutputs[] = [];
    const options = {
      step,
      kind: this.#parts.model.quantizer.config.kind,
      undo: () => before.restore(),
    };
    try {
      const results: PartResult[] = [];
      for (const [i, part] of partsOf(batch, this.#count).entries()) {
        results.push(await this.#part(part, { due, number: i, made, before, ...options }));
      }
      return await this.#update(batch, { due, made, results, before, ...options });
    } finally {
      before.release();
      tf.dispose(made);
    }
  }

  dispose(): void {
    tf.dispose([...this.#sumVariables()]);
  }

  /** Adds the gradients of one part of the batch. */
  async #part(part: ImageBatch, { due, number, made, before, ...options }: PartOptions): Promise<PartResult> {
    const { step } = options;
    const inputs = tf.tidy(() => ({
      ...gradientInputs(part, due, step),
      ...drawnInputs(this.#parts, part, step, number),
      // Of the sums so far: those of the step before are dropped.
      kept: tf.scalar(number === 0 ? 0 : 1),
    }));
    const plan = this.#gradients.of(due, inputs);
    try {
      const outputs = await this.#gradients.run(plan, inputs, options);
      made.push(outputs);
      const [values, indices] = await Promise.all([outputs.scalars.data(), outputs.indices.data()]);
      const result = { values: values as Float32Array, indices: indices as Int32Array };
      const outcome = outcomeOf([...plan.figures, { field: "gradientNorm" }], {
        scalars: Float32Array.of(...result.values, 0),
        indices: result.indices,
      });
      const bad = nonFiniteFigure(outcome);
      if (bad === undefined) return { ...result, figures: plan.figures };
      before.restore();
      const tensor = (await firstNonFiniteOf(this.#parts, due, inputs)) ?? bad.figure;
      throw new NonFiniteError(step, { ...bad, tensor }, outcome);
    } finally {
      tf.dispose(inputs);
    }
  }

  /** Moves the weights by the sums. */
  async #update(
    batch: ImageBatch,
    { due, made, results, before, ...options }: UpdateOptions,
  ): Promise<StepOutcome> {
    const { step } = options;
    const inputs = tf.tidy(() => ({
      ...updateInputs(this.#parts, due, step),
      ...drawnInputs(this.#parts, batch, step),
      latents: tf.concat(
        made.map(({ latents }) => latents),
        0,
      ),
      indices: tf.concat(
        made.map(({ indices }) => indices),
        0,
      ),
    }));
    let outputs: UpdateOutputs | undefined;
    try {
      const plan = this.#updates.of(due, inputs);
      outputs = await this.#updates.run(plan, inputs, options);
      const [values, replaced] = await Promise.all([outputs.scalars.data(), outputs.replaced?.data()]);
      const figures = [...(results[0]?.figures ?? []), ...plan.figures];
      const all = Float32Array.of(...meanOf(results.map((each) => each.values)), ...(values as Float32Array));
      const outcome = outcomeOf(figures, {
        scalars: all,
        indices: joinArrays(
          results.map(({ indices }) => indices),
          (n) => new Int32Array(n),
        ),
        replaced: replaced as Float32Array | undefined,
      });
      const bad = nonFiniteFigure(outcome);
      if (bad === undefined) return outcome;
      before.restore();
      throw new NonFiniteError(step, { ...bad, tensor: bad.figure }, outcome);
    } finally {
      tf.dispose([inputs, outputs ?? []]);
    }
  }

  /** Operations on tensors alone, as a step's. */
  #computePart(
    due: readonly Phase[],
    inputs: StepInputs,
  ): { readonly outputs: PartOutputs; readonly figures: readonly Figure[] } {
    const { model } = this.#parts;
    const figures = new StepFigures();
    const kept: tf.Tensor[] = [];
    try {
      let pass: ModelPass | undefined;
      for (const phase of due) {
        const { gradients, ...result } = differentiate(phase, { model, inputs, pass, kept });
        this.#learning.set(phase, new Set(gradients.keys()));
        for (const [name, gradient] of gradients) {
          const sum = this.#sums.get(phase)?.get(name);
          sum?.assign(tf.add(tf.mul(sum, inputs.kept as tf.Scalar), tf.div(gradient, this.#count)));
        }
        for (const { variable, value } of result.value.updates ?? []) variable.assign(value);
        pass ??= result.pass;
        figures.addPhase(phase.name, result);
      }
      const { latents, quantization } = pass as ModelPass; // the model's phase is due at every step
      figures.add({ field: "quantizationError" }, quantizationError(latents, quantization.quantized));
      return {
        outputs: {
          scalars: figures.stacked(),
          indices: tf.clone(quantization.indices),
          latents: tf.clone(latents),
        },
        figures: figures.meanings,
      };
    } finally {
      tf.dispose(kept);
    }
  }

  #computeUpdate(
    due: readonly Phase[],
    inputs: StepInputs,
  ): { readonly outputs: UpdateOutputs; readonly figures: readonly Figure[] } {
    const figures = new StepFigures();
    let replaced: tf.Tensor2D | undefined;
    for (const [i, phase] of due.entries()) {
      const learning = this.#learning.get(phase);
      const sums = new Map<string, tf.Tensor>(
        [...(this.#sums.get(phase) ?? [])].filter(([name]) => learning?.has(name)),
      );
      const norm = globalNorm([...sums.values()]);
      figures.add({ field: phaseField(phase.name, "gradientNorm") }, norm);
      phase.optimizer.apply(sums, scalarsOf(inputs, `${phase.name}/optimizer/`), norm);
      if (i > 0) continue;
      const { latents, indices } = inputs as { latents: tf.Tensor4D; indices: tf.Tensor4D } & StepInputs;
      replaced = learnBesides(this.#parts, { latents, indices }, inputs);
      if (replaced !== undefined) figures.add({ field: "replacedCodes" }, tf.sum(replaced));
    }
    return {
      outputs: { scalars: figures.stacked(), ...(replaced === undefined ? {} : { replaced }) },
      figures: figures.meanings,
    };
  }

  *#sumVariables(): Generator<tf.Variable> {
    for (const sums of this.#sums.values()) yield* sums.values();
  }
}

interface RunOptions {
  readonly step: number;
  readonly kind: string;
  readonly undo: () => void;
  readonly before: VariableSnapshot;
  /** Of the parts so far; disposed of after the step. */
  readonly made: PartOutputs[];
}

interface PartOptions extends RunOptions {
  readonly due: readonly Phase[];
  /** 0 for the first. */
  readonly number: number;
}

interface PartResult {
  readonly values: Float32Array;
  readonly indices: Int32Array;
  readonly figures: readonly Figure[];
}

interface UpdateOptions extends RunOptions {
  readonly due: readonly Phase[];
  readonly results: readonly PartResult[];
}

/** A batch in equal parts, in order. */
function partsOf({ pixels, count, height, width, files }: ImageBatch, parts: number): ImageBatch[] {
  const size = count / parts;
  const bytes = pixels.length / parts;
  return Array.from({ length: parts }, (_, i) => ({
    pixels: pixels.subarray(i * bytes, (i + 1) * bytes),
    count: size,
    height,
    width,
    files: files.slice(i * size, (i + 1) * size),
  }));
}

/** Element by element. */
function meanOf(lists: readonly Float32Array[]): Float32Array {
  const [first = new Float32Array()] = lists;
  return first.map((_, i) => lists.reduce((sum, list) => sum + (list[i] as number), 0) / lists.length);
}
