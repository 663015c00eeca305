import type { CodeTable } from "../code-table.js";
import type { Placement } from "../codebooks/placement.js";
import { writeNearestCode } from "./nearest-code.js";
import type { OnnxQuantizer } from "./onnx-quantizer.js";

/** How a table of codes is written: the search for the nearest one, and the look-up. */
export function tableLookup(table: CodeTable, placement: Placement): OnnxQuantizer {
  const { codebookSize, codeDim } = table;
  return {
    writeEncoder(g, latents) {
      const nearest = writeNearestCode(g, placement.write(g, g.reshape(latents, [-1, codeDim])), table);
      return g.cast(g.reshape(nearest, [g.sizes(latents, 0, 3), 1]), "int32");
    },
    writeDecoder(g, indices) {
      const codes = g.constant("codebook", table.codes, [codebookSize, codeDim]);
      const places = g.op("Squeeze", [indices, g.int64s([3])]); // [N, H, W]
      return g.op("Gather", [codes, places], { axis: 0 });
    },
  };
}
