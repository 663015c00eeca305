import { type GraphBuilder, sameShape, sizeOf } from "../onnx/graph-builder.js";
import { type Biasless, Value } from "../onnx/value.js";

/** Emits a Gemm or Conv that `foldBias` can later give a bias. Rows of a Gemm may be reshaped in between. */
export function emitBiasless(g: GraphBuilder, operator: Biasless, shape: readonly number[]): Value {
  const name = g.op(operator.opType, operator.inputs, operator.attributes);
  const value =
    operator.opType === "Conv"
      ? g.fromChannelsFirst(name, shape, "float32")
      : new Value(name, shape, "float32");
  value.biasless = operator;
  return value;
}

/**
 * Adds a vector along the last axis inside the operator that made `x`, when that is a Conv or a Gemm without a bias.
 * The operator without the bias drops out of the graph unless somebody else reads it.
 *
 * @returns undefined when there is nothing to fold into
 */
export function foldBias(
  g: GraphBuilder,
  x: Value,
  bias: Value,
  shape: readonly number[],
): Value | undefined {
  const channels = x.shape.at(-1) as number;
  if (x.biasless === undefined || !sameShape(x.shape, shape)) return undefined;
  if (bias.shape.at(-1) !== channels || sizeOf(bias.shape) !== channels) return undefined;
  const { opType, inputs, attributes } = x.biasless;
  const name = g.op(opType, [...inputs, g.plain(g.reshape(bias, [channels]))], attributes);
  if (opType === "Conv") return g.fromChannelsFirst(name, shape, "float32");
  return new Value(g.reshapeName(name, shape), shape, "float32");
}
