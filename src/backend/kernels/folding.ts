import { type GraphBuilder, sameShape, sizeOf } from "../onnx/graph-builder.js";
import type { Attributes } from "../onnx/model-proto.js";
import { Value } from "../onnx/value.js";

/** A Gemm or Conv without its third input. */
export interface TwoOperands {
  readonly opType: "Gemm" | "Conv";
  readonly inputs: readonly [string, string];
  readonly attributes: Attributes;
}

/** Emits a Gemm or Conv that `foldBias` can later give a bias. Rows of a Gemm may be reshaped in between. */
export function emitBiasless(
  g: GraphBuilder,
  { opType, inputs, attributes }: TwoOperands,
  shape: readonly number[],
): Value {
  const name = g.op(opType, inputs, attributes);
  const layout = opType === "Conv" ? "channelsFirst" : "plain";
  const value =
    layout === "plain" ? new Value(name, shape, "float32") : g.fromChannelsFirst(name, shape, "float32");
  value.biasless = { layout, withBias: (bias) => g.op(opType, [...inputs, bias], attributes) };
  return value;
}

/**
 * Adds a vector along the last axis inside the operator that made `x`, when that can still take a bias. The operator
 * without the bias drops out of the graph unless somebody else reads it.
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
  const { layout, withBias } = x.biasless;
  const name = withBias(g.plain(g.reshape(bias, [channels])));
  if (layout === "channelsFirst") return g.fromChannelsFirst(name, shape, "float32");
  return new Value(g.reshapeName(name, shape), shape, "float32");
}
