import path from "node:path";
import { Option } from "commander";
import { valueAt, withValue } from "../src/core/objects.js";
import {
  type ConfigObject,
  loadQuantizerModules,
  readConfigFile,
  takeQuantizerModules,
} from "./config-file.js";
import { withImages } from "./data-flags.js";
import { UsageError } from "./errors.js";
import { yaml } from "./packages.js";
import { type FlagField, OVERSIZE_FLAG, type RunFlag } from "./run-flags.js";
import { withObjectivesByKind } from "./written-objectives.js";

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

  config = withObjectivesByKind(config);

  for (const assignment of (values.set as string[] | undefined) ?? [])
    config = withAssignment(config, assignment);
  for (const { flag, field, value: set } of [...flags, ...GENERAL_FLAGS]) {
    const value = values[attributeOf(flag)];
    if (value !== undefined) config = withValue(config, field, set ?? value);
  }
  config = withImages(config, images, values.filesFrom as string | undefined);
  const named = valueAt(config, "data.images") ?? valueAt(config, "data.filesFrom") ?? undefined;
  // A resumed run has its images.
  if (named === undefined && values.resume === undefined) {
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
  { flag: OVERSIZE_FLAG, field: "allowOversize" },
];

function withAssignment(config: ConfigObject, assignment: string): ConfigObject {
  const at = assignment.indexOf("=");
  if (at < 1)
    throw new UsageError(`--set ${assignment}: expected field=value, as quantizer.gradient=reflection.`);
  const text = assignment.slice(at + 1);
  let value: unknown;
  try {
    value = yaml().parse(text);
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
  if (!(error instanceof Error) || !("path" in error)) return error;
  if (error.name !== "ConfigError" && error.name !== "OversizeError") return error;
  const path = String(error.path);
  const given = [...flags, ...GENERAL_FLAGS].find(
    ({ flag, field }) =>
      values[attributeOf(flag)] !== undefined &&
      path.startsWith(field) &&
      /^([.[]|$)/.test(path.slice(field.length)),
  );
  if (given === undefined) return error.name === "OversizeError" ? new UsageError(error.message) : error;
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
