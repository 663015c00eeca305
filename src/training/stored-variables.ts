import type * as tf from "@tensorflow/tfjs";
import { VqkitError } from "../core/errors.js";
import type { StoredTensor } from "../files/index.js";

/**
 * Float32 variables as arrays for a file, by the same names. They are read together, as one run of a recording engine;
 * none may be assigned before the promise resolves.
 *
 * @throws VqkitError("numerics") naming a variable that holds NaN or an infinity: such weights are not worth a file
 */
export async function storedVariables(
  variables: ReadonlyMap<string, tf.Variable>,
): Promise<Map<string, StoredTensor>> {
  const stored = await Promise.all(
    [...variables].map(async ([name, variable]): Promise<[string, StoredTensor]> => {
      const data = (await variable.data()) as Float32Array;
      const bad = data.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        throw new VqkitError(
          "numerics",
          `weight "${name}": expected finite numbers, got ${data[bad]}. Lower learningRate or set gradientClip.`,
        );
      }
      return [name, { dtype: "F32", shape: [...variable.shape], data }];
    }),
  );
  return new Map(stored);
}
