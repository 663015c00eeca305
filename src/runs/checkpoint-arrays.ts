import { VqkitError } from "../core/errors.js";
import type { StoredTensor, TensorDtype, TensorMap } from "../files/index.js";
import { CodeCounts } from "../metrics/index.js";

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
    `checkpoint: array "${name}": expected ${dtype} [${shape.join(", ")}], got ${stored.dtype} [${stored.shape.join(", ")}]. Put a copy of the checkpoint back, or remove it to resume from the one before.`,
  );
}

/** Counts as arrays for a checkpoint: for each codebook `indices/<q>` and `counts/<q>` of the codes seen. */
export function storedCounts(counts: CodeCounts): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (let q = 0; q < counts.numCodebooks; q++) {
    const used = counts.usedCodes(q);
    const shape = [used.length];
    const indices = Float64Array.from(used, ({ index }) => index); // exact for every index, as float64 holds it
    tensors.set(`indices/${q}`, { dtype: "F64", shape, data: indices });
    const data = Float64Array.from(used, ({ count }) => count);
    tensors.set(`counts/${q}`, { dtype: "F64", shape, data });
  }
  return tensors;
}

/**
 * The counts that `storedCounts` gave; none where there are none.
 *
 * @throws VqkitError("format") for an array of another type or shape; VqkitError("codes") for counts that contradict
 * themselves or the codebooks
 */
export function countsOf(
  tensors: TensorMap,
  { codebookSize, numCodebooks }: { readonly codebookSize: number; readonly numCodebooks: number },
): CodeCounts {
  const numbers = (name: string) =>
    Array.from(arrayOf(tensors, name, { dtype: "F64", shape: ["codes seen"] })?.data ?? []);
  const codebooks = Array.from({ length: numCodebooks }, (_, q) => ({
    indices: numbers(`indices/${q}`),
    counts: numbers(`counts/${q}`),
  }));
  return CodeCounts.fromJSON({ codebookSize, numCodebooks, codebooks });
}
