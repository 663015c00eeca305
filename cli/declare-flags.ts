import { type Command, Option } from "commander";
import type { ConfigObject } from "./config-file.js";
import type { EngineFlags } from "./engine-options.js";
import { UsageError } from "./errors.js";
import { type FlagValues, gatherConfig, namingFlags } from "./gather-config.js";
import { type FlagField, OVERSIZE_FLAG, OVERSIZE_HELP, type RunFlag } from "./run-flags.js";
import { integer, repeated } from "./values.js";

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

/** Declares the flag that makes quantizers and losses of one's own known. */
export function addModuleFlag(command: Command): void {
  command.option(
    "--quantizer-module <file>",
    "run a JavaScript module that registers a quantizer or a loss of one's own; repeatable",
    repeated,
  );
}

/**
 * The value of a flag that a command cannot do without, where commander is not to ask for it first: what is wrong with the
 * arguments is told before.
 *
 * @param names the flag, and what it is to give
 * @throws UsageError when there is none
 */
export function requireFlag(value: string | undefined, [flag, what]: readonly [string, string]): string {
  if (value !== undefined) return value;
  throw new UsageError(`required option '${flag}' not specified: ${what}.`);
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
 * @param options.named fields that other flags of the command set, for messages
 * @param options.json what `--json` prints
 * @param options.body receives the configuration that the command line stands for
 */
export function finishRunCommand(
  command: Command,
  options: {
    readonly flags: readonly RunFlag[];
    readonly named?: readonly FlagField[];
    readonly json: string;
    readonly body: (config: ConfigObject, values: FlagValues) => Promise<void>;
  },
): void {
  command.option(OVERSIZE_FLAG, OVERSIZE_HELP);
  addEngineFlags(command);
  addConfigFlags(command);
  addModuleFlag(command);
  addOutputFlags(command, options.json);
  const { flags, named = [], body } = options;
  command.action((images: string[], values: FlagValues) =>
    namingFlags(values, [...flags, ...named], async () =>
      body(await gatherConfig(images, values, flags), values),
    ),
  );
}
