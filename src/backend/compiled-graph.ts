import { isOnDevice } from "./device-memory.js";
import { onDevice, usesCpuAlone, usesWebGpu } from "./devices.js";
import { BackendError } from "./errors.js";
import { BoundLoops, type GraphResult } from "./loops/bound-loops.js";
import { type SplitRecording, splitRecording } from "./loops/recording-tail.js";
import type { RecycledArrays } from "./loops/recycled-arrays.js";
import { GraphBuilder, sizeOf } from "./onnx/graph-builder.js";
import type { Value } from "./onnx/value.js";
import type { WebGpuLimits } from "./onnx/webgpu-limits.js";
import { InferenceSession, type Tensor as OrtTensor, type SessionOptions } from "./onnxruntime.js";
import { type DataRecord, type Operand, type Recording, sameValues, type TensorSpec } from "./recording.js";
import { lowerAgain, remakingOf } from "./remaking.js";

/** A leaf of at most this many elements is built into the graph as a constant until its values change. */
const largestConstant = 16;

/** Whether a leaf is small enough to be built in though it is not frozen. */
export function mayBeBuiltIn({ shape }: TensorSpec): boolean {
  return sizeOf(shape) <= largestConstant;
}

/** A leaf that is not frozen, built into the graph with the values that it had. */
interface Baked {
  readonly leaf: number;
  readonly values: Float32Array | Int32Array | Uint8Array;
}

/** A recording turned into an ONNX Runtime session and loops, runnable with any leaves of the same shapes. */
export class CompiledGraph {
  /** Absent where loops do everything. */
  readonly #session: InferenceSession | undefined;
  readonly #loops: BoundLoops;
  readonly #feeds: readonly { readonly leaf: number; readonly name: string }[];
  readonly #baked: readonly Baked[];
  readonly #outputs: readonly string[];
  /** What the graph computes, in order. */
  readonly targets: readonly TensorSpec[];
  /** Bytes of the constants in the graph; ONNX Runtime holds them once more in the layouts that it computes with. */
  readonly constantBytes: number;

  private constructor(session: InferenceSession | undefined, layout: Layout, loops: BoundLoops) {
    this.#session = session;
    this.#loops = loops;
    this.#feeds = layout.feeds;
    this.#baked = layout.baked;
    this.#outputs = layout.outputs;
    this.targets = layout.targets;
    this.constantBytes = layout.model.byteLength;
  }

  /** @param dynamic leaves that must be fed at each run, by index, because their values are known to change */
  static async compile(
    recording: Recording,
    dynamic: ReadonlySet<number>,
    options: SessionOptions,
  ): Promise<CompiledGraph> {
    const split: SplitRecording = usesCpuAlone(options)
      ? splitRecording(recording)
      : { ...recording, loops: [] };
    const g = new GraphBuilder({ forWebGpu: usesWebGpu(options), onCpu: usesCpuAlone(options) });
    const layout = lower(recording, split, dynamic, g);
    const loops = new BoundLoops(recording, split);
    if (layout.outputs.length === 0) return new CompiledGraph(undefined, layout, loops);
    try {
      return new CompiledGraph(
        await InferenceSession.create(layout.model, onDevice(options, layout)),
        layout,
        loops,
      );
    } catch (error) {
      throw new BackendError(
        "runtime",
        `ONNX Runtime refused a graph of ${recording.operations.length} operations: ${firstLine(error)}`,
        { cause: error },
      );
    }
  }

  /** The leaves whose built-in values no longer hold. */
  changedConstants(leaves: readonly DataRecord[]): number[] {
    return this.#baked
      .filter(({ leaf, values }) => !sameValues(values, valuesOf(leaves[leaf] as DataRecord)))
      .map(({ leaf }) => leaf);
  }

  /**
   * One tensor a target, in the targets' order.
   *
   * @param arrays that loops may write to
   */
  async run(leaves: readonly DataRecord[], arrays: RecycledArrays): Promise<GraphResult[]> {
    const outputs = await this.#runSession(leaves);
    return this.#loops.run({ leaves, outputs }, arrays);
  }

  async release(): Promise<void> {
    await this.#session?.release();
  }

