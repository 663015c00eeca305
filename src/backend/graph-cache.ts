import { CompiledGraph } from "./compiled-graph.js";
import { sizeOf } from "./onnx/graph-builder.js";
import type { SessionOptions } from "./onnxruntime.js";
import type { DataRecord, Recording } from "./recording.js";

export interface GraphCacheLimits {
  /** Graphs kept; the least recently used one goes first. */
  readonly maxCompiledGraphs: number;
  /** Bytes of constants that all of them may hold together. Frozen tensors that are more than this are fed. */
  readonly maxConstantBytes: number;
}

/** Of all types but bool and text, which weights never have. */
const BYTES_PER_VALUE = 4;

interface Entry {
  readonly graph: CompiledGraph;
  /** Leaves that are fed because their values change, by index. */
  readonly dynamic: ReadonlySet<number>;
  /** The frozen tensors that are built in. */
  readonly frozen: ReadonlySet<DataRecord>;
}

/** Compiled graphs by the recordings that they were compiled from. */
export class GraphCache {
  /** Insertion order is order of last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #limits: GraphCacheLimits;
  #options: SessionOptions;

  constructor(limits: GraphCacheLimits, options: SessionOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Changes what graphs are compiled with; those there are go, if it is a change. */
  async setOptions(change: SessionOptions): Promise<void> {
    const changed = { ...this.#options, ...change };
    if (JSON.stringify(changed) === JSON.stringify(this.#options)) return;
    this.#options = changed;
    await this.clear();
  }

  /** The graph of a recording, compiled if need be. @param changing leaves not to be built in, unless frozen */
  async get(recording: Recording, changing: ReadonlySet<DataRecord>): Promise<CompiledGraph> {
    const { key, leaves } = recording;
    const known = this.#entries.get(key);
    const dynamic = new Set(known?.dynamic);
    const frozen = known?.frozen ?? this.#builtIn(leaves); // the key names them, so a graph that is kept has the same
    leaves.forEach((leaf, index) => {
      if (frozen.has(leaf)) return;
      if (changing.has(leaf) || leaf.isVariable || leaf.frozen !== undefined) dynamic.add(index);
    });
    if (known !== undefined) {
      for (const leaf of known.graph.changedConstants(leaves)) dynamic.add(leaf);
      if (dynamic.size === known.dynamic.size) return this.#used(key, known);
      this.#entries.delete(key);
      await known.graph.release();
    }
    const graph = await CompiledGraph.compile(recording, dynamic, this.#options);
    this.#entries.set(key, { graph, dynamic, frozen });
    await this.#evict();
    return graph;
  }

  /** The graph kept under a key, if what is built into it are the values of these leaves. */
  find(key: string, leaves: readonly DataRecord[]): CompiledGraph | undefined {
    const known = this.#entries.get(key);
    if (known === undefined || known.graph.changedConstants(leaves).length > 0) return undefined;
    return this.#used(key, known);
  }

  /** Releases the graphs that a frozen tensor is built into. */
  async release(frozen: DataRecord): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (!entry.frozen.has(frozen)) continue;
      this.#entries.delete(key);
      await entry.graph.release();
    }
  }

  /** Releases all graphs. */
  async clear(): Promise<void> {
    const graphs = [...this.#entries.values()].map(({ graph }) => graph);
    this.#entries.clear();
    for (const graph of graphs) await graph.release();
  }

  /** The frozen leaves, unless they are more than may be held: an ONNX graph takes 2 GiB at most. */
  #builtIn(leaves: readonly DataRecord[]): ReadonlySet<DataRecord> {
    const frozen = leaves.filter((leaf) => leaf.frozen !== undefined);
    const bytes = frozen.reduce((sum, { shape }) => sum + BYTES_PER_VALUE * sizeOf(shape), 0);
    return new Set(bytes <= this.#limits.maxConstantBytes ? frozen : []);
  }

  #used(key: string, entry: Entry): CompiledGraph {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.graph;
  }

  async #evict(): Promise<void> {
    const { maxCompiledGraphs, maxConstantBytes } = this.#limits;
    let bytes = 0;
    for (const { graph } of this.#entries.values()) bytes += graph.constantBytes;
    for (const [key, { graph }] of this.#entries) {
      const fits = this.#entries.size <= maxCompiledGraphs && bytes <= maxConstantBytes;
      if (fits || this.#entries.size === 1) return;
      this.#entries.delete(key);
      bytes -= graph.constantBytes;
      await graph.release();
    }
  }
}
