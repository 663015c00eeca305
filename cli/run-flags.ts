import path from "node:path";
import { type Command, Option } from "commander";
import { parse as parseYaml } from "yaml";
import {
  type ConfigObject,
  loadQuantizerModules,
  readConfigFile,
  takeQuantizerModules,
  valueAt,
  withValue,
} from "./config-file.js";
import type { EngineFlags } from "./engine-options.js";
import { UsageError } from "./errors.js";
import { integer, integers, number, repeated, size } from "./values.js";

/** A flag, and the field of a configuration that its value goes to. */
export interface FlagField {
  readonly flag: string;
  /** e.g. `quantizer.levels` */
  readonly field: string;
}

/** A flag that stands for one field of a run's configuration. */
export interface RunFlag extends FlagField {
  readonly description: string;
  /** What the configuration says when nobody does; shown in the help, checked by a test. */
  readonly default?: string | number | readonly number[];
  readonly parse?: (text: string) => unknown;
}

/** Flags of every command that trains. Ranges are checked by the configuration itself. */
export const TRAINING_FLAGS: readonly RunFlag[] = [
  {
    flag: "--preset <name>",
    field: "model.preset",
    description: "size of the autoencoder: tiny, small or base",
    default: "small",
  },
  {
    flag: "--downsampling-factor <n>",
    field: "model.downsamplingFactor",
    description: "image side / latent grid side: 2, 4, 8 or 16 (default: the preset's)",
    parse: integer,
  },
  {
    flag: "--loss <name>",
    field: "loss",
    description: "reconstruction loss: l1, l2, huber or ssim; weighted sums in a config file",
    default: "l2",
  },
  {
    flag: "--steps <n>",
    field: "steps",
    description: "training steps, one batch each",
    default: 1000,
    parse: integer,
  },
  {
    flag: "--batch-size <n>",
    field: "batchSize",
    description: "crops in a batch",
    default: 16,
    parse: integer,
  },
  {
    flag: "--learning-rate <x>",
    field: "learningRate",
    description: "peak learning rate",
    default: 4e-4,
    parse: number,
  },
  {
    flag: "--crop-size <size>",
    field: "data.cropSize",
    description: "pixels of a training crop, as 64 or HEIGHTxWIDTH",
    default: [64, 64],
    parse: size,
  },
  {
    flag: "--resize <n>",
    field: "data.resize",
    description: "shorter side in pixels that images are resized to first (default: as they are)",
    parse: integer,
  },
  {
    flag: "--held-out <x>",
    field: "data.heldOut",
    description: "fraction of the files kept back for evaluation; 0 evaluates on the training files",
    default: 0.2,
    parse: number,
  },
  {
    flag: "--checkpoint-every <n>",
    field: "checkpointEvery",
    description: "steps between two checkpoints",
    default: 250,
    parse: integer,
  },
  {
    flag: "--on-nan <policy>",
    field: "onNan",
    description:
      "for a loss or gradient that is not finite: stop, skip the step, or rollback to the last checkpoint",
    default: "stop",
  },
];

/** Flags of `train` alone: the model to start from. */
export const SOURCE_FLAGS: readonly RunFlag[] = [
  {
    flag: "--from <model>",
    field: "from.model",
    description:
      "start from the weights of this run or model file, with its autoencoder and quantizer unless others are given",
  },
  {
    flag: "--from-codebook <choice>",
    field: "from.codebook",
    description: "codebook of that model: keep, frozen (it stays as it is) or fresh (begins anew)",
    default: "keep",
  },
];

/** Flags of `train` alone: the quantizer. */
export const QUANTIZER_FLAGS: readonly RunFlag[] = [
  {
    flag: "--quantizer <kind>",
    field: "quantizer.kind",
    description: "see `vqkit quantizers`",
    default: "vq",
  },
  {
    flag: "--codebook-size <n>",
    field: "quantizer.codebookSize",
    description: "codes in the codebook; fsq takes the nearest size that its rule allows",
    default: 1024,
    parse: integer,
  },
  {
    flag: "--code-dim <n>",
    field: "quantizer.codeDim",
    description: "numbers in a code (default: 64, fsq: one per level)",
    parse: integer,
  },
  {
    flag: "--levels <list>",
    field: "quantizer.levels",
    description: "fsq: values of each latent dimension, as 8,5,5,5",
    parse: integers,
  },
  {
    flag: "--seed <n>",
    field: "seed",
    description: "names every random choice: same seed, same run",
    default: 0,
    parse: integer,
  },
];

const SET_FLAG = "--set <field=value>";

/** Declares flags on a command. */
export function addRunFlags(command: Command, flags: readonly RunFlag[]): void {
  for (const each of flags) {
    const shown = Array.isArray(each.default) ? each.default.join("x") : each.default;
    const suffix = shown === undefined ? "" : ` (default: ${shown})`;
    const option = new Option(each.flag, each.description + suffix);
    command.addOption(each.parse === undefined ? option : option.argParser(each.parse));
  }
}

/** Declares what every command that reads a configuration has. */
export function addConfigFlags(command: Command): void {
  command
    .option("--config <file>", "configuration in YAML or JSON; flags win over it")
    .option("--allow-code", "run the modules that the configuration names under quantizerModules")
    .option(
      SET_FLAG,
      "any field of the configuration, as quantizer.gradient=reflection; repeatable",
      repeated,
    );
}

/** Declares the flags of every command that computes. */
export function addEngineFlags(command: Command): void {
  command
    .option("--engine <name>", "auto, onnxruntime or tensorflow (default: auto)")
    .option("--device <name>", "cpu, webgpu (any GPU) or cuda, with onnxruntime (default: cpu)")
    .option("--threads <n>", "threads inside one operator (default: one a processor)", integer);
}

