import type * as tf from "@tensorflow/tfjs";
import type { StoredTensor } from "../runs/index.js";

/**
 * Float32 variables as arrays for a file, by the same names. They are read together, as one run of a recording engine;
 * none may be assigned before the promise resolves.
 */
export async function storedVariables(
  variables: ReadonlyMap<string, tf.Variable>,
): Promise<Map<string, StoredTensor>> {
  const stored = await Promise.all(
    [...variables].map(async ([name, variable]): Promise<[string, StoredTensor]> => {
      const data = (await variable.data()) as Float32Array;
      return [name, { dtype: "F32", shape: [...variable.shape], data }];
    }),
  );
  return new Map(stored);
}
