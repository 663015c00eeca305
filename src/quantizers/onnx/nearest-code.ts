import type { GraphWriter } from "../../backend/index.js";
import type { CodeTable } from "../code-table.js";
import { SCORES_PER_BLOCK } from "../nearest-code.js";

/**
 * Writes argmax_k (z·e_k − ½‖e_k‖²), the lowest index among equals; see `nearestCode` of the quantizers.
 *
 * Rows go through a Scan in blocks, as there, so that at most `SCORES_PER_BLOCK` scores (32 MiB), or the K of a single
 * row, exist at a time however large the image is.
 *
 * @param rows [M, D]
 * @param table.scoresPerBlock how many scores (rows × codes) may exist at once
 * @returns [M] int64
 */
export function writeNearestCode(
  g: GraphWriter,
  rows: string,
  { scoresPerBlock = SCORES_PER_BLOCK, ...table }: CodeTable & { readonly scoresPerBlock?: number },
): string {
  const { codebookSize, codeDim } = table;
  const codes = g.constant("codebook", table.codes, [codebookSize, codeDim]);
  const bias = g.constant("codebook bias", table.bias, [codebookSize]);
  const count = g.sizes(rows, 0, 1); // [M]
  const most = Math.max(1, Math.floor(scoresPerBlock / codebookSize));
  const block = g.op("Min", [count, g.int64s([most])]);
  const missing = g.op("Mod", [g.op("Neg", [count]), block], { fmod: 0 });
  const pads = g.op("Concat", [g.int64s([0, 0]), missing, g.int64s([0])], { axis: 0 });
  const filled = g.op("Pad", [rows, pads], { mode: "constant" });
  const blocks = g.reshape(filled, [-1, block, codeDim]); // [blocks, rows of a block, D]
  const body = g.body(
    { name: "block", type: "float32", dims: ["block_rows", codeDim] },
    { type: "int64", dims: ["block_rows"] },
    (input) => writeNearest(g, { rows: input, codes, bias, codebookSize }),
  );
  const found = g.op("Scan", [blocks], { num_scan_inputs: 1, body: { graph: body } });
  return g.op("Slice", [g.reshape(found, [-1]), g.int64s([0]), count, g.int64s([0])]);
}

/** Rows of at least this many scores are searched in groups, as in the engine (src/backend/kernels/row-extrema.ts). */
const LONG_ROW = 256;
const GROUP = 16;

/** rows [block, D] → indices [block] */
function writeNearest(
  g: GraphWriter,
  {
    rows,
    codes,
    bias,
    codebookSize,
  }: Readonly<Record<"rows" | "codes" | "bias", string>> & Pick<CodeTable, "codebookSize">,
): string {
  const argMax = (each: string): string =>
    g.op("ArgMax", [each], { axis: 1, keepdims: 0, select_last_index: 0 });
  const scores = g.op("Gemm", [rows, codes, bias], { transA: 0, transB: 1 }); // [block, K]
  if (codebookSize < LONG_ROW || codebookSize % GROUP !== 0) return argMax(scores);
  // First the group of neighbours that holds the maximum, then the place within.
  const groups = g.op("Reshape", [scores, g.int64s([0, codebookSize / GROUP, GROUP])]);
  const group = argMax(g.op("ReduceMax", [groups, g.int64s([2])], { keepdims: 0 })); // [block]
  const place = g.op("Unsqueeze", [group, g.int64s([1])]);
  const within = argMax(g.op("GatherND", [groups, place], { batch_dims: 1 })); // [block]
  return g.op("Add", [g.op("Mul", [group, g.scalar(GROUP, "int64")]), within]);
}
