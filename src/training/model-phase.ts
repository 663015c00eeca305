import type { ImageAutoencoder } from "../autoencoder/index.js";
import { ConfigError } from "../core/errors.js";
import { Random } from "../core/random.js";
import {
  combined,
  modulesOf,
  type Objective,
  type Phase,
  quantizerObjective,
  reconstructionObjective,
} from "../losses/index.js";
import type { ObjectiveParts, PreparedObjective } from "../losses/registry/index.js";
import { createOptimizer, learningRateAt } from "../nn/optimizer/index.js";
import { partOf } from "./frozen-parts.js";
import type { RunConfig } from "./run-config.js";
import { MODEL_PHASE } from "./step-metrics.js";

/** What the model's phase is made of. */
export type ModelPhaseOptions = Pick<RunConfig, "loss" | "optimizer" | "gradientClip"> &
  Pick<Phase, "learningRate"> & {
    /** Of the learning rate of a weight, by its name; by default 1. */
    readonly factorOf?: ((name: string) => number) | undefined;
    /** What the model minimises besides its reconstruction and the quantizer's losses. */
    readonly besides?: readonly Objective[];
  };

/** The phase in which the model learns: its reconstruction, the quantizer's losses and what else there is. */
export function modelPhase(model: ImageAutoencoder, options: ModelPhaseOptions): Phase {
  const { loss, optimizer, gradientClip, learningRate, factorOf, besides = [] } = options;
  const variables = model.trainableVariables();
  return {
    name: MODEL_PHASE,
    objective: combined(MODEL_PHASE, [
      reconstructionObjective(loss),
      quantizerObjective(model.quantizer),
      ...besides,
    ]),
    variables,
    optimizer: createOptimizer(variables, optimizer, gradientClip, factorOf),
    every: 1,
    learningRate,
  };
}

/**
 * The phases of a run's steps: the model's, then those of its objectives, each with fresh weights.
 *
 * @param prepared the run's objectives; what they have read belongs to the phases, unless this throws
 * @throws ConfigError at `objectives[i]` when two objectives bring phases or modules of one name
 */
export function phasesOf(
  config: RunConfig,
  model: ImageAutoencoder,
  prepared: readonly PreparedObjective[],
): Phase[] {
  const learningRate = (step: number): number => learningRateAt(step, config);
  const learningRateFraction = (step: number): number => learningRate(step) / config.learningRate;
  const made: ObjectiveParts[] = [];
  const phases: Phase[] = [];
  try {
    for (const objective of prepared) {
      const random = new Random(config.seed, "objective", objective.config.kind);
      made.push(objective.create({ random, learningRate, learningRateFraction }));
    }
    const besides = made.flatMap(({ ofModel }) => (ofModel === null ? [] : [ofModel]));
    phases.push(modelPhase(model, { ...config, learningRate, factorOf: rateFactors(config), besides }));
    phases.push(...made.flatMap((each) => each.phases));
    checkNames(
      "phases",
      phases.map(({ name }) => name),
    );
    checkNames(
      "modules",
      modulesOf(phases).map(({ name }) => name),
    );
    return phases;
  } catch (error) {
    disposePhases(phases.length > 0 ? phases : made.flatMap((each) => each.phases));
    throw error;
  }
}

/** Learning rates of single parts as factors of the model's; undefined where all have the same. */
function rateFactors({ partLearningRates, learningRate }: RunConfig): ((name: string) => number) | undefined {
  if (Object.keys(partLearningRates).length === 0) return undefined;
  return (name) => (partLearningRates[partOf(name)] ?? learningRate) / learningRate;
}

/** Frees the modules and the optimizers of phases; the model is its owner's. */
export function disposePhases(phases: readonly Phase[]): void {
  for (const module of modulesOf(phases)) module.dispose();
  for (const { optimizer } of phases) optimizer.dispose();
}

/** The first parts of names that weights and optimizers' state of the model have in a checkpoint. */
const TAKEN: readonly string[] = [
  "encoder",
  "decoder",
  "projection",
  "quantizer",
  "firstMoment",
  "secondMoment",
];

function checkNames(what: string, names: readonly string[]): void {
  const wrong = names.find(
    (name, i) => names.indexOf(name) < i || TAKEN.includes(name) || !/^[a-z][A-Za-z0-9]*$/.test(name),
  );
  if (wrong === undefined) return;
  throw new ConfigError(
    "objectives",
    `expected ${what} with names of their own (letters and digits, not ${TAKEN.join(", ")}), got ${JSON.stringify(wrong)}.`,
  );
}
