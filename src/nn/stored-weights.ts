import { VqkitError } from "../core/errors.js";
import { floatsOf, type TensorMap } from "../files/index.js";
import type { WeightValue } from "./state-dict.js";

/**
 * The weights of a file as a network takes them: float32, whichever floating-point type they are stored in.
 *
 * @throws VqkitError("format") naming a weight of integers, or one that is not finite: everything computed with it would
 * be NaN, and indices would mean nothing
 */
export function storedWeightValues(weights: TensorMap): Map<string, WeightValue> {
  const values = new Map<string, WeightValue>();
  for (const [name, tensor] of weights) {
    const data = floatsOf(tensor);
    if (data === undefined) {
      throw new VqkitError(
        "format",
        `Weight "${name}": expected element type F32, F16, BF16 or F64, got ${tensor.dtype}.`,
      );
    }
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new VqkitError(
        "format",
        `Weight "${name}": expected finite numbers, got ${data[bad]} at position ${bad}. Take a model whose training did not diverge.`,
      );
    }
    values.set(name, { shape: tensor.shape, data });
  }
  return values;
}
