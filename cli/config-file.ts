import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseDocument } from "yaml";
import { UsageError } from "./errors.js";

/** A configuration as it was written: nothing is checked yet but that it is an object. */
export type ConfigObject = Record<string, unknown>;

/**
 * Reads a configuration in JSON or YAML (of which JSON is a part).
 *
 * @throws UsageError when it cannot be read or is no object
 */
export async function readConfigFile(file: string): Promise<ConfigObject> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`--config ${file}: expected a readable file, got ${reason}. Check the path.`);
  }
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) {
    const [line = problem.message] = problem.message.split("\n");
    throw new UsageError(`--config ${file}: expected YAML or JSON: ${line.replace(/:$/, ".")}`);
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  // An empty file is an empty configuration.
  if (value === null || value === undefined) return {};
  if (!isObject(value))
    throw new UsageError(`--config ${file}: expected names with values, got ${kindOf(value)}.`);
  return value;
}

/**
 * Takes the key `quantizerModules` out of a configuration: modules that register quantizers of one's own.
 *
 * @param folder what relative paths in the configuration start from
 * @throws UsageError when it is no list of paths
 */
export function takeQuantizerModules(
  config: ConfigObject,
  folder: string,
): { readonly modules: string[]; readonly rest: ConfigObject } {
  const { quantizerModules = [], ...rest } = config;
  if (!Array.isArray(quantizerModules) || quantizerModules.some((each) => typeof each !== "string")) {
    throw new UsageError("quantizerModules: expected a list of paths of JavaScript modules.");
  }
  return { modules: (quantizerModules as string[]).map((each) => path.resolve(folder, each)), rest };
}

/** Runs modules that register quantizers. @throws UsageError for one that does not load */
export async function loadQuantizerModules(modules: readonly string[]): Promise<void> {
  for (const file of modules) {
    try {
      await import(pathToFileURL(path.resolve(file)).href);
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
      throw new UsageError(`${file}: expected a JavaScript module that registers a quantizer: ${reason}`);
    }
  }
}

/** Sets `value` at a dotted path of a copy; objects on the way are made, and copied, as needed. */
export function withValue(config: ConfigObject, dotted: string, value: unknown): ConfigObject {
  const [key = "", ...rest] = dotted.split(".");
  if (rest.length === 0) return { ...config, [key]: value };
  const inner = config[key];
  return { ...config, [key]: withValue(isObject(inner) ? inner : {}, rest.join("."), value) };
}

/** The value at a dotted path; undefined where there is none. */
export function valueAt(config: ConfigObject, dotted: string): unknown {
  let at: unknown = config;
  for (const key of dotted.split(".")) at = isObject(at) ? at[key] : undefined;
  return at;
}

export function isObject(value: unknown): value is ConfigObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : `${typeof value} ${JSON.stringify(value)}`;
}
