import {
  type BackendValues,
  type DataId,
  type DataType,
  engine,
  KernelBackend,
  type TensorInfo,
} from "../tf/index.js";
import { mayBeBuiltIn } from "./compiled-graph.js";
import { isOnDevice } from "./device-memory.js";
import { BackendError } from "./errors.js";
import { GraphRunner } from "./graph-runner.js";
import { sizeOf } from "./onnx/graph-builder.js";
import type { SessionOptions } from "./onnxruntime.js";
import { PendingRecords } from "./pending-records.js";
import {
  type ComplexParts,
  DataRecord,
  type Kernel,
  type KernelCall,
  Operation,
  type Recording,
} from "./recording.js";
import { bytesOf, emptyValues, interleaved, type Plain, toOrt } from "./values.js";

export interface OnnxBackendOptions {
  /** Threads inside one operator; 0 lets ONNX Runtime take one a physical core. */
  readonly threads?: number;
  /** Compiled graphs kept; the least recently used one goes first. */
  readonly maxCompiledGraphs?: number;
  /**
   * Bytes of constants that all compiled graphs may hold together; the newest graph stays whatever it holds. Frozen
   * tensors that are more than this together are fed to a graph instead of being built in.
   */
  readonly maxConstantBytes?: number;
  /** Operations that may wait to be run before recording another one fails. */
  readonly maxPendingOperations?: number;
  /**
   * Bytes of disposed tensors that recorded operations may keep, because nothing has read what they wait for. When it
   * is more, what waits is run.
   */
  readonly maxHeldBytes?: number;
  /** Passed to ONNX Runtime as they are, over our own. */
  readonly sessionOptions?: SessionOptions;
}

const noRecords: ReadonlySet<DataRecord> = new Set();

/**
 * A tfjs backend that computes with ONNX Runtime. A kernel call only writes down what is to be done; when a tensor is
 * read (`await tensor.data()`), everything that live tensors still wait for is compiled into one ONNX graph, which is
 * kept for the next time the same calls are made, and run.
 */
export class OnnxBackend extends KernelBackend {
  readonly #options: Required<Omit<OnnxBackendOptions, "sessionOptions">>;
  readonly #runner: GraphRunner;
  readonly #pending = new PendingRecords();
  /** Records of data that came from another backend, which keeps its own kind of id. */
  readonly #adopted = new WeakMap<object, DataRecord>();
  #records = 0;
  #bytes = 0;
  #recorded = 0;
  #reads = 0;

