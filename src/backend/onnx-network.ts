import { availableParallelism } from "node:os";
import { BackendError } from "./errors.js";
import { hasExternalWeights } from "./onnx/external-weights.js";
import { sizeOf } from "./onnx/graph-builder.js";
import { InferenceSession, Tensor as OrtTensor, type ValueMetadata } from "./onnxruntime.js";

/** An input or output as the file declares it. */
export interface NetworkPort {
  readonly name: string;
  /** A number is fixed; a name, or a number below 1, may be any size. Empty when the file says nothing. */
  readonly shape: readonly (number | string)[];
}

/** Numbers that go into or come out of a network, row by row. */
export interface NetworkValue {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface OnnxNetworkOptions {
  /** What messages call it, e.g. its file name. */
  readonly name: string;
  /** Threads inside one operator, at least 1; by default one a processor. */
  readonly threads?: number | undefined;
}

/**
 * A network from an ONNX file of anyone's making, whose inputs and outputs are float32. Runs on the CPU, apart from
 * tfjs and its engine.
 */
export class OnnxNetwork {
  readonly name: string;
  readonly inputs: readonly NetworkPort[];
  readonly outputs: readonly NetworkPort[];
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession, name: string) {
    this.name = name;
    this.#session = session;
    this.inputs = portsOf(session.inputMetadata, `${name}: input`);
    this.outputs = portsOf(session.outputMetadata, `${name}: output`);
  }

  /**
   * @param model the whole file
   * @throws BackendError("runtime") when ONNX Runtime refuses it; BackendError("unsupported") for weights in a file
   * beside it, which nobody who has these bytes could check, and for inputs or outputs that are not float32
   */
  static async load(model: Uint8Array, { name, threads }: OnnxNetworkOptions): Promise<OnnxNetwork> {
    if (hasExternalWeights(model)) {
      throw new BackendError(
        "unsupported",
        `${name}: expected an ONNX model with its weights inside, got one with weights in a file beside it. Export it without external data.`,
      );
    }
    let session: InferenceSession;
    try {
      session = await InferenceSession.create(model, {
        intraOpNumThreads: threads ?? availableParallelism(),
        logSeverityLevel: 4, // what goes wrong is thrown; its advice on the graph is not ours to print
      });
    } catch (error) {
      throw new BackendError(
        "runtime",
        `${name}: expected an ONNX model, but ONNX Runtime refused it: ${oneLine(error)}`,
        { cause: error },
      );
    }
    try {
      return new OnnxNetwork(session, name);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /**
   * @param values one for each input, in the file's order
   * @returns one for each output, in the file's order
   * @throws BackendError("shape") for another number of values or sizes that the file does not take;
   * BackendError("runtime") when computing fails
   */
  async run(values: readonly NetworkValue[]): Promise<NetworkValue[]> {
    const feeds = this.#feeds(values);
    let results: Readonly<Record<string, OrtTensor>>;
    try {
      results = await this.#session.run(feeds);
    } catch (error) {
      throw new BackendError("runtime", `${this.name}: ONNX Runtime failed: ${oneLine(error)}`, {
        cause: error,
      });
    }
    return this.outputs.map(({ name }) => {
      const { data, dims } = results[name] as OrtTensor;
      return { data: data as Float32Array, dims };
    });
  }

  /** Frees the network's memory; it cannot run afterwards. */
  release(): Promise<void> {
    return this.#session.release();
  }

  #feeds(values: readonly NetworkValue[]): Record<string, OrtTensor> {
    if (values.length !== this.inputs.length) {
      throw new BackendError(
        "shape",
        `${this.name}: expected ${this.inputs.length} inputs, got ${values.length}.`,
      );
    }
    const feeds = this.inputs.map((port, i) => {
      const { data, dims } = values[i] as NetworkValue;
      if (data.length !== sizeOf(dims)) {
        throw new BackendError("shape", `${port.name}: expected [${dims}], got ${data.length} numbers.`);
      }
      if (!accepts(port, dims)) {
        throw new BackendError(
          "shape",
          `${this.name}: input "${port.name}" takes ${shown(port)}, got [${dims}]. Export it with sizes that may vary, or give it that size.`,
        );
      }
      return [port.name, new OrtTensor("float32", data, dims)] as const;
    });
    return Object.fromEntries(feeds);
  }
}

function portsOf(metadata: readonly ValueMetadata[], where: string): NetworkPort[] {
  return metadata.map((port) => {
    const type = port.isTensor ? port.type : "no tensor";
    if (!port.isTensor || port.type !== "float32") {
      throw new BackendError("unsupported", `${where} "${port.name}": expected float32, got ${type}.`);
    }
    return { name: port.name, shape: [...port.shape] };
  });
}

function accepts({ shape }: NetworkPort, dims: readonly number[]): boolean {
  if (shape.length === 0) return true;
  const fits = (size: number | string, i: number) => !isFixed(size) || size === dims[i];
  return shape.length === dims.length && shape.every(fits);
}

function isFixed(size: number | string): size is number {
  return typeof size === "number" && size >= 1;
}

/** `[N,3,64,64]`. */
function shown({ shape }: NetworkPort): string {
  return `[${shape.map((size) => (isFixed(size) ? size : typeof size === "string" && size !== "" ? size : "any")).join()}]`;
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
