import { BackendError, RecordedFunction } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import type { Phase } from "../losses/index.js";
import type * as tf from "../tf/index.js";
import type { StepInputs } from "./phase-gradients.js";
import type { Figure } from "./step-figures.js";

/** What a part of a step computes, and what its scalars mean. */
interface Computed<O> {
  readonly outputs: O;
  readonly figures: readonly Figure[];
}

/** One way in which a part of a step can go: the phases that are due, and the inputs that their objectives have. */
export interface StepPlan<O extends tf.NamedTensorMap> {
  readonly due: readonly Phase[];
  readonly recorded: RecordedFunction<StepInputs, O>;
  /** What the scalars mean; known once the plan has been recorded. */
  figures: readonly Figure[];
  /** The last step that was recorded, not repeated. */
  recordedStep: number;
  /** Whether its next call is to be recorded: a check came due while other phases were. */
  isUnchecked: boolean;
}

/**
 * The plans of one part of a step. A quantizer and objectives that allow it let the engine repeat a plan's graph without
 * recording it at each step, one for each set of phases that are due together.
 */
export class StepPlans<O extends tf.NamedTensorMap> {
  readonly #compute: (due: readonly Phase[], inputs: StepInputs) => Computed<O>;
  readonly #plans = new Map<string, StepPlan<O>>();
  /** The step under way. */
  #step = 0;

  /** @param compute operations on tensors alone; called in a tidy scope */
  constructor(compute: (due: readonly Phase[], inputs: StepInputs) => Computed<O>) {
    this.#compute = compute;
  }

  /** The plan of a step with these inputs. */
  of(due: readonly Phase[], inputs: StepInputs): StepPlan<O> {
    // Objectives may do something else where they are given other inputs.
    const key = [...due.map(({ name }) => name), ...Object.keys(inputs)].join();
    const plan = this.#plans.get(key) ?? this.#made(due);
    this.#plans.set(key, plan);
    return plan;
  }

  /** Lets the next call of each plan be recorded. */
  uncheck(): void {
    for (const plan of this.#plans.values()) plan.isUnchecked = true;
  }

  /**
   * Runs a plan's part of a step.
   *
   * @throws VqkitError("run") for a quantizer or objective that says it is repeatable and is not what it was some steps
   * ago, after `undo`
   */
  async run(
    plan: StepPlan<O>,
    inputs: StepInputs,
    { step, kind, undo }: { readonly step: number; readonly kind: string; readonly undo: () => void },
  ): Promise<O> {
    const { recordedStep } = plan;
    const record = plan.isUnchecked;
    plan.isUnchecked = false;
    this.#step = step;
    try {
      return await plan.recorded.call(inputs, { record });
    } catch (error) {
      if (!(error instanceof BackendError) || error.code !== "not-repeatable") throw error;
      undo();
      throw notRepeatable(plan.due, { step, recordedStep, kind }, error);
    }
  }

  #made(due: readonly Phase[]): StepPlan<O> {
    const body = (inputs: StepInputs): O => {
      const { outputs, figures } = this.#compute(due, inputs);
      plan.figures = figures;
      plan.recordedStep = this.#step;
      return outputs;
    };
    const plan: StepPlan<O> = {
      due,
      recorded: new RecordedFunction(body, {
        repeatable: due.every(({ objective }) => objective.repeatable === true),
      }),
      figures: [],
      recordedStep: 0,
      isUnchecked: false,
    };
    return plan;
  }
}

function notRepeatable(
  due: readonly Phase[],
  { step, recordedStep: recorded, kind }: { step: number; recordedStep: number; kind: string },
  cause: BackendError,
): VqkitError {
  const others = due.slice(1).map(({ objective }) => ` or objective "${objective.name}"`);
  return new VqkitError(
    "run",
    `step ${step}: expected quantizer "${kind}"${others.join("")}, which says that it is repeatable, to make the operations of step ${recorded}, got others: steps after ${recorded} may be wrong. Leave \`repeatable\` out of it, and train again, or resume from a checkpoint up to step ${recorded}.`,
    { cause },
  );
}
