import { VqkitError } from "../core/errors.js";
import type { StoredTensor, TensorDtype, TensorMap } from "../files/index.js";

/** What an array of a checkpoint must be. */
export interface ExpectedArray<D extends TensorDtype> {
  readonly dtype: D;
  /** A number for a side of known length, its name for one of any length. */
  readonly shape: readonly (number | string)[];
}

/**
 * An array out of a checkpoint, for those that are no variables: nothing in a file says that it has the shape it was
 * written with.
 *
 * @returns undefined when there is none of this name
 * @throws VqkitError("format") for one of another type or shape
 */
export function arrayOf<D extends TensorDtype>(
  tensors: TensorMap,
  name: string,
  { dtype, shape }: ExpectedArray<D>,
): Extract<StoredTensor, { dtype: D }> | undefined {
  const stored = tensors.get(name);
  if (stored === undefined) return undefined;
  const fits =
    stored.dtype === dtype &&
    stored.shape.length === shape.length &&
    shape.every((side, i) => typeof side === "string" || side === stored.shape[i]);
  if (fits) return stored as Extract<StoredTensor, { dtype: D }>;
  throw new VqkitError(
    "format",
    `checkpoint: array "${name}": expected ${dtype} [${shape.join(", ")}], got ${stored.dtype} [${stored.shape.join(", ")}]. Put a copy of the checkpoint back, or remove it to go on from the one before.`,
  );
}
