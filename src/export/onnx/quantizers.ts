/** The quantizers' part of an exported model. */
import type { GraphWriter } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import {
  boundOf,
  FiniteScalarQuantizer,
  placeValues,
  type Quantizer,
  VectorQuantizer,
} from "../../quantizers/index.js";
import { type CodeTable, readCodeTable } from "../code-table.js";
import { writeNearestCode } from "./nearest-code.js";

/** How a quantizer is written into ONNX graphs. N images, H×W latent grid, D code dimension, Q codebooks. */
export interface OnnxQuantizer {
  /**
   * @param latents name of a float32 tensor [N, H, W, D]
   * @returns name of an int32 tensor [N, H, W, Q], made by a node
   */
  writeEncoder(g: GraphWriter, latents: string): string;
  /**
   * @param indices name of an int32 tensor [N, H, W, Q]
   * @returns name of a float32 tensor [N, H, W, D]
   */
  writeDecoder(g: GraphWriter, indices: string): string;
  /** Facts to stand in the files' metadata, such as FSQ's levels. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Reads what a quantizer has learned and returns how to write it. */
export type OnnxQuantizerExport = (quantizer: Quantizer) => Promise<OnnxQuantizer>;

const registered = new Map<string, OnnxQuantizerExport>();

/**
 * Tells `exportOnnx` how to write a kind of quantizer that vqkit does not know.
 *
 * What is written has to find the same indices as the quantizer itself: `exportOnnx` compares them.
 *
 * @param kind as in `registerQuantizer`; registering it again replaces the earlier export
 */
export function registerOnnxExport(kind: string, create: OnnxQuantizerExport): void {
  registered.set(kind, create);
}

/** @throws VqkitError("format") for a kind that nothing is registered for */
export async function onnxQuantizer(quantizer: Quantizer): Promise<OnnxQuantizer> {
  const own = registered.get(quantizer.config.kind);
  if (own !== undefined) return own(quantizer);
  if (quantizer instanceof VectorQuantizer) return tableLookup(await readCodeTable(quantizer));
  if (quantizer instanceof FiniteScalarQuantizer) return finiteScalar(quantizer.config.levels);
  throw new VqkitError(
    "format",
    `quantizer.kind: expected one that can be written as ONNX, got ${JSON.stringify(quantizer.config.kind)}. ` +
      "Register how by registerOnnxExport in the module that registers the quantizer.",
  );
}

function tableLookup(table: CodeTable): OnnxQuantizer {
  const { codebookSize, codeDim } = table;
  return {
    writeEncoder(g, latents) {
      const nearest = writeNearestCode(g, g.reshape(latents, [-1, codeDim]), table);
      return g.cast(g.reshape(nearest, [g.sizes(latents, 0, 3), 1]), "int32");
    },
    writeDecoder(g, indices) {
      const codes = g.constant("codebook", table.codes, [codebookSize, codeDim]);
      const places = g.op("Squeeze", [indices, g.int64s([3])]); // [N, H, W]
      return g.op("Gather", [codes, places], { axis: 0 });
    },
  };
}

/** Bound, round, and read the digits as one number of mixed radix; see src/quantizers/finite-scalar-quantizer.ts. */
function finiteScalar(levels: readonly number[]): OnnxQuantizer {
  const floats = (g: GraphWriter, name: string, values: readonly number[]) =>
    g.constant(name, Float32Array.from(values), [values.length]);
  const integers = (g: GraphWriter, name: string, values: readonly number[]) =>
    g.constant(name, Int32Array.from(values), [values.length]);
  const middle = levels.map((level) => Math.floor(level / 2));
  return {
    metadata: { levels: levels.join() },
    writeEncoder(g, latents) {
      const { half, offset, shift } = boundOf(levels);
      const turned = g.op("Tanh", [g.op("Add", [latents, floats(g, "shift", shift)])]);
      const scaled = g.op("Mul", [turned, floats(g, "half", half)]);
      const bounded = g.op("Sub", [scaled, floats(g, "offset", offset)]);
      // Rounded first and cast after, as in the quantizer.
      const whole = g.cast(g.op("Round", [bounded]), "int32");
      const digits = g.op("Add", [whole, integers(g, "middle", middle)]);
      const valued = g.op("Mul", [digits, integers(g, "place values", placeValues(levels))]);
      return g.op("ReduceSum", [valued, g.int64s([-1])], { keepdims: 1 });
    },
    writeDecoder(g, indices) {
      const shifted = g.op("Div", [indices, integers(g, "place values", placeValues(levels))]);
      const digits = g.op("Mod", [shifted, integers(g, "levels", levels)], { fmod: 0 });
      const centre = floats(g, "middle", middle);
      return g.op("Div", [g.op("Sub", [g.cast(digits, "float32"), centre]), centre]);
    },
  };
}
