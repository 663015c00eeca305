import type { StoredTensor, TensorMap } from "../files/index.js";
import { CodeCounts } from "../metrics/index.js";
import { arrayOf } from "./checkpoint-arrays.js";

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
