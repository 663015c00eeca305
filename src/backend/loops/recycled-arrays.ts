import type { DataRecord } from "../recording.js";

/** Arrays of a length that no run has taken for so many sweeps, of which each run makes one or two, are let go. */
const mostIdleSweeps = 64;

/** Arrays of one length, and sweeps since the last was taken. */
interface Shelf {
  readonly arrays: Float32Array[];
  idle: number;
}

/**
 * The arrays that loops write to. An array whose tensor is disposed of is written again by a later run: an optimizer's
 * step makes as many arrays as it replaces, and memory that is fresh from the system costs more than the arithmetic.
 *
 * Only tensors that nobody outside the engine has read give their arrays back, for whoever read one may keep its array.
 */
export class RecycledArrays {
  /** By length. */
  readonly #free = new Map<number, Shelf>();
  /** Of tensors disposed of, which recorded operations may still read. */
  readonly #retired = new Set<DataRecord>();

  /** An array of any content. */
  take(length: number): Float32Array {
    const shelf = this.#free.get(length);
    if (shelf !== undefined) shelf.idle = 0;
    return shelf?.arrays.pop() ?? new Float32Array(length);
  }

  /** The record's tensor is disposed of. */
  retire(record: DataRecord): void {
    if (record.isRecyclable) this.#retired.add(record);
  }

  /** Takes back what has been retired, but for what recorded operations still wait for. */
  sweep(awaited?: ReadonlySet<DataRecord>): void {
    for (const record of this.#retired) {
      if (awaited?.has(record)) continue;
      this.#retired.delete(record);
      const data = record.tensor?.data;
      if (!(data instanceof Float32Array)) continue;
      record.tensor = undefined;
      const shelf = this.#free.get(data.length) ?? { arrays: [], idle: 0 };
      shelf.arrays.push(data);
      this.#free.set(data.length, shelf);
    }
    for (const [length, shelf] of this.#free) if (++shelf.idle > mostIdleSweeps) this.#free.delete(length);
  }

  /** Lets the arrays go that no run has taken. */
  clear(): void {
    this.#free.clear();
  }
}