  constructor(options: OnnxBackendOptions = {}) {
    super();
    this.#options = {
      threads: options.threads ?? 0,
      maxCompiledGraphs: options.maxCompiledGraphs ?? 32,
      maxConstantBytes: options.maxConstantBytes ?? 2 ** 30,
      maxPendingOperations: options.maxPendingOperations ?? 200_000,
      maxHeldBytes: options.maxHeldBytes ?? 2 ** 26,
    };
    const session: SessionOptions = {
      intraOpNumThreads: this.#options.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      // A pattern is one more block of a graph's whole working memory, beside what its first run took and keeps.
      enableMemPattern: false,
      logSeverityLevel: 4,
      ...options.sessionOptions,
    };
    this.#runner = new GraphRunner(this.#options, session, this.#pending);
  }

  /**
   * From now on computes with this many threads inside one operator. Tensors stay; graphs are compiled anew.
   *
   * @returns when the graphs compiled for the earlier number are gone
   */
  setThreads(threads: number): Promise<void> {
    return this.#runner.setOptions({ intraOpNumThreads: threads });
  }

  /**
   * Changes what graphs are compiled with, such as the execution providers. Tensors stay; graphs are compiled anew if
   * this is a change.
   *
   * @returns when the graphs compiled with the earlier options are gone
   */
  setSessionOptions(change: SessionOptions): Promise<void> {
    return this.#runner.setOptions(change);
  }

  /** Writes a kernel call down and returns tensors that will have its results. */
  record(kernel: Kernel, call: KernelCall): TensorInfo[] {
    if (call.outputs.length > 0 && call.outputs.every((spec) => sizeOf(spec.shape) === 0)) {
      return call.outputs.map(({ shape, dtype }) =>
        this.#info(this.write(emptyValues(dtype), [...shape], dtype), shape, dtype),
      );
    }
    if (++this.#recorded > this.#options.maxPendingOperations) {
      throw new BackendError(
        "recording-too-long",
        `${this.#options.maxPendingOperations} operations are recorded and none has been run: nothing has read a tensor. Call await tensor.data() now and then.`,
      );
    }
    const operands = call.inputs.map(({ dataId, shape }) => ({ data: this.#operand(dataId), shape }));
    const operation = new Operation(kernel, operands, call);
    return operation.outputs.map((record) => {
      this.#pending.add(record);
      this.#own(record);
      return this.#info(record as DataId, record.shape, record.dtype);
    });
  }

  /** The same data under another shape. */
  alias(input: TensorInfo, shape: readonly number[], dtype: DataType = input.dtype): TensorInfo {
    this.incRef(input.dataId);
    return { dataId: input.dataId, shape: [...shape], dtype };
  }

  /** A tensor for use inside a kernel call only: tfjs does not know of it and need not dispose of it. */
  constant(values: Plain, shape: readonly number[], dtype: DataType): TensorInfo {
    return this.#info(
      DataRecord.known({ shape, dtype }, toOrt(values, shape, dtype)) as DataId,
      shape,
      dtype,
    );
  }

  /**
   * Promises that the tensor's data, which must be known already, stay what they are: graphs that read them build them
   * in, which lets ONNX Runtime arrange weights for inference once. Data that replace them (`variable.assign`) are fed.
   */
  freeze(dataId: DataId): void {
    const record = this.recordOf(dataId);
    if (record.tensor === undefined) {
      throw new BackendError(
        "synchronous-read",
        "Only computed tensors can be frozen: call await tensor.data() first.",
      );
    }
    record.freeze();
  }

  /** Frees what has been compiled, and with it the memory that each graph works in; tensors stay. */
  releaseGraphs(): Promise<void> {
    return this.#runner.clear();
  }

  /** A complex tensor that takes over the two parts given, float32 of one shape. */
  complex(real: TensorInfo, imag: TensorInfo): TensorInfo {
    const record = DataRecord.complex(real.shape, { real, imag });
    this.#own(record);
    return this.#info(record as DataId, real.shape, "complex64");
  }

  /** The parts of a complex tensor, under its own shape; they stay the tensor's. */
  partsOf({ dataId, shape }: TensorInfo): ComplexParts {
    const { real, imag } = this.recordOf(dataId).parts as ComplexParts;
    return { real: { ...real, shape }, imag: { ...imag, shape } };
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const record =
      dtype === "string"
        ? DataRecord.text(shape, values as Uint8Array[])
        : DataRecord.known({ shape, dtype }, toOrt(values as Plain, shape, dtype));
    this.#own(record);
    return record as DataId;
  }

  override move(
    dataId: DataId,
    values: BackendValues,
    shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    const record = this.write(values, shape, dtype) as unknown as DataRecord;
    record.refCount = refCount;
    this.#adopted.set(dataId, record);
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    const record = this.recordOf(dataId);
    if (record.strings !== undefined) return record.strings;
    if (record.parts !== undefined) {
      const { real, imag } = record.parts;
      return interleaved(await this.read(real.dataId), await this.read(imag.dataId));
    }
    if (record.tensor === undefined) await this.#compute(() => this.#waitedForWith(record));
    if (record.tensor === undefined)
      throw new BackendError("disposed", "The tensor was disposed before its values were computed.");
    if (isOnDevice(record.tensor)) await this.#runner.fetch(record);
    record.isRecyclable = false;
    return record.tensor.data as Plain;
  }

  override readSync(dataId: DataId): BackendValues {
    this.#reads++;
    const record = this.recordOf(dataId);
    if (record.strings !== undefined) return record.strings;
    if (record.parts !== undefined) {
      const { real, imag } = record.parts;
      return interleaved(this.readSync(real.dataId), this.readSync(imag.dataId));
    }
    if (record.tensor === undefined) {
      throw new BackendError(
        "synchronous-read",
        "This tensor has not been computed yet, and ONNX Runtime computes asynchronously: use await tensor.data() (or array(), bytes()) in place of dataSync().",
      );
    }
    if (isOnDevice(record.tensor)) {
      throw new BackendError(
        "synchronous-read",
        "This tensor's values are in the GPU's memory: use await tensor.data() (or array(), bytes()) in place of dataSync().",
      );
    }
    record.isRecyclable = false;
    return record.tensor.data as Plain;
  }

  /** Computes every pending tensor that is still alive. */
  async flush(): Promise<void> {
    await this.#compute(() => this.#pending.all());
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const record = this.#known(dataId);
    if (record === undefined) return true;
    record.refCount = force ? 0 : record.refCount - 1;
    if (record.refCount > 0) return false;
    if (record.parts !== undefined) {
      this.disposeData(record.parts.real.dataId);
      this.disposeData(record.parts.imag.dataId);
    }
    this.#pending.delete(record);
    this.#runner.retire(record);
    this.#records--;
    this.#bytes -= bytesOf(record);
    return true;
  }

  override incRef(dataId: DataId): void {
    this.recordOf(dataId).refCount++;
  }

  override refCount(dataId: DataId): number {
    return this.#known(dataId)?.refCount ?? 0;
  }

  override numDataIds(): number {
    return this.#records;
  }

  override memory() {
    return {
      unreliable: false,
      numBytesInBackend: this.#bytes,
      /** Of disposed tensors, kept for what is recorded and not run. */
      numBytesHeld: this.#pending.held().bytes,
      numBytesOnDevice: this.#runner.bytesOnDevice,
      compiledGraphs: this.#runner.size,
    };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(body: () => void): Promise<{ kernelMs: number }> {
    const start = performance.now();
    body();
    await this.flush();
    return { kernelMs: performance.now() - start };
  }

  override dispose(): void {
    void this.#runner.clear();
    this.#pending.clear();
  }

  /**
   * Computes what these tensors wait for, and nothing else.
   *
   * @param changing data whose values will be others at the next call of the same kind: not to be built in
   * @returns what was run; nothing when all values were known
   */
  compute(targets: readonly DataRecord[], changing: ReadonlySet<DataRecord>): Promise<Recording | undefined> {
    return this.#compute(() => targets, changing);
  }

  /**
   * Runs a graph that was compiled for an earlier recording.
   *
   * @param key the recording's
   * @param leaves like the recording's, all of known values
   * @returns tensors of the graph's results, which are the caller's; nothing when the graph is not kept or a value built
   * into it is not the leaf's
   */
  async repeat(key: string, leaves: readonly DataRecord[]): Promise<TensorInfo[] | undefined> {
    const records = await this.#runner.repeat(key, leaves);
    return records?.map((record) => {
      this.#own(record);
      return this.#info(record as DataId, record.shape, record.dtype);
    });
  }

  /** How often values were read synchronously: then what is recorded may depend on them. */
  get synchronousReads(): number {
    return this.#reads;
  }

  /** Runs what the targets named, when it is this run's turn, wait for. */
  #compute(
    targets: () => readonly DataRecord[],
    changing: ReadonlySet<DataRecord> = noRecords,
  ): Promise<Recording | undefined> {
    const due = (): readonly DataRecord[] => {
      this.#recorded = 0;
      return targets();
    };
    return this.#runner.run(due, changing);
  }

  /** Everything pending; a tensor that an earlier, failed run left behind is computed by itself. */
  #waitedForWith(record: DataRecord): readonly DataRecord[] {
    return this.#pending.has(record) ? this.#pending.all() : [record];
  }

  #own(record: DataRecord): void {
    this.#records++;
    this.#bytes += bytesOf(record);
  }

  #info(dataId: DataId, shape: readonly number[], dtype: DataType): TensorInfo {
    return { dataId, shape: shape as number[], dtype };
  }

  /**
   * The record behind an operand. Whether it is a variable's is found out now: when the graph is run the variable may
   * hold other data.
   */
  #operand(dataId: DataId): DataRecord {
    const record = this.recordOf(dataId);
    if (record.source === undefined && !record.isVariable && mayBeBuiltIn(record)) {
      const variables = Object.values(engine().registeredVariables);
      record.isVariable = variables.some((variable) => variable.dataId === dataId);
    }
    return record;
  }

  /** tfjs lets anybody make a tensor of an id that no backend gave out. */
  #known(dataId: DataId): DataRecord | undefined {
    return dataId instanceof DataRecord ? dataId : this.#adopted.get(dataId);
  }

  /** @throws BackendError `disposed` for an id that this backend does not know */
  recordOf(dataId: DataId): DataRecord {
    const record = this.#known(dataId);
    if (record === undefined) throw new BackendError("disposed", "The tensor's data are not this backend's.");
    return record;
  }
}
