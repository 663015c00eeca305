import { type DataRecord, type Operation, operationsFor } from "./recording.js";
import { bytesOf } from "./values.js";

/** Values of disposed tensors that nothing but recorded operations keeps. */
export interface HeldValues {
  readonly records: ReadonlySet<DataRecord>;
  readonly bytes: number;
  /** What waits for them, directly or by other operations. */
  readonly waiting: readonly DataRecord[];
}

/** Tensors that have no values yet, and are alive. */
export class PendingRecords {
  readonly #waiting = new Set<DataRecord>();
  /** Their run failed: they are computed when they are read, each by itself, so that they fail no other. */
  readonly #failed = new Set<DataRecord>();

  /** Whether nothing recorded can be run any more, so that nothing is kept for it. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#failed.size === 0;
  }

  add(record: DataRecord): void {
    this.#waiting.add(record);
  }

  /** The record has its values, or nobody wants them. */
  delete(record: DataRecord): void {
    this.#waiting.delete(record);
    this.#failed.delete(record);
  }

  /** Takes these out of what the next run of all would compute, until they have their values. */
  setApart(records: Iterable<DataRecord>): void {
    for (const record of records) {
      if (this.#waiting.delete(record)) this.#failed.add(record);
    }
  }

  has(record: DataRecord): boolean {
    return this.#waiting.has(record);
  }

  all(): DataRecord[] {
    return [...this.#waiting];
  }

  clear(): void {
    this.#waiting.clear();
    this.#failed.clear();
  }

  /** What disposed tensors keep for what is pending. Takes time in the number of operations recorded. */
  held(): HeldValues {
    const records = new Set<DataRecord>();
    const readers = new Set<Operation>();
    for (const operation of operationsFor([...this.#waiting, ...this.#failed])) {
      for (const { data } of operation.operands) {
        const isHeld = data.source === undefined && data.tensor !== undefined && data.refCount <= 0;
        if (isHeld) records.add(data);
        if (isHeld || (data.source !== undefined && readers.has(data.source))) readers.add(operation);
      }
    }
    let bytes = 0;
    for (const record of records) bytes += bytesOf(record);
    const waiting = this.all().filter(({ source }) => source !== undefined && readers.has(source));
    return { records, bytes, waiting };
  }
}
