import { type FileHandle, open } from "node:fs/promises";
import { VqkitError } from "../core/errors.js";
import {
  errnoOf,
  fileError,
  formatError,
  quoted,
  type ReadJsonLinesOptions,
  readFully,
  readJsonLines,
  toJson,
  writeFully,
} from "../files/index.js";

/** One line of metrics: flat figures by name. Numbers are finite; null stands for "no figure". */
export type MetricsRecord = Readonly<Record<string, number | string | boolean | null>>;

export interface MetricsLogOptions {
  /** Continue from this many bytes, dropping what stands after them: the offset that a checkpoint kept. */
  readonly from?: number;
  /** The order of keys so far, which the checkpoint kept beside the offset. */
  readonly keys?: readonly string[];
}

const FLUSH_BYTES = 65_536;
const CHUNK = 65_536;
const MAX_LINE = 2 ** 20;
const NEWLINE = 0x0a;

/**
 * Appends records to a `metrics.jsonl`, one JSON object a line, in the key order of the first record.
 *
 * Lines are buffered and written whole; a failed write leaves the file ending at a whole line and keeps the buffer, so
 * that the next `flush` tries again. Calls may overlap; they are served in order.
 */
export class MetricsLog {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #keys: Set<string>;
  #offset: number;
  #buffer = "";
  #turn: Promise<void> = Promise.resolve();

  private constructor(
    path: string,
    file: FileHandle,
    { end, keys }: { end: number; keys: readonly string[] },
  ) {
    this.path = path;
    this.#keys = new Set(keys);
    this.#file = file;
    this.#offset = end;
  }

  /**
   * Opens a log to append to, creating it when there is none. A last line without its end (the process was killed) is
   * cut off.
   *
   * @throws VqkitError("file"); VqkitError("format") when `from` is past the end or not at the start of a line
   */
  static async open(path: string, { from, keys = [] }: MetricsLogOptions = {}): Promise<MetricsLog> {
    let file: FileHandle | undefined;
    try {
      await (await open(path, "a")).close(); // "a" creates; positioned writes need "r+"
      file = await open(path, "r+");
      const { size } = await file.stat();
      const end = await lastLineEnd(file, from ?? size);
      if (from !== undefined && (from > size || end !== from)) {
        throw formatError(
          path,
          `expected a line to end at byte ${from}, got a file of ${size} bytes without one. It was changed since the checkpoint: put it back, or start a new run.`,
        );
      }
      await file.truncate(end);
      return new MetricsLog(path, file, { end, keys });
    } catch (error) {
      await file?.close().catch(() => {
        // The first error says what went wrong.
      });
      throw errnoOf(error) === undefined ? error : fileError(path, "open", error);
    }
  }

  /** Bytes written so far, always at the end of a line; what a checkpoint keeps after `sync`. */
  get offset(): number {
    return this.#offset;
  }

  /** The keys of all records so far, in the order in which records are written. */
  get keys(): readonly string[] {
    return [...this.#keys];
  }

  /**
   * Adds a record; it reaches the file when the buffer is full, or at `flush`.
   *
   * @throws VqkitError("numerics") for a number that is not finite; VqkitError("file") when a full buffer cannot be written
   */
  async append(record: MetricsRecord): Promise<void> {
    for (const key of Object.keys(record)) this.#keys.add(key);
    const fields = [...this.#keys]
      .filter((key) => Object.hasOwn(record, key))
      .map((key) => {
        const value = record[key];
        if (typeof value === "number" && !Number.isFinite(value)) {
          throw new VqkitError("numerics", `${this.path}: expected a finite "${key}", got ${value}.`);
        }
        return `${JSON.stringify(key)}:${toJson(value, this.path)}`;
      });
    this.#buffer += `{${fields.join(",")}}\n`;
    if (this.#buffer.length >= FLUSH_BYTES) await this.flush();
  }

  /** Writes what is buffered. @throws VqkitError("file") */
  async flush(): Promise<void> {
    await this.#inTurn(() => this.#write());
  }

  /** Writes what is buffered and waits until it is on disk. @throws VqkitError("file") */
  async sync(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#write();
      await this.#file.sync();
    });
  }

  /** Writes what is buffered and closes the file, also when writing fails. @throws VqkitError("file") */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      // A network file system may tell only here that it has no space.
      await this.#file.close().catch((error: unknown) => {
        throw fileError(this.path, "write", error);
      });
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {
      // The caller of this turn gets the error; the next turn is not concerned.
    });
    try {
      await mine;
    } catch (error) {
      throw errnoOf(error) === undefined ? error : fileError(this.path, "write", error);
    }
  }

  async #write(): Promise<void> {
    const text = this.#buffer;
    const bytes = Buffer.from(text);
    try {
      await writeFully(this.#file, bytes, this.#offset);
    } catch (error) {
      await this.#file.truncate(this.#offset).catch(() => {
        // The write error is the one to report; the next write starts at the same byte again.
      });
      throw error;
    }
    this.#offset += bytes.length;
    this.#buffer = this.#buffer.slice(text.length); // records may have come meanwhile
  }
}

/** `onTornLine`: told once when the last line has no end; it is not yielded. */
export type ReadMetricsOptions = Pick<ReadJsonLinesOptions, "onTornLine">;

/**
 * Reads a `metrics.jsonl` record by record, in memory bounded by one line.
 *
 * A last line without its end is what a killed process leaves: it is reported, not an error.
 *
 * @throws VqkitError("format") naming the line that is no JSON object, is over 1 MB, or has a number beyond any float;
 * VqkitError("file")
 */
export async function* readMetrics(
  path: string,
  options: ReadMetricsOptions = {},
): AsyncGenerator<Readonly<Record<string, unknown>>, void, undefined> {
  const { onTornLine = () => {} } = options;
  for await (const { value, line } of readJsonLines(path, { maxLine: MAX_LINE, onTornLine })) {
    for (const [name, figure] of Object.entries(value)) {
      if (typeof figure !== "number" || Number.isFinite(figure)) continue;
      // JSON has no infinity, but 1e999 reads as one.
      throw formatError(`${path} line ${line}`, `expected a finite ${quoted(name)}, got ${String(figure)}.`);
    }
    yield value;
  }
}

/** The position after the last line break before `end`; 0 when there is none. */
async function lastLineEnd(file: FileHandle, end: number): Promise<number> {
  const buffer = Buffer.alloc(CHUNK);
  for (let to = end; to > 0; to -= CHUNK) {
    const from = Math.max(0, to - CHUNK);
    const chunk = buffer.subarray(0, to - from);
    const found = chunk.subarray(0, await readFully(file, chunk, from)).lastIndexOf(NEWLINE);
    if (found >= 0) return from + found + 1;
  }
  return 0;
}
