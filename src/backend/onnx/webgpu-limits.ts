import type { GraphProto, NodeProto, TensorProto } from "./model-proto.js";

/**
 * What a graph must be told to ONNX Runtime's WebGPU provider with. The provider leaves alone what it has no kernel for,
 * and the CPU computes that. Some nodes it takes, and then fails or, worse, computes wrong values; which, was found in
 * ONNX Runtime 1.30 by tfjs-core's specs and by comparison with the CPU provider on SwiftShader; all of it holds on an
 * NVIDIA H200 too (driver 580). tools/webgpu-limits.mjs tries each entry again.
 */
export interface WebGpuLimits {
  /** Names of nodes that have to stay on the CPU. */
  readonly cpuNodes: readonly string[];
  /** Images as [N, H, W, C], which is faster, or as [N, C, H, W] where a convolution would go wrong otherwise. */
  readonly preferredLayout: "NHWC" | "NCHW";
}

export function webGpuLimits({
  nodes,
  initializers,
  inputs,
}: Pick<GraphProto, "nodes" | "initializers" | "inputs">): WebGpuLimits {
  const constants = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const dims = new Map<string, readonly number[]>();
  for (const tensor of initializers) dims.set(tensor.name, tensor.dims);
  for (const input of inputs) dims.set(input.name, input.dims as number[]);
  for (const node of nodes) {
    const found = dimsAfter(node, dims, constants);
    if (found !== undefined) dims.set(node.outputs[0] as string, found);
  }
  const isWrong = (node: NodeProto) => isWrongChannelsLast(node, dims.get(node.inputs[1] ?? ""));
  return {
    cpuNodes: nodes
      .filter((node) => staysOnCpu(node, int64s(constants.get(node.inputs[4] ?? ""))))
      .map(({ outputs }) => outputs[0] as string),
    preferredLayout: nodes.some(isWrong) ? "NCHW" : "NHWC",
  };
}

/**
 * - MaxPool with its second output fails: "The Indices output is not supported yet".
 * - ConvTranspose of volumes fails: "Only Conv2d or Conv1d are supported".
 * - Slice of several axes of which one runs backwards gives wrong values.
 */
function staysOnCpu({ opType, outputs, attributes }: NodeProto, steps: readonly bigint[]): boolean {
  if (opType === "MaxPool") return outputs.length > 1;
  if (opType === "ConvTranspose") return numbers(attributes.kernel_shape).length > 2;
  return opType === "Slice" && steps.some((step) => step < 0n);
}

/**
 * What the provider's kernels for [N, H, W, C] get wrong, and those for [N, C, H, W] do not:
 *
 * - Conv from 6, 9, 15, 18 ... channels (multiples of 3, not of 4) to a multiple of 4 (microsoft/onnxruntime#29651).
 * - Conv of an image exactly as large as its filter ignores padding that stands only at the ends. Nodes do not know
 *   the image's size; of the paddings that tfjs calls "same" only those with stride 1 can be meant.
 * - ConvTranspose in groups of several input channels and one output channel.
 *
 * @param filter dimensions of the second input, undefined where they are not known
 */
function isWrongChannelsLast({ opType, attributes }: NodeProto, filter?: readonly number[]): boolean {
  if (opType === "ConvTranspose") return (attributes.group ?? 1) !== 1;
  if (opType !== "Conv") return false;
  const [pads, strides] = [numbers(attributes.pads), numbers(attributes.strides)];
  const [begins, ends] = [pads.slice(0, pads.length / 2), pads.slice(pads.length / 2)];
  if (begins.every((pad) => pad === 0) && ends.some((pad, axis) => pad > 0 && strides[axis] === 1))
    return true;
  if (filter === undefined) return true;
  const [outputs, inputs, ...sides] = filter as [number, number, ...number[]];
  if (sides.every((side) => side === 1)) return false; // a matrix product
  return inputs > 3 && inputs % 3 === 0 && inputs % 4 !== 0 && outputs % 4 === 0;
}

/** Dimensions through the nodes that filters pass on their way to a convolution. */
function dimsAfter(
  { opType, inputs, attributes }: NodeProto,
  dims: ReadonlyMap<string, readonly number[]>,
  constants: ReadonlyMap<string, TensorProto>,
): readonly number[] | undefined {
  if (opType === "Reshape") {
    const shape = int64s(constants.get(inputs[1] ?? "")).map(Number);
    return shape.every((size) => size > 0) ? shape : undefined;
  }
  const before = dims.get(inputs[0] ?? "");
  if (opType !== "Transpose" || before === undefined) return undefined;
  return numbers(attributes.perm).map((axis) => before[axis] as number);
}

/** The values of a constant list; empty where it is none. */
function int64s(tensor: TensorProto | undefined): readonly bigint[] {
  // A copy, because a view on 64-bit numbers must begin at a multiple of 8.
  return tensor?.type === "int64" ? [...new BigInt64Array(tensor.bytes.slice().buffer)] : [];
}

function numbers(attribute: NodeProto["attributes"][string]): readonly number[] {
  return Array.isArray(attribute) ? attribute : [];
}
