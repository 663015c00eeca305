import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { isObject } from "../src/core/objects.js";
import { UsageError } from "./errors.js";
import { yaml } from "./packages.js";

/** A configuration as it was written: nothing is checked yet but that it is an object. */
export type ConfigObject = Record<string, unknown>;

/** A configuration of every field has some hundred lines. */
const MAX_BYTES = 2 ** 18;
/** How many values the aliases of a file (`*name`) may stand for: few lines of YAML can mean billions of values. */
const MAX_ALIASES = 100;

/**
 * Reads a configuration in JSON or YAML (of which JSON is a part), in UTF-8 or UTF-16. Nothing in it is run: YAML tags make no objects, and
 * modules that it names are only read by `takeQuantizerModules`.
 *
 * @throws UsageError when it cannot be read, is no object, is over 256 KB, has too many aliases or the key `__proto__`
 */
export async function readConfigFile(file: string): Promise<ConfigObject> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) {
      throw new UsageError(`--config ${file}: expected at most ${MAX_BYTES} bytes, got ${size}.`);
    }
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`--config ${file}: expected a readable file, got ${reason}. Check the path.`);
  }
  const { decodeText } = await import("../src/core/text.js");
  const value = parseText(() => decodeText(bytes), file);
  // An empty file is an empty configuration.
  if (value === null || value === undefined) return {};
  if (!isObject(value))
    throw new UsageError(`--config ${file}: expected names with values, got ${kindOf(value)}.`);
  return value;
}

/** Brackets, and dashes of one line, that may be open at once: the time that YAML takes grows with their square. */
const MAX_DEPTH = 100;
const DASHES = new RegExp(`(?:[-?:][ \\t]+){${MAX_DEPTH}}`);

/** @throws Error for a text that nests deeper; brackets in comments and strings count as well, which no one will notice */
function checkDepth(text: string): void {
  let [depth, most] = [0, 0];
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    most = Math.max(most, depth);
  }
  if (most <= MAX_DEPTH && !DASHES.test(text)) return;
  throw new Error(`expected at most ${MAX_DEPTH} levels of nesting, got more.`);
}

function parseText(decode: () => string, file: string): unknown {
  try {
    const text = decode();
    checkDepth(text);
    const document = yaml().parseDocument(text, { logLevel: "error" });
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    checkKeys(value);
    return value;
  } catch (error) {
    // Also nesting so deep that the parser runs out of stack.
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new UsageError(`--config ${file}: expected YAML or JSON: ${line.replace(/:$/, ".")}`);
  }
}

/** @throws Error for a key through which an assignment could reach what all objects share */
function checkKeys(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, "__proto__")) throw new Error('expected names of settings, got "__proto__".');
  for (const part of Object.values(value)) checkKeys(part);
}

/**
 * Takes the key `quantizerModules` out of a configuration: modules that register quantizers or losses of one's own.
 *
 * A module is code, and a configuration may come from anyone: naming one there is not enough to run it.
 *
 * @param options.folder what relative paths in the configuration start from
 * @param options.allowCode whether the user has said that code may be run (`--allow-code`)
 * @throws UsageError when it is no list of paths, or names a module without that
 */
export function takeQuantizerModules(
  config: ConfigObject,
  { folder, allowCode }: { readonly folder: string; readonly allowCode: boolean },
): { readonly modules: string[]; readonly rest: ConfigObject } {
  const { quantizerModules = [], ...rest } = config;
  if (!Array.isArray(quantizerModules) || quantizerModules.some((each) => typeof each !== "string")) {
    throw new UsageError("quantizerModules: expected a list of paths of JavaScript modules.");
  }
  const [first] = quantizerModules as string[];
  if (first !== undefined && !allowCode) {
    throw new UsageError(
      `quantizerModules: expected no code without leave, got ${JSON.stringify(first)}. Add --allow-code to run the modules that the configuration names, or name them by --quantizer-module.`,
    );
  }
  return { modules: (quantizerModules as string[]).map((each) => path.resolve(folder, each)), rest };
}

/** Runs modules that register quantizers or losses. @throws UsageError for one that does not load */
export async function loadQuantizerModules(modules: readonly string[]): Promise<void> {
  for (const file of modules) {
    try {
      await import(pathToFileURL(path.resolve(file)).href);
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
      throw new UsageError(
        `${file}: expected a JavaScript module that registers a quantizer or a loss: ${reason}`,
      );
    }
  }
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : `${typeof value} ${JSON.stringify(value)}`;
}
