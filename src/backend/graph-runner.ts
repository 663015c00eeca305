import { DeviceMemory } from "./device-memory.js";
import { GraphCache, type GraphCacheLimits } from "./graph-cache.js";
import type { Tensor as OrtTensor, SessionOptions } from "./onnxruntime.js";
import { collect, DataRecord, type Recording, type TensorSpec } from "./recording.js";

/** Something whose emptiness says that no recorded operation waits for values. */
interface Pending {
  readonly size: number;
}

/** Runs recordings one after another, for a later one may need an earlier one's results. */
export class GraphRunner {
  readonly #graphs: GraphCache;
  readonly #deviceMemory = new DeviceMemory();
  #running: Promise<void> = Promise.resolve();

  constructor(limits: GraphCacheLimits, options: SessionOptions) {
    this.#graphs = new GraphCache(limits, options);
  }

  /** Compiled graphs kept. */
  get size(): number {
    return this.#graphs.size;
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
    pending: Pending,
  ): Promise<Recording | undefined> {
    return this.#schedule(async () => {
      const due = targets();
      if (due.length === 0) return undefined;
      const recording = collect(due);
      const graph = await this.#graphs.get(recording, changing);
      const results = await graph.run(recording.leaves);
      recording.targets.forEach((record, i) => {
        record.resolve(results[i] as OrtTensor);
        this.#deviceMemory.keep(record);
      });
      this.#sweep(pending);
      return recording;
    });
  }

  /**
   * Runs the graph of an earlier recording on other leaves of known values.
   *
   * @returns its results; nothing when the graph is not kept or a value built into it is not the leaf's
   */
  repeat(
    key: string,
    leaves: readonly DataRecord[],
    pending: Pending,
  ): Promise<readonly DataRecord[] | undefined> {
    return this.#schedule(async () => {
      const graph = this.#graphs.find(key, leaves);
      if (graph === undefined) return undefined;
      const tensors = await graph.run(leaves);
      this.#sweep(pending);
      return tensors.map((tensor, i) => {
        const record = DataRecord.known(graph.targets[i] as TensorSpec, tensor);
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
    if (record.frozen !== undefined) void this.#schedule(() => this.#graphs.release(record));
  }

  /** Releases all graphs, when those that run have run. */
  clear(): Promise<void> {
    return this.#schedule(() => this.#graphs.clear());
  }

  /** Frees what is disposed of on the device, unless a recorded operation may wait for it. */
  #sweep(pending: Pending): void {
    if (pending.size === 0) this.#deviceMemory.sweep();
  }

  #schedule<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#running.then(run);
    this.#running = result.then(ignore, ignore);
    return result;
  }
}

function ignore(): void {}
