import { z } from "zod";
import { type AutoencoderConfig, type ModelOptions, resolveModel } from "../autoencoder/index.js";
import { type DeviceName, deviceNames, type EngineName, engineNames } from "../backend/index.js";
import { parseConfig } from "../core/config.js";
import { ConfigError } from "../core/errors.js";
import { type DataConfig, type DataConfigInput, dataConfigSchema } from "../data/index.js";
import type { JsonObject } from "../files/index.js";
import {
  type ReconstructionLossConfig,
  type ReconstructionLossOptions,
  reconstructionLossSchema,
} from "../losses/index.js";
import { type ObjectiveConfig, parseObjectives } from "../losses/registry/index.js";
import { parseQuantizerConfig, type QuantizerConfig } from "../quantizers/index.js";
import { type TrainingConfig, type TrainingOptions, trainingFields } from "./training-config.js";

/** What becomes of the codebook of the model that a run starts from. */
export const codebookChoices = ["keep", "frozen", "fresh"] as const;
export type CodebookChoice = (typeof codebookChoices)[number];

const sourceSchema = z.strictObject({
  /** A run folder or model file. */
  model: z.string().min(1),
  /**
   * "keep" goes on training it; "frozen" leaves it as it is, so that the encoder and decoder adapt to it; "fresh"
   * begins anew, as the quantizer's options say, which may then be another quantizer's.
   */
  codebook: z.enum(codebookChoices).default("keep"),
  /** The fingerprint that the model must have; null takes whatever is there, and the run's config then has it. */
  fingerprint: z.string().min(1).nullable().default(null),
});

/** The model that a run starts from. */
export type SourceOptions = Readonly<z.input<typeof sourceSchema>>;
/** The same with every default written out. */
export type SourceConfig = Readonly<z.output<typeof sourceSchema>>;

/** Everything a run can be told; `quantizer` and `data` have no default. */
export interface RunOptions extends TrainingOptions {
  /** A preset's name and what differs from it; default the preset "small". */
  readonly model?: ModelOptions;
  /** `{ kind }` and that kind's options. */
  readonly quantizer: QuantizerConfig;
  /** Where the images are: a folder, a file, a glob pattern, a list of these, or everything about them. */
  readonly data: string | readonly string[] | DataConfigInput;
  /** What training minimises besides the quantizer's own losses; default "l2". */
  readonly loss?: ReconstructionLossOptions;
  /**
   * What it minimises besides, in this order: `{ kind }` and that kind's options, or a kind, each once; default none.
   * Kinds are made known by `registerObjective`.
   */
  readonly objectives?: readonly (string | ObjectiveConfig)[];
  /**
   * The model to start from, a run folder or model file, for fine-tuning; default null: fresh weights. What `model` and
   * `quantizer` do not say is then as in that model.
   */
  readonly from?: string | SourceOptions | null;
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
  readonly data: DataConfig;
  readonly loss: ReconstructionLossConfig;
  readonly objectives: readonly ObjectiveConfig[];
  readonly from: SourceConfig | null;
  readonly engine: EngineName | "auto";
  readonly device: DeviceName;
  readonly threads: number | null;
  readonly out: string | null;
  readonly overwrite: boolean;
  readonly evaluateUntrained: boolean;
  readonly nominalCodebookSize: number | null;
}

const runSchema = z.strictObject({
  model: z.unknown().optional(),
  quantizer: z.unknown().optional(),
  data: z.unknown().optional(),
  loss: z.unknown().optional(),
  objectives: z.unknown().optional(),
  from: z.unknown().optional(),
  engine: z.enum(["auto", ...engineNames]).default("auto"),
  device: z.enum(deviceNames).default("cpu"),
  threads: z.int().min(1).nullable().default(null),
  out: z.string().min(1).nullable().default(null),
  overwrite: z.boolean().default(false),
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
    data,
    loss,
    objectives = [],
    from,
    nominalCodebookSize,
    ...rest
  } = parseConfig(runSchema, options, "");
  const config = {
    model: resolveModel(model === undefined ? {} : model),
    quantizer: parseQuantizerConfig(quantizer),
    data: parseConfig(dataConfigSchema, dataObject(data), "data"),
    loss: parseConfig(reconstructionLossSchema, loss === undefined ? "l2" : loss, "loss"),
    objectives: parseObjectives(objectives),
    from: parseSource(from),
    ...rest,
  };
  checkCropSize(config);
  return {
    ...config,
    nominalCodebookSize:
      nominalCodebookSize === undefined ? askedSize(quantizer, config.quantizer) : nominalCodebookSize,
  };
}

/** @param from `RunOptions.from`, not yet trusted @throws ConfigError */
export function parseSource(from: unknown): SourceConfig | null {
  if (from === undefined || from === null) return null;
  return parseConfig(sourceSchema, typeof from === "string" ? { model: from } : from, "from");
}

/** What a run folder keeps as its config: what the run is, and not where it is written. */
export function savedConfig({ out: _out, overwrite: _overwrite, ...config }: RunConfig): JsonObject {
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

/** The model takes only multiples of its factor, and SSIM only sides that hold its 11×11 window. */
function checkCropSize({ model, data, loss }: Pick<RunConfig, "model" | "data" | "loss">): void {
  const { downsamplingFactor: factor } = model;
  for (const side of data.cropSize) {
    if (side % factor === 0) continue;
    const below = side - (side % factor);
    const nearest = below === 0 ? `${factor}` : `${below} or ${below + factor}`;
    throw new ConfigError(
      "data.cropSize",
      `expected multiples of the model's downsamplingFactor ${factor}, got ${side}. Nearest: ${nearest}.`,
    );
  }
  if (loss.ssim > 0 && Math.min(...data.cropSize) < 11) {
    throw new ConfigError(
      "data.cropSize",
      `expected sides >= 11 pixels for the SSIM loss, got ${Math.min(...data.cropSize)}.`,
    );
  }
}
