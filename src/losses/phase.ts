import type { Optimizer } from "../nn/optimizer/index.js";
import type { Variable } from "../tf/index.js";
import type { Module, Objective } from "./objective.js";

/**
 * One update within a training step: what is minimised, which variables move, how, and how often. A step is a list of
 * phases, in order; the first is the model's.
 *
 * All phases of a step see the same pass through the model: that of the weights which the step started from. A phase that
 * moves weights of the model makes the pass anew, inside its own gradient.
 */
export interface Phase {
  /**
   * Letters and digits, the first a small letter; unique in a run. Records have `criticLoss`, `criticGradientNorm` and
   * `criticLearningRate` of the phase `critic`, at the steps at which it is due.
   */
  readonly name: string;
  readonly objective: Objective;
  /** By the names that messages and the optimizer's state have, unique in a run: `critic/conv/kernel`. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** Over these variables; belongs to the phase. */
  readonly optimizer: Optimizer;
  /** Due at every step whose number it divides, >= 1; 1 for the model's. */
  readonly every: number;
  /** The first step at which it may be due; default 1. */
  readonly from?: number;
  /** @param step of the run, 1 for the first */
  learningRate(step: number): number;
}

/** Which update of a phase a step makes, 1 for the first; undefined where it makes none. */
export function updateAt(
  { every, from = 1 }: Pick<Phase, "every" | "from">,
  step: number,
): number | undefined {
  if (step < from || step % every !== 0) return undefined;
  return step / every - Math.floor((from - 1) / every);
}

/** The modules of some phases, each once. */
export function modulesOf(phases: readonly Pick<Phase, "objective">[]): Module[] {
  return [...new Set(phases.flatMap(({ objective }) => objective.modules))];
}

/** A module's variables by their names in the run. */
export function namedVariables(module: Module): Map<string, Variable> {
  const { name } = module;
  return new Map([...module.variables()].map(([own, variable]) => [`${name}/${own}`, variable]));
}
