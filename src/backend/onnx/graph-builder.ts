import type { DataType } from "@tensorflow/tfjs";
import { BackendError } from "../errors.js";
import {
  type Attributes,
  type ElementType,
  encodeModel,
  type ModelOptions,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./model-proto.js";
import { Value } from "./value.js";
import { type WebGpuLimits, webGpuLimits } from "./webgpu-limits.js";

/** Image tensors are [N, H, W, C] to tfjs and [N, C, H, W] to ONNX. */
const toChannelsFirst = [0, 3, 1, 2];
const toChannelsLast = [0, 2, 3, 1];

/**
 * Collects ONNX nodes. Equal nodes on equal inputs are emitted once, and an image tensor is kept in whichever of the
 * two memory layouts it was made in until somebody asks for the other.
 */
export class GraphBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  /** Names that nodes make. */
  readonly #made = new Set<string>();
  readonly #emitted = new Map<string, readonly string[]>();
  #names = 0;

  /** Emits one node and returns the name of its only output. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.ops(opType, inputs, attributes, 1)[0] as string;
  }

  /** Emits one node with several outputs. */
  ops(opType: string, inputs: readonly string[], attributes: Attributes, outputs: number): readonly string[] {
    const key = `${opType}(${inputs.join()})${JSON.stringify(attributes)}${outputs}`;
    const known = this.#emitted.get(key);
    if (known !== undefined) return known;
    const names = Array.from({ length: outputs }, () => this.#name());
    const node = {
      opType,
      inputs,
      outputs: names,
      attributes,
    };
    this.#nodes.push(node);
    for (const name of names) this.#made.add(name);
    this.#emitted.set(key, names);
    return names;
  }

  /** A graph input that is fed at each run. */
  input(name: string, shape: readonly number[], dtype: DataType): Value {
    this.#inputs.push({ name, type: elementType(dtype), dims: shape });
    return new Value(name, shape, dtype);
  }

  /** Makes `value`, in its plain layout, a graph output and returns the output's name. */
  output(value: Value): string {
    const plain = this.plain(value);
    // A graph output must be some node's, and a node's output can be listed but once.
    const isFree = this.#made.has(plain) && !this.#outputs.some(({ name }) => name === plain);
    const name = isFree ? plain : this.#name();
    if (!isFree) this.#nodes.push({ opType: "Identity", inputs: [plain], outputs: [name], attributes: {} });
    this.#outputs.push({ name, type: elementType(value.dtype), dims: value.shape });
    return name;
  }

  /** A constant tensor inside the model. */
  constant(data: Float32Array | Int32Array | BigInt64Array | Uint8Array, dims: readonly number[]): string {
    const type: ElementType =
      data instanceof Float32Array
        ? "float32"
        : data instanceof Int32Array
          ? "int32"
          : data instanceof Uint8Array
            ? "bool"
            : "int64";
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = bytes.length <= 256 ? `constant ${type} ${dims.join()} ${bytes.join()}` : undefined;
    const known = key === undefined ? undefined : this.#emitted.get(key);
    if (known !== undefined) return known[0] as string;
    const name = this.#name();
    this.#initializers.push({ name, type, dims, bytes });
    if (key !== undefined) this.#emitted.set(key, [name]);
    return name;
  }

  /** A constant tensor that is emitted once however often it is asked for under the same key. */
  constantOnce(
    key: string,
    make: () => { readonly data: Float32Array | Int32Array; readonly dims: readonly number[] },
  ): string {
    const known = this.#emitted.get(`constant ${key}`);
    if (known !== undefined) return known[0] as string;
    const { data, dims } = make();
    const name = this.constant(data, dims);
    this.#emitted.set(`constant ${key}`, [name]);
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
    return this.constant(
      BigInt64Array.from(values, (v) => BigInt(v)),
      [values.length],
    );
  }

  /** A constant scalar of the given type. */
  scalar(value: number, dtype: DataType = "float32"): string {
    if (dtype === "int32") return this.constant(Int32Array.of(value), []);
    if (dtype === "bool") return this.constant(Uint8Array.of(value), []);
    return this.constant(Float32Array.of(value), []);
  }

  cast(name: string, to: DataType | "int64"): string {
    const code = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 }[to as ElementType];
    return this.op("Cast", [name], { to: code });
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
    return webGpuLimits({ ...this.#live(), initializers: this.#initializers, inputs: this.#inputs });
  }

  /** The finished model. */
  encode(options: Omit<ModelOptions, "opset">): Uint8Array {
    const { nodes, used } = this.#live();
    const graph = {
      name: "vqkit",
      nodes,
      initializers: this.#initializers.filter(({ name }) => used.has(name)),
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
    return encodeModel(graph, { opset: 18, ...options });
  }

  /** Nodes that some output depends on; folding leaves others behind. */
  #live(): { nodes: NodeProto[]; used: Set<string> } {
    const used = new Set(this.#outputs.map(({ name }) => name));
    const nodes: NodeProto[] = [];
    for (const node of [...this.#nodes].reverse()) {
      if (!node.outputs.some((name) => used.has(name))) continue;
      nodes.push(node);
      for (const name of node.inputs) used.add(name);
    }
    return { nodes: nodes.reverse(), used };
  }

  /** `nhwc` is the tfjs shape whichever way the permutation goes. */
  #permute(name: string, nhwc: readonly number[], perm: readonly number[]): string {
    const [n, h, w, c] = nhwc as [number, number, number, number];
    // With one channel or one position the bytes already stand in order.
    if (c === 1 || h * w === 1)
      return this.reshapeName(name, perm === toChannelsFirst ? [n, c, h, w] : [n, h, w, c]);
    return this.op("Transpose", [name], { perm });
  }

  #name(): string {
    return `v${this.#names++}`;
  }
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
