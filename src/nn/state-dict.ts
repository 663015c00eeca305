import { VqkitError } from "../core/errors.js";
import * as tf from "../tf/index.js";

/** A weight outside the engine: row-major float32 values and their shape. */
export interface WeightValue {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A state dictionary: weights by name. */
export type WeightValues = ReadonlyMap<string, WeightValue>;

/** Whatever has a shape, by name: variables, parameters. */
type Shaped = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** How a state dictionary is held against what it is to fill. */
export interface WeightMatch {
  /** Whether weights may be missing. Default false. */
  readonly part?: boolean;
}

/**
 * Copies variables out, all as they stand at the call, whatever happens to them while the values are read.
 *
 * @returns float32 copies by name, in the variables' order
 */
export async function copyWeightValues(
  variables: ReadonlyMap<string, tf.Variable>,
): Promise<Map<string, WeightValue>> {
  const snapshot = [...variables].map(([name, variable]) => [name, tf.keep(tf.clone(variable))] as const);
  try {
    const values = new Map<string, WeightValue>();
    for (const [name, tensor] of snapshot) {
      // The engine may hand out its own memory.
      values.set(name, { shape: [...tensor.shape], data: Float32Array.from(await tensor.data()) });
    }
    return values;
  } finally {
    for (const [, tensor] of snapshot) tensor.dispose();
  }
}

/**
 * Assigns variables from values of the same name; all or none.
 *
 * @returns the names of variables that kept what they had; none but with `part`
 * @throws VqkitError (`format`) that names the weights which are missing, unknown, or of another shape
 */
export function assignWeightValues(
  variables: ReadonlyMap<string, tf.Variable>,
  values: WeightValues,
  match: WeightMatch = {},
): string[] {
  checkWeights(variables, values, match);
  for (const [name, value] of values) {
    // A copy, because the engine may keep the very array it is given.
    tf.tidy(() => variables.get(name)?.assign(tf.tensor(value.data.slice(), [...value.shape], "float32")));
  }
  return difference([...variables.keys()], [...values.keys()]);
}

/** @throws VqkitError (`format`) that names the weights which are missing, unknown, or of another shape */
export function checkWeights(wanted: Shaped, values: WeightValues, { part = false }: WeightMatch = {}): void {
  const missing = part ? [] : difference([...wanted.keys()], [...values.keys()]);
  checkNames(missing, difference([...values.keys()], [...wanted.keys()]));
  for (const [name, { shape }] of wanted) {
    const value = values.get(name);
    if (value !== undefined) checkValue(name, shape, value);
  }
}

/**
 * The same weights under other names.
 *
 * @param rename undefined leaves a weight out
 * @throws VqkitError (`format`) when two weights get one name
 */
export function renameWeights<T>(
  weights: ReadonlyMap<string, T>,
  rename: (name: string) => string | undefined,
): Map<string, T> {
  const renamed = new Map<string, T>();
  const sources = new Map<string, string>();
  for (const [name, value] of weights) {
    const target = rename(name);
    if (target === undefined) continue;
    const other = sources.get(target);
    if (other !== undefined) {
      throw new VqkitError(
        "format",
        `Weights: expected one for "${target}", got "${other}" and "${name}". Both have this name here.`,
      );
    }
    sources.set(target, name);
    renamed.set(target, value);
  }
  return renamed;
}

function checkNames(missing: readonly string[], extra: readonly string[]): void {
  if (missing.length === 0 && extra.length === 0) return;
  const parts = [
    ...(missing.length > 0 ? [`the file lacks ${list(missing)}`] : []),
    ...(extra.length > 0 ? [`the model has no ${list(extra)}`] : []),
  ];
  throw new VqkitError(
    "format",
    `Weights: ${parts.join("; ")}. Build the model and the quantizer from the config that was saved with the weights.`,
  );
}

function checkValue(name: string, shape: readonly number[], value: WeightValue): void {
  const file = value.shape;
  if (!tf.util.arraysEqual([...shape], [...file])) {
    throw new VqkitError(
      "format",
      `Weight "${name}": model has [${shape.join(",")}], file has [${file.join(",")}].`,
    );
  }
  const size = tf.util.sizeFromShape([...shape]);
  if (value.data.length !== size) {
    throw new VqkitError(
      "format",
      `Weight "${name}": expected ${size} values for [${file.join(",")}], got ${value.data.length}.`,
    );
  }
}

function difference(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return names.filter((name) => !known.has(name));
}

/** A model may lack hundreds of weights; a message names the first few. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `"${name}"`);
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(", ")} and ${rest} more` : shown.join(", ");
}