/** Declares the flags about what is printed. */
export function addOutputFlags(command: Command, json = "print the result as JSON on stdout"): void {
  command.option("--json", json).option("--quiet", "no progress, no notes");
}

/** Declares the flag that makes quantizers of one's own known. */
export function addModuleFlag(command: Command): void {
  command.option(
    "--quantizer-module <file>",
    "run a JavaScript module that registers a quantizer of one's own; repeatable",
    repeated,
  );
}

/** Values of the flags that every command which uses a trained model has. */
export interface ModelFlags extends EngineFlags {
  readonly quantizerModule?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Declares the flags of `ModelFlags`. */
export function addModelFlags(command: Command): void {
  addEngineFlags(command);
  addModuleFlag(command);
  addOutputFlags(command);
}

/**
 * Ends the declaration of a command that trains: the flags that all of these share, and what the command does.
 *
 * @param options.json what `--json` prints
 * @param options.body receives the configuration that the command line stands for
 */
export function finishRunCommand(
  command: Command,
  options: {
    readonly flags: readonly RunFlag[];
    readonly json: string;
    readonly body: (config: ConfigObject, values: FlagValues) => Promise<void>;
  },
): void {
  addEngineFlags(command);
  addConfigFlags(command);
  addModuleFlag(command);
  addOutputFlags(command, options.json);
  const { flags, body } = options;
  command.action((images: string[], values: FlagValues) =>
    namingFlags(values, flags, async () => body(await gatherConfig(images, values, flags), values)),
  );
}

/** Values of flags as commander gathers them. */
export type FlagValues = Readonly<Record<string, unknown>>;

/**
 * The configuration that a command line stands for: the file, then `--set`, then the flags, the later winning.
 * Modules that register quantizers are run.
 *
 * @throws UsageError
 */
export async function gatherConfig(
  images: readonly string[],
  values: FlagValues,
  flags: readonly RunFlag[],
): Promise<ConfigObject> {
  const file = values.config as string | undefined;
  const written = file === undefined ? {} : await readConfigFile(file);
  const { modules, rest } = takeQuantizerModules(written, {
    folder: path.dirname(file ?? ""),
    allowCode: values.allowCode === true,
  });
  await loadQuantizerModules([...modules, ...((values.quantizerModule as string[] | undefined) ?? [])]);

  let config = rest;
  // Short forms, so that single fields can be set beside them.
  if (typeof config.data === "string" || Array.isArray(config.data))
    config = { ...config, data: { images: config.data } };
  if (typeof config.from === "string") config = { ...config, from: { model: config.from } };
  if (typeof config.quantizer === "string") config = { ...config, quantizer: { kind: config.quantizer } };

  for (const assignment of (values.set as string[] | undefined) ?? [])
    config = withAssignment(config, assignment);
  for (const { flag, field } of [...flags, ...GENERAL_FLAGS]) {
    const value = values[attributeOf(flag)];
    if (value !== undefined) config = withValue(config, field, value);
  }
  if (images.length > 0) config = withValue(config, "data.images", images.length === 1 ? images[0] : images);
  // A run that goes on has its images.
  if (valueAt(config, "data.images") === undefined && values.resume === undefined) {
    throw new UsageError("expected IMAGES: a folder, a glob pattern or files, got none.");
  }
  return config;
}

/** Flags that every training command has and that go into the configuration under their own names. */
const GENERAL_FLAGS: readonly FlagField[] = [
  { flag: "--engine <name>", field: "engine" },
  { flag: "--device <name>", field: "device" },
  { flag: "--threads <n>", field: "threads" },
  { flag: "--out <dir>", field: "out" },
  { flag: "--overwrite", field: "overwrite" },
];

function withAssignment(config: ConfigObject, assignment: string): ConfigObject {
  const at = assignment.indexOf("=");
  if (at < 1)
    throw new UsageError(`--set ${assignment}: expected field=value, as quantizer.gradient=reflection.`);
  const text = assignment.slice(at + 1);
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch {
    value = text;
  }
  return withValue(config, assignment.slice(0, at), value);
}

/**
 * Runs a command so that a wrong value is told by the name of the flag that gave it, not of the field it went to:
 * `quantizer.levels[1]: expected …` becomes `--levels[1]: expected …`.
 */
export async function namingFlags(
  values: object,
  flags: readonly FlagField[],
  command: () => Promise<void>,
): Promise<void> {
  try {
    await command();
  } catch (error) {
    throw withFlagName(error, values as FlagValues, flags);
  }
}

function withFlagName(error: unknown, values: FlagValues, flags: readonly FlagField[]): unknown {
  if (!(error instanceof Error) || error.name !== "ConfigError" || !("path" in error)) return error;
  const path = String(error.path);
  const given = [...flags, ...GENERAL_FLAGS].find(
    ({ flag, field }) =>
      values[attributeOf(flag)] !== undefined &&
      path.startsWith(field) &&
      /^([.[]|$)/.test(path.slice(field.length)),
  );
  if (given === undefined) return error;
  const [name = given.flag] = given.flag.split(" ");
  return new UsageError(name + error.message.slice(given.field.length));
}

/** `--codebook-size <n>` → `codebookSize`, as commander names it. */
function attributeOf(flag: string): string {
  return new Option(flag).attributeName();
}

/**
 * `runs/NAME`, or `runs/NAME-2` and so on when that is taken and not to be overwritten.
 *
 * @param exists whether there is anything of that name
 */
export function freeRunFolder(name: string, exists: (dir: string) => boolean, overwrite = false): string {
  const first = path.join("runs", name);
  let dir = first;
  for (let i = 2; !overwrite && exists(dir); i++) dir = `${first}-${i}`;
  return dir;
}
