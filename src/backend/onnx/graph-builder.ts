import type { DataType } from "../../tf/index.js";
import { BackendError } from "../errors.js";
import { GraphWriter, namesRead } from "./graph-writer.js";
import { type Attributes, type ElementType, encodeModel, type NodeProto } from "./model-proto.js";
import { Value } from "./value.js";
import { type WebGpuLimits, webGpuLimits } from "./webgpu-limits.js";

/** Image tensors are [N, H, W, C] to tfjs and [N, C, H, W] to ONNX. */
const toChannelsFirst = [0, 3, 1, 2];
const toChannelsLast = [0, 2, 3, 1];

/**
 * Writes a graph whose shapes are all known, in the types of tfjs. An image tensor is kept in whichever of the two
 * memory layouts it was made in until somebody asks for the other.
 */
export class GraphBuilder {
  /** Whether the graph is for ONNX Runtime's WebGPU provider, on which some things are better computed otherwise. */
  readonly forWebGpu: boolean;
  /** Whether the processor alone computes the graph. */
  readonly onCpu: boolean;
  readonly #writer = new GraphWriter();
  readonly #constants = new Map<string, string>();

  constructor({ forWebGpu = false, onCpu = true }: { forWebGpu?: boolean; onCpu?: boolean } = {}) {
    this.forWebGpu = forWebGpu;
    this.onCpu = onCpu && !forWebGpu;
  }

  /** Emits one node and returns the name of its only output. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.#writer.op(opType, inputs, attributes);
  }

  /** Emits one node with several outputs. */
  ops(opType: string, inputs: readonly string[], attributes: Attributes, outputs: number): readonly string[] {
    return this.#writer.ops(opType, inputs, attributes, outputs);
  }

  /** A graph input that is fed at each run. */
  input(name: string, shape: readonly number[], dtype: DataType): Value {
    return new Value(this.#writer.input(name, elementType(dtype), shape), shape, dtype);
  }

  /** Makes `value`, in its plain layout, a graph output and returns the output's name. */
  output(value: Value): string {
    const info = { type: elementType(value.dtype), dims: value.shape };
    return this.#writer.output(undefined, this.plain(value), info);
  }

  /** A constant tensor inside the model; 8-bit values are booleans. */
  constant(data: Float32Array | Int32Array | BigInt64Array | Uint8Array, dims: readonly number[]): string {
    return this.#writer.literal(data, dims, data instanceof Uint8Array ? "bool" : undefined);
  }

  /** A constant tensor that is emitted once however often it is asked for under the same key. */
  constantOnce(
    key: string,
    make: () => { readonly data: Float32Array | Int32Array; readonly dims: readonly number[] },
  ): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const { data, dims } = make();
    const name = this.constant(data, dims);
    this.#constants.set(key, name);
    return name;
  }

  /** A constant tensor as a value. */
  constantValue(
    data: Float32Array | Int32Array | Uint8Array,
    shape: readonly number[],
    dtype: DataType,
  ): Value {
    return new Value(this.constant(data, shape), shape, dtype);
  }

  /** A constant list of int64, as shapes and axes are given. */
  int64(values: readonly number[]): string {
    return this.#writer.int64s(values);
  }

  /** A constant scalar of the given type. */
  scalar(value: number, dtype: DataType = "float32"): string {
    if (dtype === "bool") return this.constant(Uint8Array.of(value), []);
    return this.#writer.scalar(value, dtype === "int32" ? "int32" : "float32");
  }

  cast(name: string, to: DataType | "int64"): string {
    return this.#writer.cast(name, to as ElementType);
  }

  /** The value's name in the layout tfjs sees. */
  plain(value: Value): string {
    value.plain ??=
      value.deferred?.layout === "plain"
        ? value.deferred.make()
        : this.#permute(this.channelsFirst(value), value.shape, toChannelsLast);
    return value.plain;
  }

  /** The name of a rank-4 value as [N, C, H, W]. */
  channelsFirst(value: Value): string {
    if (value.shape.length !== 4)
      throw new BackendError("shape", `channels-first needs rank 4, got [${value.shape}].`);
    value.channelsFirst ??=
      value.deferred?.layout === "channelsFirst"
        ? value.deferred.make()
        : this.#permute(this.plain(value), value.shape, toChannelsFirst);
    return value.channelsFirst;
  }

  /** A value that exists as [N, C, H, W] only; `shape` is its [N, H, W, C]. */
  fromChannelsFirst(name: string, shape: readonly number[], dtype: DataType): Value {
    return new Value(undefined, shape, dtype, name);
  }

  reshape(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    const reshaped = new Value(this.reshapeName(this.plain(value), shape), shape, value.dtype);
    if (value.biasless?.layout === "plain" && shape.at(-1) === value.shape.at(-1))
      reshaped.biasless = value.biasless;
    return reshaped;
  }

  reshapeName(name: string, shape: readonly number[]): string {
    return this.op("Reshape", [name, this.int64(shape)], { allowzero: shape.includes(0) ? 1 : 0 });
  }

  /** A tensor repeated to a larger shape by ONNX's broadcasting. */
  expand(name: string, shape: readonly number[]): string {
    return this.op("Expand", [name, this.int64(shape)]);
  }

  transposeName(name: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? name : this.op("Transpose", [name], { perm });
  }

  /** What the graph's nodes ask of a session on WebGPU. */
  webGpuLimits(): WebGpuLimits {
    return webGpuLimits(this.#writer.graph("vqkit"));
  }

  /** The finished model. */
  encode(): Uint8Array {
    const graph = this.#writer.graph("vqkit");
    return encodeModel({ ...graph, nodes: earliestLast(graph.nodes) }, { opset: 18, producer: "vqkit" });
  }

  /** `nhwc` is the tfjs shape whichever way the permutation goes. */
  #permute(name: string, nhwc: readonly number[], perm: readonly number[]): string {
    const [n, h, w, c] = nhwc as [number, number, number, number];
    // With one channel or one position the bytes already stand in order.
    if (c === 1 || h * w === 1)
      return this.reshapeName(name, perm === toChannelsFirst ? [n, c, h, w] : [n, h, w, c]);
    return this.op("Transpose", [name], { perm });
  }
}

/**
 * The same nodes with those that none reads at the end, the earliest last. ONNX Runtime takes the last one first, with all
 * that it depends on, then the one before. So each weight's gradient is computed as soon as it can be: taken the other way
 * round, the last one's would bring with it the whole way back through the network, and what all others need would be
 * kept until then.
 */
function earliestLast(nodes: readonly NodeProto[]): NodeProto[] {
  const read = new Set(nodes.flatMap(namesRead));
  const isRead = (node: NodeProto): boolean => node.outputs.some((output) => read.has(output));
  return [...nodes.filter(isRead), ...nodes.filter((node) => !isRead(node)).reverse()];
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function elementType(dtype: DataType): ElementType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new BackendError(
    "unsupported",
    `Tensors of type ${dtype} cannot be computed with here; only float32, int32 and bool can.`,
  );
}
