import type { DataRecord } from "../recording.js";

/**
 * The arrays that loops write to. An array whose tensor is disposed of is written again by a later run: an optimizer's
 * step makes as many arrays as it replaces, and memory that is fresh from the system costs more than the arithmetic.
 *
 * Only tensors that nobody outside the engine has read give their arrays back, for whoever read one may keep its array.
 */
export class RecycledArrays {
  /** By length. */
  readonly #free = new Map<number, Float32Array[]>();
  /** Of tensors disposed of, which recorded operations may still read. */
  readonly #retired = new Set<DataRecord>();

  /** An array of any content. */
  take(length: number): Float32Array {
    return this.#free.get(length)?.pop() ?? new Float32Array(length);
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
      const list = this.#free.get(data.length) ?? [];
      list.push(data);
      this.#free.set(data.length, list);
    }
  }

  /** Lets the arrays go that no run has taken. */
  clear(): void {
    this.#free.clear();
  }
}
