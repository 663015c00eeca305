import { ImageAutoencoder, withModelPathInErrors } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import type { StoredTensor, TensorMap } from "../files/index.js";
import { modulesOf, namedVariables, type Phase } from "../losses/index.js";
import type { PreparedObjective } from "../losses/registry/index.js";
import { assignWeightValues, type WeightValue } from "../nn/index.js";
import { WeightAverage } from "../nn/optimizer/index.js";
import { buildQuantizer, frozenCodebook } from "../quantizers/index.js";
import type { Checkpoint } from "../runs/index.js";
import type * as tf from "../tf/index.js";
import { freezeNetworks, freezesCodebook } from "./frozen-parts.js";
import { disposePhases, phasesOf } from "./model-phase.js";
import type { RunConfig } from "./run-config.js";
import { networkWeights, type SourceModel } from "./source-model.js";
import { MODEL_PHASE } from "./step-metrics.js";

/** Everything of a run that is kept in tensors. */
export interface ModelState {
  readonly model: ImageAutoencoder;
  /** What is trained in a step, and by what; the model's phase first. */
  readonly phases: readonly Phase[];
  /** Of the model's weights; null where no average is kept. */
  readonly average: WeightAverage | null;
}

/** Where a run's weights come from; what has no origin is drawn. */
export interface WeightOrigin {
  /** The checkpoint that the run resumes from: it has every weight. */
  readonly checkpoint?: Pick<Checkpoint, "weights"> | undefined;
  /** The model that the run starts from: its encoder and decoder. */
  readonly source?: SourceModel | undefined;
}

/**
 * A run's model before its first step, with all that is trained beside it. `restoreState` and `takeWeights` give it the
 * rest of what its origin has.
 *
 * @param prepared the run's objectives; what they have read belongs to the state, unless this throws
 * @throws VqkitError("format") naming a weight that does not fit
 */
export function createModelState(
  config: RunConfig,
  origin: WeightOrigin = {},
  prepared: readonly PreparedObjective[] = [],
): ModelState {
  const model = createModel(config, origin);
  try {
    const phases = phasesOf(config, model, prepared);
    const decay = config.weightAverageDecay;
    return { model, phases, average: decay === null ? null : new WeightAverage(model.variables(), decay) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function createModel(config: RunConfig, { checkpoint, source }: WeightOrigin): ImageAutoencoder {
  const { seed } = config;
  const made = buildQuantizer(config.quantizer, checkpoint === undefined ? seed : null);
  const quantizer = freezesCodebook(config) ? frozenCodebook(made) : made;
  const parts = { config: config.model, quantizer };
  const create = (): ImageAutoencoder => {
    if (checkpoint !== undefined) {
      return ImageAutoencoder.create({ ...parts, weights: float32(checkpoint.weights) });
    }
    if (source === undefined) return ImageAutoencoder.create({ ...parts, seed });
    const weights = networkWeights(source);
    return withModelPathInErrors(source.path, () => ImageAutoencoder.create({ ...parts, seed, weights }));
  };
  const model = create();
  freezeNetworks(model, config.freeze);
  return model;
}

/** Frees all of it. */
export function disposeModelState({ model, phases, average }: ModelState): void {
  disposePhases(phases);
  average?.dispose();
  model.dispose();
}

/** The sections of a checkpoint that hold tensors of the engine. */
type StateSections = Pick<Checkpoint, "weights" | "modules" | "optimizer" | "ema">;

/** The variables of a run by section and name. */
function sectionsOf({
  model,
  phases,
  average,
}: ModelState): Record<keyof StateSections, ReadonlyMap<string, tf.Variable>> {
  const states = phases.map(({ name, optimizer }) =>
    [...optimizer.state()].map(
      // The first phase's are without its name, as they were when it was the only one.
      ([own, variable]) => [name === MODEL_PHASE ? own : `${name}/${own}`, variable] as const,
    ),
  );
  return {
    weights: model.variables(),
    modules: new Map(modulesOf(phases).flatMap((module) => [...namedVariables(module)])),
    optimizer: new Map(states.flat()),
    ema: average?.values() ?? new Map<string, tf.Variable>(),
  };
}

/** The tensors of a run as a checkpoint keeps them. @throws VqkitError("numerics") for a value that is not finite */
export async function storedState(state: ModelState): Promise<StateSections> {
  const { weights, modules, optimizer, ema } = sectionsOf(state);
  return {
    weights: await storedVariables(weights),
    modules: await storedVariables(modules),
    optimizer: await storedVariables(optimizer),
    ema: await storedVariables(ema),
  };
}

/**
 * Gives every variable the value that a checkpoint kept.
 *
 * @throws VqkitError("format") naming what the checkpoint lacks, or has too much of, or in another shape
 */
export function restoreState(state: ModelState, checkpoint: StateSections): void {
  const sections = sectionsOf(state);
  state.model.setWeights(float32(checkpoint.weights));
  for (const name of ["modules", "optimizer", "ema"] as const) {
    assignWeightValues(sections[name], float32(checkpoint[name]));
  }
}

function float32(tensors: TensorMap): Map<string, WeightValue> {
  const values = new Map<string, WeightValue>();
  for (const [name, { dtype, shape, data }] of tensors) {
    if (!(data instanceof Float32Array)) {
      throw new VqkitError("format", `checkpoint: tensor "${name}": expected F32, got ${dtype}.`);
    }
    values.set(name, { shape, data });
  }
  return values;
}

/**
 * Float32 variables as arrays for a file, by the same names. They are read together, as one run of a recording engine;
 * none may be assigned before the promise resolves.
 *
 * @throws VqkitError("numerics") naming a variable that holds NaN or an infinity: such weights are not worth a file
 */
export async function storedVariables(
  variables: ReadonlyMap<string, tf.Variable>,
): Promise<Map<string, StoredTensor>> {
  const stored = await Promise.all(
    [...variables].map(async ([name, variable]): Promise<[string, StoredTensor]> => {
      const data = (await variable.data()) as Float32Array;
      const bad = data.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        throw new VqkitError(
          "numerics",
          `weight "${name}": expected finite numbers, got ${data[bad]}. Lower learningRate or set gradientClip.`,
        );
      }
      return [name, { dtype: "F32", shape: [...variable.shape], data }];
    }),
  );
  return new Map(stored);
}
