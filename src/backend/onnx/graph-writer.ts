import {
  type Attributes,
  type ElementType,
  elementTypes,
  encodeModel,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./model-proto.js";

/** A size in an ONNX model: a number, or the name of a size that only the input decides. */
export type Dimension = number | string;

/** Values of a constant. */
export type ConstantData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** Type and shape of an output. */
export interface OutputInfo {
  readonly type: ElementType;
  readonly dims: readonly Dimension[];
}

/** Constants of at most this many bytes are looked up by their content. */
const SHORT_CONSTANT_BYTES = 256;
/** A list of at most this many numbers has them in its name. */
const LISTED_NUMBERS = 8;

/**
 * Collects the nodes of an ONNX model: operators of the default domain, opset 18.
 *
 * Equal nodes on equal inputs are one, and so are short constants of equal content. Nodes and constants that no output
 * depends on are left out of the model. Names are for people: a node is called after its scope and operator.
 *
 * The engine's graphs and exported files are both written here. The engine's are made for one size of image, with its
 * shapes built in, through `GraphBuilder`; in exported files every size that depends on the input is computed.
 */
export class GraphWriter {
  /** Of the model, or of the body that is being written. */
  #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  /** Shapes of tensors in between. */
  readonly #values = new Map<string, ValueInfoProto>();
  /** Names that nodes make. */
  readonly #made = new Set<string>();
  /** Outputs of nodes, by what they were made of; of those that the nodes being written may read. */
  #emitted = new Map<string, readonly string[]>();
  /** Short constants by their content. */
  readonly #literals = new Map<string, string>();
  /** How often each name was wanted. */
  readonly #taken = new Map<string, number>();
  /** Tensors that became outputs, by the names that they had. */
  readonly #outputNames = new Map<string, string>();
  #scope = "";
  /** Stands before the names of constants. */
  #constants = "";

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

  /** Runs `write`; constants that it names stand under `prefix`, apart from others of their names. */
  apart<T>(prefix: string, write: () => T): T {
    const before = this.#constants;
    this.#constants = before + prefix;
    try {
      return write();
    } finally {
      this.#constants = before;
    }
  }

  /** Emits one node and returns the name of its only output. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.ops(opType, inputs, attributes, 1)[0] as string;
  }

  /** Emits one node with several outputs. */
  ops(opType: string, inputs: readonly string[], attributes: Attributes, outputs: number): readonly string[] {
    const key = `${opType}(${inputs.join()})${JSON.stringify(attributes)}${outputs}`;
    const known = this.#emitted.get(key);
    if (known !== undefined) return known;
    const wanted = this.#scope === "" ? opType : `${this.#scope}/${opType}`;
    const names = Array.from({ length: outputs }, () => this.#fresh(wanted));
    this.#nodes.push({ opType, inputs, outputs: names, attributes });
    for (const name of names) this.#made.add(name);
    this.#emitted.set(key, names);
    return names;
  }

  /**
   * The body of a Scan, Loop or If, with one output. It may read what was made before it; its constants stand outside.
   *
   * @param input name and shape of what the body is given
   * @param write emits the body's nodes, given the input's name, and returns the name of the output
   */
  body(
    input: { readonly name: string } & OutputInfo,
    output: OutputInfo,
    write: (input: string) => string,
  ): GraphProto {
    const [nodes, emitted] = [this.#nodes, this.#emitted];
    this.#nodes = [];
    this.#emitted = new Map(emitted);
    try {
      const given = { ...input, name: this.#fresh(input.name) };
      const made = write(given.name);
      return {
        name: given.name,
        nodes: this.#nodes,
        initializers: [],
        inputs: [given],
        outputs: [{ name: made, ...output }],
      };
    } finally {
      this.#nodes = nodes;
      this.#emitted = emitted;
    }
  }

  /** An input, fed at each run. */
  input(name: string, type: ElementType, dims: readonly Dimension[]): string {
    const fresh = this.#fresh(name);
    this.#inputs.push({ name: fresh, type, dims });
    return fresh;
  }

  /**
   * Makes a tensor an output of that name.
   *
   * @param name undefined keeps the tensor's own, where no other output has it
   * @returns the output's name
   */
  output(name: string | undefined, tensor: string, info: OutputInfo): string {
    // An output must be some node's, and a node's output can be listed but once.
    const isFree =
      this.#made.has(tensor) &&
      !this.#outputNames.has(tensor) &&
      !this.#outputs.some((output) => output.name === tensor);
    const made = isFree ? tensor : this.#copy(tensor);
    const output = name === undefined ? made : this.#fresh(name);
    if (output !== made) this.#outputNames.set(made, output);
    this.#outputs.push({ name: output, ...info });
    return output;
  }

  /** States the shape of a float32 tensor in between, which inference does not find where it depends on the input. */
  describe(tensor: string, dims: readonly Dimension[]): void {
    this.#values.set(tensor, { name: tensor, type: "float32", dims });
  }

  /**
   * A constant inside the model under a name of its own; asking for the same again gives the same constant.
   *
   * @throws TypeError when the name stands for other values
   */
  constant(wanted: string, data: ConstantData, dims: readonly number[]): string {
    const name = this.#constants + wanted;
    const known = this.#initializers.get(name);
    if (known === undefined) return this.#initializer(this.#fresh(name), { type: typeOf(data), dims, data });
    const same = known.type === typeOf(data) && known.dims.join() === dims.join();
    if (!same || Buffer.compare(known.bytes, bytesOf(data)) !== 0) {
      throw new TypeError(`constant "${name}": expected the values that it has, got others.`);
    }
    return name;
  }

  /**
   * A constant that nobody asks for by name.
   *
   * @param type of the elements; that of the array by default, where 8-bit ones are unsigned integers
   */
  literal(data: ConstantData, dims: readonly number[], type: ElementType = typeOf(data)): string {
    const bytes = bytesOf(data);
    const isShort = bytes.length <= SHORT_CONSTANT_BYTES;
    const key = isShort ? `${type} ${dims.join()} ${bytes.join()}` : undefined;
    const known = key === undefined ? undefined : this.#literals.get(key);
    if (known !== undefined) return known;
    const name = this.#initializer(this.#fresh(literalName(data, dims, type)), { type, dims, data });
    if (key !== undefined) this.#literals.set(key, name);
    return name;
  }

  /** A constant list of int64, as shapes, axes and paddings are given. */
  int64s(values: readonly number[]): string {
    const data = BigInt64Array.from(values, (value) => BigInt(value));
    return this.literal(data, [values.length]);
  }

  /** A constant scalar. */
  scalar(value: number, type: "float32" | "int32" | "int64" = "float32"): string {
    if (type === "float32") return this.literal(Float32Array.of(value), []);
    return this.literal(type === "int32" ? Int32Array.of(value) : BigInt64Array.of(BigInt(value)), []);
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
    return this.op("Cast", [tensor], { to: elementTypes[to] });
  }

  /** Bytes of the constants that outputs depend on. */
  get constantBytes(): number {
    return this.graph("").initializers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** What has been written, without what no output depends on. */
  graph(name: string): GraphProto {
    const used = new Set(this.#outputs.map((output) => output.name));
    const rename = (tensor: string): string => this.#outputNames.get(tensor) ?? tensor;
    const nodes: NodeProto[] = [];
    for (const node of [...this.#nodes].reverse()) {
      const outputs = node.outputs.map(rename);
      if (!outputs.some((output) => used.has(output))) continue;
      nodes.push({ ...node, inputs: node.inputs.map(rename), outputs });
      for (const read of namesRead(node)) used.add(rename(read));
    }
    return {
      name,
      nodes: nodes.reverse(),
      initializers: [...this.#initializers.values()].filter((constant) => used.has(constant.name)),
      inputs: this.#inputs,
      outputs: this.#outputs,
      // A tensor that became an output has its shape there.
      values: [...this.#values.values()].filter(
        (value) => used.has(value.name) && !this.#outputNames.has(value.name),
      ),
    };
  }

  /** The finished model. */
  encode(name: string, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    return encodeModel(this.graph(name), { opset: 18, producer: "vqkit", metadata });
  }

  /** The tensor under another name; never merged with a copy that is there. */
  #copy(tensor: string): string {
    const name = this.#fresh("Identity");
    this.#nodes.push({ opType: "Identity", inputs: [tensor], outputs: [name], attributes: {} });
    this.#made.add(name);
    return name;
  }

  #initializer(
    name: string,
    { type, dims, data }: OutputInfo & { readonly dims: readonly number[]; readonly data: ConstantData },
  ): string {
    this.#initializers.set(name, { name, type, dims, bytes: bytesOf(data) });
    return name;
  }

  #fresh(wanted: string): string {
    const before = this.#taken.get(wanted) ?? 0;
    let count = before + 1;
    let name = before === 0 ? wanted : `${wanted}_${count}`;
    while (name !== wanted && this.#taken.has(name)) name = `${wanted}_${++count}`;
    this.#taken.set(wanted, count);
    if (name !== wanted) this.#taken.set(name, 1);
    return name;
  }
}

/** The tensors that a node reads, those that a body of it reads from outside included. */
export function namesRead({ inputs, attributes }: NodeProto): readonly string[] {
  const bodies = Object.values(attributes).flatMap((value) =>
    typeof value === "object" && "graph" in value ? value.graph.nodes.flatMap(namesRead) : [],
  );
  return bodies.length === 0 ? inputs : [...inputs, ...bodies];
}

/** `float32(0.5)`, `int64(1,2)` or `float32[3x4]`. */
function literalName(data: ConstantData, dims: readonly number[], type: ElementType): string {
  if (dims.length > 1 || data.length > LISTED_NUMBERS) return `${type}[${dims.join("x")}]`;
  return `${type}(${Array.from<number | bigint, string>(data, (value) => (Object.is(value, -0) ? "-0" : String(value))).join()})`;
}

function bytesOf(data: ConstantData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function typeOf(data: ConstantData): ElementType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  return data instanceof BigInt64Array ? "int64" : "uint8";
}