  async #runSession(leaves: readonly DataRecord[]): Promise<OrtTensor[]> {
    if (this.#session === undefined) return [];
    const feeds: Record<string, OrtTensor> = {};
    for (const { leaf, name } of this.#feeds) feeds[name] = (leaves[leaf] as DataRecord).tensor as OrtTensor;
    try {
      const results = await this.#session.run(feeds, this.#outputs as string[]);
      return this.#outputs.map((name) => results[name] as OrtTensor);
    } catch (error) {
      throw new BackendError("runtime", `ONNX Runtime failed while computing: ${firstLine(error)}`, {
        cause: error,
      });
    }
  }
}

interface Layout {
  readonly model: Uint8Array;
  readonly webGpuLimits: WebGpuLimits;
  /** Outputs that a device may keep, because nothing here looks at their values. */
  readonly keptOutputs: readonly string[];
  readonly feeds: readonly { readonly leaf: number; readonly name: string }[];
  readonly baked: readonly Baked[];
  readonly outputs: readonly string[];
  readonly targets: readonly TensorSpec[];
}

/** Writes the graph of a recording. */
function lower(
  { leaves, targets }: Recording,
  split: Pick<SplitRecording, "operations" | "targets">,
  dynamic: ReadonlySet<number>,
  g: GraphBuilder,
): Layout {
  const feeds: { leaf: number; name: string }[] = [];
  const baked: Baked[] = [];
  const values = new Map<DataRecord, Value>();
  const read = new Set(split.operations.flatMap(({ operands }) => operands.map(({ data }) => data)));
  const shared = new Set<DataRecord>();
  for (const { kernel, operands } of split.operations) {
    if (kernel.name === "Conv2DBackpropFilter") shared.add((operands[0] as Operand).data);
  }
  leaves.forEach((leaf, index) => {
    if (!read.has(leaf)) return;
    if (leaf.frozen !== undefined && !dynamic.has(index) && !isOnDevice(leaf.tensor)) {
      values.set(leaf, g.constantValue(valuesOf(leaf), leaf.shape, leaf.dtype));
    } else if (mayBeBuiltIn(leaf) && !dynamic.has(index)) {
      const copy = valuesOf(leaf).slice();
      values.set(leaf, g.constantValue(copy, leaf.shape, leaf.dtype));
      baked.push({ leaf: index, values: copy });
    } else {
      values.set(leaf, g.input(`leaf${index}`, leaf.shape, leaf.dtype));
      feeds.push({ leaf: index, name: `leaf${index}` });
    }
  });
  const { from, makers } = remakingOf(split.operations, split.targets);
  const remade = new Map<DataRecord, Value>();
  const made = (record: DataRecord, isLate: boolean): Value => {
    const maker = isLate ? makers.get(record) : undefined;
    if (maker === undefined) return values.get(record) as Value;
    const value = remade.get(record) ?? lowerAgain(g, maker, (operand) => operandValue(operand, true));
    remade.set(record, value);
    return value;
  };
  const operandValue = ({ data, shape }: Operand, isLate: boolean): Value => {
    const value = g.reshape(made(data, isLate), shape);
    value.feedsFilterGradient = shared.has(data);
    return value;
  };
  for (const [index, { kernel, operands, attrs, outputs }] of split.operations.entries()) {
    const inputs = operands.map((operand) => operandValue(operand, index >= from));
    const results = kernel.lower(g, inputs, { attrs, outputs });
    const list = Array.isArray(results) ? (results as readonly Value[]) : [results as Value];
    outputs.forEach((record, i) => {
      const value = list[i] as Value;
      if (value.shape.join() !== record.shape.join() || value.dtype !== record.dtype) {
        throw new BackendError(
          "shape",
          `${kernel.name}: recorded ${record.dtype}[${record.shape}], lowered to ${value.dtype}[${value.shape}].`,
        );
      }
      values.set(record, value);
    });
  }
  const outputs = split.targets.map((target) => g.output(values.get(target) as Value));
  // Short results are read at once, as losses are, or looked at when they are built into another graph; whole numbers
  // are read, as indices are. The rest are weights, moments and images.
  const keptOutputs = outputs.filter((_, i) => {
    const { shape, dtype } = split.targets[i] as TensorSpec;
    return dtype === "float32" && sizeOf(shape) > largestConstant;
  });
  const model = g.encode();
  return {
    model,
    webGpuLimits: g.webGpuLimits(),
    keptOutputs,
    feeds,
    baked,
    outputs,
    targets: targets.map(({ shape, dtype }) => ({ shape, dtype })),
  };
}

function valuesOf(record: DataRecord): Float32Array | Int32Array | Uint8Array {
  return (record.tensor as OrtTensor).data as Float32Array | Int32Array | Uint8Array;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
