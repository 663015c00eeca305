import {
  type Attributes,
  type ElementType,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";

/** A size in an ONNX model: a number, or the name of a size that only the input decides. */
export type Dimension = number | string;

/** Values of a constant; 8-bit ones are unsigned integers. */
type ConstantData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** What is left for names, nodes and metadata is far more than they need. */
const MAX_CONSTANT_BYTES = 2 ** 31 - 2 ** 24;

/**
 * Collects the nodes of an ONNX model whose batch, height and width stay open.
 *
 * The engine's own graphs cannot be written to a file in its place: they are made for one size of image, and shapes
 * are built into them. Here every shape that depends on the input is computed in the graph. Names are for people: a
 * weight has the name it has in model.safetensors, a node that of its layer and operator.
 */
export class GraphWriter {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #values = new Map<string, ValueInfoProto>();
  readonly #taken = new Set<string>();
  /** Tensors that became outputs, by the names they had. */
  readonly #outputNames = new Map<string, string>();
  #scope = "";

  /** Runs `write`; nodes that it emits are named after `scope`. */
  within<T>(scope: string, write: () => T): T {
    const before = this.#scope;
    this.#scope = scope;
    try {
      return write();
    } finally {
      this.#scope = before;
    }
  }

  /** Emits one node of an operator of ONNX's default domain, opset 18, and returns the name of its only output. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.#fresh(this.#scope === "" ? opType : `${this.#scope}/${opType}`);
    this.#nodes.push({ opType, inputs, outputs: [output], attributes });
    return output;
  }

  /** An input, fed at each run. */
  input(name: string, type: ElementType, dims: readonly Dimension[]): string {
    this.#inputs.push({ name: this.#fresh(name), type, dims });
    return name;
  }

  /** Makes what some node emitted an output of that name. */
  output(
    name: string,
    tensor: string,
    info: { readonly type: ElementType; readonly dims: Dimension[] },
  ): void {
    this.#outputNames.set(tensor, this.#fresh(name));
    this.#outputs.push({ name, ...info });
  }

  /** States the shape of a float32 tensor in between, which inference does not find where it depends on the input. */
  describe(tensor: string, dims: readonly Dimension[]): void {
    this.#values.set(tensor, { name: tensor, type: "float32", dims });
  }

  /** A constant inside the model; asking for the same name again gives the same constant. */
  constant(name: string, data: ConstantData, dims: readonly number[]): string {
    if (this.#initializers.has(name)) return name;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.set(this.#fresh(name), { name, type: typeOf(data), dims, bytes });
    return name;
  }

  /** A constant list of int64, as shapes, axes and paddings are given. */
  int64s(values: readonly number[]): string {
    const data = BigInt64Array.from(values, (value) => BigInt(value));
    return this.constant(`int64[${values.join()}]`, data, [values.length]);
  }

  /** A constant scalar. */
  scalar(value: number, type: "float32" | "int32" | "int64" = "float32"): string {
    const data =
      type === "float32"
        ? Float32Array.of(value)
        : type === "int32"
          ? Int32Array.of(value)
          : BigInt64Array.of(BigInt(value));
    return this.constant(`${type}(${value})`, data, []);
  }

  /** Sizes `start` to `end` - 1 of a tensor's shape, as a list of int64. */
  sizes(tensor: string, start: number, end: number): string {
    return this.op("Shape", [tensor], { start, end });
  }

  /**
   * @param shape numbers; 0 keeps the size of that axis, -1 takes what is left; names are lists of int64
   */
  reshape(tensor: string, shape: readonly (number | string)[]): string {
    const list = shape.every((part) => typeof part === "number")
      ? this.int64s(shape)
      : this.op(
          "Concat",
          shape.map((part) => (typeof part === "number" ? this.int64s([part]) : part)),
          { axis: 0 },
        );
    return this.op("Reshape", [tensor, list]);
  }

  cast(tensor: string, to: ElementType): string {
    return this.op("Cast", [tensor], { to: { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 }[to] });
  }

  /**
   * The finished model.
   *
   * @throws VqkitError("format") when its constants do not fit into one file
   */
  encode(name: string, metadata: Readonly<Record<string, string>>): Uint8Array {
    checkSize(name, [...this.#initializers.values()]);
    const rename = (tensor: string): string => this.#outputNames.get(tensor) ?? tensor;
    const nodes = this.#nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    }));
    const graph = {
      name,
      nodes,
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
      // A tensor that became an output has its shape there.
      values: [...this.#values.values()].filter(({ name }) => !this.#outputNames.has(name)),
    };
    return encodeModel(graph, { opset: 18, producer: "vqkit", metadata });
  }

  #fresh(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#taken.has(name); i++) name = `${wanted}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** Before any bytes are made of it: a protobuf message has less than 2 GiB. */
function checkSize(name: string, constants: readonly TensorProto[]): void {
  const bytes = constants.reduce((sum, constant) => sum + constant.bytes.length, 0);
  if (bytes <= MAX_CONSTANT_BYTES) return;
  throw new VqkitError(
    "format",
    `${name}.onnx: expected weights of less than 2 GiB, as much as one ONNX file holds, got ${(bytes / 2 ** 30).toFixed(2)} GiB. ` +
      "Only a model with fewer weights can be exported.",
  );
}

function typeOf(data: ConstantData): ElementType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  return data instanceof BigInt64Array ? "int64" : "uint8";
}
