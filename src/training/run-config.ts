import { z } from "zod";
import {
  type AutoencoderConfig,
  type ModelOptions,
  presetCodeDim,
  resolveModel,
} from "../autoencoder/index.js";
import { type DeviceName, deviceNames, type EngineName, engineNames } from "../backend/index.js";
import { parseConfig } from "../core/config.js";
import { ConfigError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import { type DataConfig, type DataConfigInput, dataConfigSchema } from "../data/index.js";
import type { JsonObject } from "../files/index.js";
import {
  type ReconstructionLossConfig,
  type ReconstructionLossOptions,
  reconstructionLossSchema,
} from "../losses/index.js";
import { type ObjectiveConfig, objectiveDescription, parseObjectives } from "../losses/registry/index.js";
import { optimizerSchema, scheduleKinds } from "../nn/optimizer/index.js";
import { parseQuantizerConfig, type QuantizerConfig, quantizerFacts } from "../quantizers/index.js";
import { checkEarlyStop, earlyStopFields } from "./early-stop.js";
import { checkFreezing, type ModelPart, modelParts } from "./frozen-parts.js";
import { nonFinitePolicies } from "./non-finite.js";
import { DEFAULT_RECIPE, recipeNamed } from "./recipes.js";

/**
 * The fields that say how to train, one by one independent, for spreading into a larger schema; `trainingSchema` is
 * the same as an object of its own.
 */
export const trainingFields = {
  /** Names every random stream of the run: same seed, same bytes. */
  seed: z.int().min(0).default(0),
  /** Training steps (one batch each); the schedule ends here. */
  steps: z.int().min(1).default(1000),
  /** Images in a batch; with `accumulate`, in each part of it. */
  batchSize: z.int().min(1).default(16),
  /** Parts of a step's batch whose gradients are added up before the weights move: a step has so many times `batchSize` images. */
  accumulate: z.int().min(1).default(1),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(4e-4),
  /** Peak learning rates of parts that have another: encoder, codebook (what gradients move of it), decoder. */
  partLearningRates: z
    .strictObject({
      encoder: z.number().positive().optional(),
      codebook: z.number().positive().optional(),
      decoder: z.number().positive().optional(),
    })
    .default({}),
  /** Steps of linear rise to the peak; 0 is off. Best well below `steps`. */
  warmupSteps: z.int().min(0).default(50),
  /** The learning rate after the warm-up; "constant" is off. */
  schedule: z.enum(scheduleKinds).default("cosine"),
  /** The last step's learning rate as a fraction of the peak, 0..1; 1 is off. */
  finalLearningRateFraction: z.number().min(0).max(1).default(0.1),
  /** The update rule. */
  optimizer: optimizerSchema.prefault({}),
  /** Largest global norm of the gradients; null is off. */
  gradientClip: z.number().positive().nullable().default(1),
  /** Evaluate and export a running average of the weights with this decay per step, [0, 1); null is off. */
  weightAverageDecay: z.number().min(0).lt(1).nullable().default(null),
  /** Batches in the sliding window of codebook usage. */
  usageWindow: z.int().min(1).default(50),
  /** Records of the use and the drift of every single code, evenly over the steps and at the last; 0 is off. */
  timelineRecords: z.int().min(0).default(50),
  /** Pictures of reconstructions, evenly over the steps and at the last; 0 is off. */
  reconstructionStrips: z.int().min(0).default(12),
  /** Steps between two lines of metrics; the first and the last step are always written. */
  logEvery: z.int().min(1).default(1),
  /** Steps between two evaluations on the held-out images; null evaluates at the end alone. */
  evaluateEvery: z.int().min(1).nullable().default(null),
  ...earlyStopFields,
  /** Steps between two checkpoints; null saves at the end (or at an interruption) alone. */
  checkpointEvery: z.int().min(1).nullable().default(250),
  /**
   * What becomes of a step whose loss or gradient is not finite: "stop" ends the run, "skip" leaves the step out,
   * "rollback" goes back to the last checkpoint and on with the batches after the bad one.
   */
  onNan: z.enum(nonFinitePolicies).default("stop"),
};

/** Images that a step is made of. */
export function imagesOfStep({
  batchSize,
  accumulate,
}: Pick<TrainingConfig, "batchSize" | "accumulate">): number {
  return batchSize * accumulate;
}

/** How to train, as an object of its own. */
export const trainingSchema = z.strictObject(trainingFields);

/** Every default written out. */
export type TrainingConfig = Readonly<z.output<typeof trainingSchema>>;
/** What a caller may write; everything has a default. */
export type TrainingOptions = z.input<typeof trainingSchema>;

/** What becomes of the codebook of the model that a run starts from. */
export const codebookChoices = ["keep", "frozen", "fresh"] as const;
export type CodebookChoice = (typeof codebookChoices)[number];

const sourceSchema = z.strictObject({
  /** A run folder or model file. */
  model: z.string().min(1),
  /**
   * "keep" continues to train it; "frozen" leaves it as it is, so that the encoder and decoder adapt to it; "fresh"
   * begins anew, as the quantizer's options say, which may then be another quantizer's.
   */
  codebook: z.enum(codebookChoices).default("keep"),
  /** The fingerprint that the model must have; null takes whatever is there, and the run's config then has it. */
  fingerprint: z.string().min(1).nullable().default(null),
  /** What that model was imported from, as the run's config has it; what is given is replaced. */
  original: z.record(z.string(), z.unknown()).nullable().default(null),
});

/** The model that a run starts from. */
export type SourceOptions = Readonly<z.input<typeof sourceSchema>>;
/** The same with every default written out. */
export type SourceConfig = Readonly<z.output<typeof sourceSchema>>;

/** Everything a run can be told; `data` has no default. */
export interface RunOptions extends TrainingOptions {
  /** A preset's name and what differs from it; default the preset "small". */
  readonly model?: ModelOptions;
  /** `{ kind }` and that kind's options, or a kind; default "vq". */
  readonly quantizer?: string | QuantizerConfig;
  /**
   * A named set of settings for what the run does not say itself: "recommended" (the default), "paper", "taming",
   * "llamagen" or "maskgit". null takes none: the defaults of each option.
   */
  readonly recipe?: string | null;
  /** Where the images are: a folder, a file, a glob pattern, a list of these, or everything about them. */
  readonly data: string | readonly string[] | DataConfigInput;
  /** What training minimises besides the quantizer's own losses; default "l2". */
  readonly loss?: ReconstructionLossOptions;
  /**
   * What it minimises besides, in this order: `{ kind }` and that kind's options, or a kind, each once; default none.
   * Or options by kind: `{ adversarial: { start: 5000 } }`, in which null leaves a kind out. `registerObjective` makes
   * kinds of one's own known.
   */
  readonly objectives?:
    | readonly (string | ObjectiveConfig)[]
    | Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;
  /**
   * The model to start from, a run folder or model file, for fine-tuning; default null: fresh weights. What `model` and
   * `quantizer` do not say is then as in that model.
   */
  readonly from?: string | SourceOptions | null;
  /**
   * Parts of that model which stay as they are, to the last bit; default none. With the encoder and the codebook frozen
   * the decoder alone learns, and codes stay what they were.
   */
  readonly freeze?: readonly ModelPart[];
  /** What computes; default "auto". */
  readonly engine?: EngineName | "auto";
  /** What ONNX Runtime computes on; default "cpu". */
  readonly device?: DeviceName;
  /** Threads inside one operation; null takes one a processor. */
  readonly threads?: number | null;
  /** The run folder to write; null (the default) writes nothing. */
  readonly out?: string | null;
  /** Replace an earlier run in `out`; default false. */
  readonly overwrite?: boolean;
  /**
   * Whether crops may be of a size that enlarges the images more than twice, or that takes more memory than the machine
   * has; default false. Not kept with the run.
   */
  readonly allowOversize?: boolean;
  /** Evaluate the model before the first step too, as a baseline; default true. */
  readonly evaluateUntrained?: boolean;
  /**
   * The codebook size that was asked for, where the quantizer only comes near it (FSQ); for reports. By default the
   * quantizer's `codebookSize` option, null where it has none.
   */
  readonly nominalCodebookSize?: number | null;
}

/** A run with every default written out. JSON; resolves to itself. */
export interface RunConfig extends TrainingConfig {
  readonly model: AutoencoderConfig;
  readonly quantizer: QuantizerConfig;
  /** The recipe that was named, or that has set something; null where all settings are the run's own. */
  readonly recipe: string | null;
  readonly data: DataConfig;
  readonly loss: ReconstructionLossConfig;
  readonly objectives: readonly ObjectiveConfig[];
  readonly from: SourceConfig | null;
  readonly freeze: readonly ModelPart[];
  readonly engine: EngineName | "auto";
  readonly device: DeviceName;
  readonly threads: number | null;
  readonly out: string | null;
  readonly overwrite: boolean;
  readonly allowOversize: boolean;
  readonly evaluateUntrained: boolean;
  readonly nominalCodebookSize: number | null;
}

const runSchema = z.strictObject({
  model: z.unknown().optional(),
  quantizer: z.unknown().optional(),
  recipe: z.string().nullable().optional(),
  data: z.unknown().optional(),
  loss: z.unknown().optional(),
  objectives: z.unknown().optional(),
  from: z.unknown().optional(),
  freeze: z.array(z.enum(modelParts)).default([]),
  engine: z.enum(["auto", ...engineNames]).default("auto"),
  device: z.enum(deviceNames).default("cpu"),
  threads: z.int().min(1).nullable().default(null),
  out: z.string().min(1).nullable().default(null),
  overwrite: z.boolean().default(false),
  allowOversize: z.boolean().default(false),
  evaluateUntrained: z.boolean().default(true),
  nominalCodebookSize: z.int().min(1).nullable().optional(),
  ...trainingFields,
});

/** The names of all options of a run, for command lines and suggestions. */
export const runOptionNames: readonly string[] = Object.keys(runSchema.shape);

/**
 * Checks a run's options and writes every default out.
 *
 * @param options `RunOptions`, not yet trusted
 * @throws ConfigError that names the offending field, e.g. `quantizer.levels[1]`
 */
export function resolveRun(options: unknown): RunConfig {
  // The large parts are parsed by themselves, so that messages can name the keys that each would have known.
  const {
    model,
    quantizer,
    recipe,
    data,
    loss,
    objectives = [],
    from,
    nominalCodebookSize,
    ...rest
  } = parseConfig(runSchema, withRecipe(options), "");
  const given = quantizerObject(quantizer);
  const config = {
    model: resolveModel(model === undefined ? {} : model),
    ...resolveQuantizer(withCodeDim(given, presetCodeDim(model)), recipe),
    data: parseConfig(dataConfigSchema, dataObject(data), "data"),
    loss: parseConfig(reconstructionLossSchema, loss === undefined ? "l2" : loss, "loss"),
    objectives: parseObjectives(objectives),
    from: parseSource(from),
    ...rest,
  };
  checkCropSize(config);
  checkFreezing(config);
  checkEarlyStop(config);
  checkTrainable(config.model);
  return {
    ...config,
    nominalCodebookSize:
      nominalCodebookSize === undefined ? askedSize(given, config.quantizer) : nominalCodebookSize,
  };
}

/** A run's options with those that its recipe, where it names one, has for it. Options that are wrong are told later. */
function withRecipe(options: unknown): unknown {
  if (!isObject(options) || typeof options.recipe !== "string") return options;
  const { batchSize = 16, accumulate = 1 } = options;
  const images = Number(batchSize) * Number(accumulate);
  return recipeNamed(options.recipe).run(options, images);
}

/**
 * @param given `RunOptions.quantizer` as an object, not yet trusted
 * @param recipe the name that the run gives
 * @throws ConfigError at `quantizer.<option>` or `recipe`
 */
function resolveQuantizer(
  given: unknown,
  recipe: string | null | undefined,
): Pick<RunConfig, "quantizer" | "recipe"> {
  if (!isObject(given)) return { quantizer: parseQuantizerConfig(given), recipe: null };
  // A run that says no kind has plain VQ.
  const own = { kind: "vq", ...given };
  if (recipe === null) return { quantizer: parseQuantizerConfig(own), recipe };
  const { name, quantizer } = recipe === undefined ? DEFAULT_RECIPE : recipeNamed(recipe);
  const settings = quantizer(own);
  if (recipe !== undefined) return { quantizer: parseQuantizerConfig({ ...settings, ...own }), recipe: name };
  if (Object.keys(settings).length === 0) return { quantizer: parseQuantizerConfig(own), recipe: null };
  try {
    return { quantizer: parseQuantizerConfig({ ...settings, ...own }), recipe: name };
  } catch (error) {
    // The run has options that are meant for other settings, or a mistake, which is told then.
    if (!(error instanceof ConfigError)) throw error;
    return { quantizer: parseQuantizerConfig(own), recipe: null };
  }
}

/**
 * A quantizer's options with the code dimension that goes with the model's preset, where they say none and the quantizer
 * has vectors to learn.
 */
function withCodeDim(given: unknown, codeDim: number | undefined): unknown {
  if (codeDim === undefined || !isObject(given) || "codeDim" in given) return given;
  const own = { ...given, codeDim };
  try {
    const config = parseQuantizerConfig({ kind: "vq", ...own });
    return quantizerFacts(config)?.learning === "never" ? given : own;
  } catch (error) {
    // A quantizer without such an option, or a mistake, which is told then.
    if (!(error instanceof ConfigError)) throw error;
    return given;
  }
}

/** A kind, or nothing, as the object that it stands for. */
export function quantizerObject(quantizer: unknown): unknown {
  if (quantizer === undefined) return {};
  return typeof quantizer === "string" ? { kind: quantizer } : quantizer;
}

/** @param from `RunOptions.from`, not yet trusted @throws ConfigError */
export function parseSource(from: unknown): SourceConfig | null {
  if (from === undefined || from === null) return null;
  return parseConfig(sourceSchema, typeof from === "string" ? { model: from } : from, "from");
}

/** What a run folder keeps as its config: what the run is, and not where it is written or what was confirmed. */
export function savedConfig(run: RunConfig): JsonObject {
  const { out: _out, overwrite: _overwrite, allowOversize: _allowOversize, ...config } = run;
  return config as unknown as JsonObject; // every part is JSON by its own contract
}

/** A path, a pattern or a list of these as the object that it stands for. */
export function dataObject(data: unknown): unknown {
  if (data === undefined) {
    throw new ConfigError(
      "data",
      "expected a folder, a file, a glob pattern or an object with images, got nothing.",
    );
  }
  return typeof data === "string" || Array.isArray(data) ? { images: data } : data;
}

function askedSize(given: unknown, resolved: QuantizerConfig): number | null {
  const { codebookSize = resolved.codebookSize } = given as { codebookSize?: unknown };
  return typeof codebookSize === "number" ? codebookSize : null;
}

/** @throws ConfigError for an encoder by itself, which has nothing to reconstruct with */
function checkTrainable({ decoder }: AutoencoderConfig): void {
  if (decoder) return;
  throw new ConfigError(
    "model.decoder",
    "expected true: without a decoder nothing can be trained, got false.",
  );
}

/** The model takes only multiples of its factor, and SSIM only sides that hold its 11×11 window. */
function checkCropSize({
  model,
  data,
  loss,
  objectives,
  quantizer,
}: Pick<RunConfig, "model" | "data" | "loss" | "objectives" | "quantizer">): void {
  const { downsamplingFactor: factor } = model;
  const last = quantizerFacts(quantizer)?.scales?.at(-1);
  const other = data.cropSize.find((side) => last !== undefined && side !== last * factor);
  if (last !== undefined && other !== undefined) {
    throw new ConfigError(
      "data.cropSize",
      `expected ${last * factor}x${last * factor} pixels, ${last} positions as the quantizer's last scale times the model's downsamplingFactor ${factor}, got ${data.cropSize.join("x")}. Or end quantizer.scales with the side of the latent grid.`,
    );
  }
  for (const side of data.cropSize) {
    if (side % factor === 0) continue;
    const below = side - (side % factor);
    const nearest = below === 0 ? `${factor}` : `${below} or ${below + factor}`;
    throw new ConfigError(
      "data.cropSize",
      `expected multiples of the model's downsamplingFactor ${factor}, got ${side}. Nearest: ${nearest}.`,
    );
  }
  if (loss.ssim + (loss.msSsim ?? 0) > 0 && Math.min(...data.cropSize) < 11) {
    throw new ConfigError(
      "data.cropSize",
      `expected sides >= 11 pixels for the SSIM loss, got ${Math.min(...data.cropSize)}.`,
    );
  }
  for (const [i, objective] of objectives.entries()) {
    const least = objectiveDescription(objective, `objectives[${i}]`).smallestSide?.(objective) ?? 1;
    if (Math.min(...data.cropSize) >= least) continue;
    throw new ConfigError(
      "data.cropSize",
      `expected sides >= ${least} pixels for the networks of objective "${objective.kind}", got ${Math.min(...data.cropSize)}.`,
    );
  }
}
