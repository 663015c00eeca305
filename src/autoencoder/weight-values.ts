import * as tf from "@tensorflow/tfjs";
import { VqkitError } from "../core/errors.js";

/** A weight outside the engine: row-major float32 values and their shape. */
export interface WeightValue {
  readonly shape: readonly number[];
  readonly data: Float32Array;
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
 * Assigns every variable from values of the same name; all or none.
 *
 * @throws VqkitError (`format`) that names the weights which are missing, unknown, or of another shape
 */
export function assignWeightValues(
  variables: ReadonlyMap<string, tf.Variable>,
  values: ReadonlyMap<string, WeightValue>,
): void {
  checkNames([...variables.keys()], [...values.keys()]);
  for (const [name, variable] of variables) checkValue(name, variable, values.get(name));
  for (const [name, variable] of variables) {
    const value = values.get(name) as WeightValue;
    // A copy, because the engine may keep the very array it is given.
    tf.tidy(() => variable.assign(tf.tensor(value.data.slice(), [...value.shape], "float32")));
  }
}

function checkNames(ours: readonly string[], theirs: readonly string[]): void {
  const missing = difference(ours, theirs);
  const extra = difference(theirs, ours);
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

function checkValue(name: string, variable: tf.Variable, value: WeightValue | undefined): void {
  const file = value?.shape ?? [];
  if (!tf.util.arraysEqual(variable.shape, [...file])) {
    throw new VqkitError(
      "format",
      `Weight "${name}": model has [${variable.shape.join(",")}], file has [${file.join(",")}].`,
    );
  }
  if (value?.data.length !== variable.size) {
    throw new VqkitError(
      "format",
      `Weight "${name}": expected ${variable.size} values for [${file.join(",")}], got ${value?.data.length}.`,
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
