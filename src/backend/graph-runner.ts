import { DeviceMemory } from "./device-memory.js";
import { GraphCache, type GraphCacheLimits } from "./graph-cache.js";
import type { GraphResult } from "./loops/bound-loops.js";
import { RecycledArrays } from "./loops/recycled-arrays.js";
import type { SessionOptions } from "./onnxruntime.js";
import type { HeldValues, PendingRecords } from "./pending-records.js";
import { collect, DataRecord, type Recording, type TensorSpec } from "./recording.js";
import { bytesOf } from "./values.js";

export interface RunnerLimits extends GraphCacheLimits {
  /** Bytes that disposed tensors may keep for recorded operations; what waits for them is run when it is more. */
  readonly maxHeldBytes: number;
}

const noRecords: ReadonlySet<DataRecord> = new Set();

/** Runs recordings one after another, for a later one may need an earlier one's results. */
export class GraphRunner {
  readonly #graphs: GraphCache;
  readonly #deviceMemory = new DeviceMemory();
  readonly #arrays = new RecycledArrays();
  readonly #pending: PendingRecords;
  readonly #maxHeldBytes: number;
  /** Bytes of the tensors disposed of since it was last known what is kept of them, and of what was kept then. */
  #retiredBytes = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(limits: RunnerLimits, options: SessionOptions, pending: PendingRecords) {
    this.#graphs = new GraphCache(limits, options);
    this.#maxHeldBytes = limits.maxHeldBytes;
    this.#pending = pending;
  }

  /** Compiled graphs kept. */
  get size(): number {
    return this.#graphs.size;
  }

  /** What a device holds, tensors that are disposed of and not freed yet included. */
  get bytesOnDevice(): number {
    return this.#deviceMemory.bytes;
  }

  /**
   * Computes the targets.
   *
   * @param targets asked for when it is this run's turn: an earlier one may have computed some
   * @param changing data that are not to be built into the graph
   * @returns what was run; nothing when there was nothing to do
   */
  run(
    targets: () => readonly DataRecord[],
    changing: ReadonlySet<DataRecord>,
  ): Promise<Recording | undefined> {
    return this.#schedule(async () => {
      const due = targets().filter(({ source }) => source !== undefined);
      if (due.length === 0) return undefined;
      const recording = await this.#compute(due, changing);
      await this.#settle();
      return recording;
    });
  }

  /**
   * Runs the graph of an earlier recording on other leaves of known values.
   *
   * @returns its results; nothing when the graph is not kept or a value built into it is not the leaf's
   */
  repeat(key: string, leaves: readonly DataRecord[]): Promise<readonly DataRecord[] | undefined> {
    return this.#schedule(async () => {
      const graph = this.#graphs.find(key, leaves);
      if (graph === undefined) return undefined;
      if (this.#pending.isEmpty) this.#arrays.sweep();
      const results = await graph.run(leaves, this.#arrays);
      await this.#settle();
      return results.map(({ tensor, isRecyclable }, i) => {
        const record = DataRecord.known(graph.targets[i] as TensorSpec, tensor);
        record.isRecyclable = isRecyclable;
        this.#deviceMemory.keep(record);
        return record;
      });
    });
  }

  /** Changes what graphs are compiled with. Tensors come back from the device; graphs go, if it is a change. */
  setOptions(change: SessionOptions): Promise<void> {
    return this.#schedule(async () => {
      await this.#deviceMemory.fetchAll();
      await this.#graphs.setOptions(change);
    });
  }

  /** Brings a tensor's values from the device. */
  fetch(record: DataRecord): Promise<void> {
    return this.#schedule(() => this.#deviceMemory.fetch(record));
  }

  /** Nobody holds the tensor any more. */
  retire(record: DataRecord): void {
    this.#deviceMemory.retire(record);
    this.#arrays.retire(record);
    if (record.tensor !== undefined) this.#retiredBytes += bytesOf(record);
    if (record.frozen !== undefined) void this.#schedule(() => this.#graphs.release(record));
  }

  /** Releases all graphs, when those that run have run. */
  clear(): Promise<void> {
    return this.#schedule(async () => {
      this.#arrays.clear();
      await this.#graphs.clear();
    });
  }

  async #compute(due: readonly DataRecord[], changing: ReadonlySet<DataRecord>): Promise<Recording> {
    // What fails now must not fail every later run with it.
    this.#pending.setApart(due);
    const recording = collect(due);
    const graph = await this.#graphs.get(recording, changing);
    const results = await graph.run(recording.leaves, this.#arrays);
    recording.targets.forEach((record, i) => {
      const { tensor, isRecyclable } = results[i] as GraphResult;
      record.resolve(tensor);
      record.isRecyclable = isRecyclable;
      this.#pending.delete(record);
      this.#deviceMemory.keep(record);
    });
    return recording;
  }

  /**
   * Frees what is disposed of, unless a recorded operation waits for it, and runs what keeps too much from being freed.
   * Otherwise one tensor that is never read keeps what it depends on, and one such tensor a training step keeps the
   * weights of every step.
   */
  async #settle(): Promise<void> {
    if (!this.#pending.isEmpty && this.#retiredBytes <= this.#maxHeldBytes) return;
    const { bytes, waiting } = this.#free();
    if (bytes <= this.#maxHeldBytes || waiting.length === 0) return;
    await this.#compute(waiting, noRecords).catch(ignore); // whoever reads them is told
    this.#free();
  }

  /** Frees what nothing recorded waits for. @returns what is left */
  #free(): HeldValues {
    const held = this.#pending.held();
    this.#deviceMemory.sweep(held.records);
    this.#arrays.sweep(held.records);
    this.#retiredBytes = held.bytes;
    return held;
  }

  #schedule<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#running.then(run);
    this.#running = result.then(ignore, ignore);
    return result;
  }
}

function ignore(): void {}
