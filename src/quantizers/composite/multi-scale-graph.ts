import type { GraphWriter } from "../../backend/index.js";
import type { OnnxQuantizer } from "../onnx/onnx-quantizer.js";
import { type PhiValues, writePhi } from "./phi.js";
import { areaMatrix, bicubicMatrix } from "./resampling.js";

/** What a multi-scale graph is written of, besides its codebook. */
export interface MultiScaleParts {
  readonly scales: readonly number[];
  readonly ratio: number;
  /** Of each scale; undefined without φ. */
  readonly phiOf: readonly (PhiValues | undefined)[];
  readonly phiCount: number;
}

/** Scale by scale, as the quantizer computes it; for latents of its grid alone. */
export function multiScaleGraph(member: OnnxQuantizer, parts: MultiScaleParts): OnnxQuantizer {
  const { scales } = parts;
  const side = scales.at(-1) as number;
  return {
    metadata: { ...member.metadata, scales: scales.join() },
    writeEncoder(g, latents) {
      const sequence: string[] = [];
      let residual = latents;
      for (const [scale, size] of scales.entries()) {
        const given = resized(g, residual, { matrixOf: areaMatrix, from: side, to: size });
        const indices = g.apart("codebook/", () => member.writeEncoder(g, given));
        sequence.push(g.reshape(indices, [-1, 1, size ** 2, 1]));
        if (scale < scales.length - 1) residual = g.op("Sub", [residual, added(g, indices, scale)]);
      }
      return g.op("Concat", sequence, { axis: 2 });
    },
    writeDecoder(g, indices) {
      const sizes = scales.map((size) => size ** 2);
      const split =
        sizes.length === 1
          ? [indices]
          : g.ops("Split", [indices, g.int64s(sizes)], { axis: 2 }, sizes.length);
      return split
        .map((part, scale) => {
          const size = scales[scale] as number;
          return added(g, g.reshape(part, [-1, size, size, 1]), scale);
        })
        .reduce((sum, each) => g.op("Add", [sum, each]));
    },
  };

  function added(g: GraphWriter, indices: string, scale: number): string {
    const codes = g.apart("codebook/", () => member.writeDecoder(g, indices));
    const from = scales[scale] as number;
    const grown = resized(g, codes, { matrixOf: bicubicMatrix, from, to: side });
    const values = parts.phiOf[scale];
    if (values === undefined) return grown;
    const number = parts.phiOf.indexOf(values);
    return g.apart(`phi of scale ${number}/`, () => writePhi(g, grown, { side, ratio: parts.ratio, values }));
  }
}

/** [N, from, from, D] → [N, to, to, D] */
function resized(
  g: GraphWriter,
  grid: string,
  {
    matrixOf,
    from,
    to,
  }: { readonly matrixOf: typeof areaMatrix; readonly from: number; readonly to: number },
): string {
  if (from === to) return grid;
  const matrix = g.literal(matrixOf(from, to), [to ** 2, from ** 2]);
  const batch = g.sizes(grid, 0, 1);
  const dim = g.sizes(grid, 3, 4);
  const turned = g.op("Transpose", [grid], { perm: [1, 2, 0, 3] });
  const rows = g.reshape(turned, [from ** 2, -1]); // [from², N*D]
  const made = g.op("Gemm", [matrix, rows], { transA: 0, transB: 0 });
  return g.op("Transpose", [g.reshape(made, [to, to, batch, dim])], { perm: [2, 0, 1, 3] });
}
