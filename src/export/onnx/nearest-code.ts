import type { GraphProto } from "../../backend/index.js";
import { SCORES_PER_BLOCK } from "../../quantizers/index.js";
import type { CodeTable } from "../code-table.js";
import type { GraphWriter } from "./graph-writer.js";

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
  const found = g.op("Scan", [blocks], {
    num_scan_inputs: 1,
    body: { graph: nearestInBlock({ codes, bias, codeDim }) },
  });
  return g.op("Slice", [g.reshape(found, [-1]), g.int64s([0]), count, g.int64s([0])]);
}

/** One step of the Scan: rows [block, D] → indices [block]. The table is read from outside. */
function nearestInBlock(table: {
  readonly codes: string;
  readonly bias: string;
  readonly codeDim: number;
}): GraphProto {
  const [block, scores, nearest] = ["block", "block/scores", "block/nearest"];
  return {
    name: "nearest code",
    nodes: [
      {
        opType: "Gemm",
        inputs: [block, table.codes, table.bias],
        outputs: [scores],
        attributes: { transA: 0, transB: 1 },
      },
      {
        opType: "ArgMax",
        inputs: [scores],
        outputs: [nearest],
        attributes: { axis: 1, keepdims: 0, select_last_index: 0 },
      },
    ],
    initializers: [],
    inputs: [{ name: block, type: "float32", dims: ["block_rows", table.codeDim] }],
    outputs: [{ name: nearest, type: "int64", dims: ["block_rows"] }],
  };
}
