import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { VqkitError } from "../core/errors.js";
import {
  type BoundedReader,
  crc32,
  decodePrelude,
  encodePrelude,
  errnoOf,
  fileError,
  formatError,
  isMissingFile,
  PRELUDE_BYTES,
  parseJson,
  withReader,
  writeFully,
} from "../files/index.js";
import type { CodeRecord, CodeTimeline } from "../metrics/index.js";
import {
  decodeRecord,
  encodeRecord,
  MAX_TIMELINE_CODES,
  RECORD_HEADER_BYTES,
  recordLength,
  type TimelineShape,
} from "./code-timeline-format.js";

const MAGIC = Buffer.from("\x89VQT\r\n\x1a\n", "latin1");
const VERSION = 2;
/** Records of version 1 say nothing of codes that were replaced. */
const OLDEST_VERSION = 1;
const MAX_JSON_BYTES = 4096;
const shapeSchema = z.strictObject({
  format: z.literal("vqkit-code-timeline"),
  codebookSize: z.int().min(1).max(MAX_TIMELINE_CODES),
  numCodebooks: z.int().min(1).max(MAX_TIMELINE_CODES),
});

/** Codes that `readCodeTimelineFile` holds at most, over all records; a run of 65,536 codes records 3 million. */
const MAX_RECORDED_CODES = 2 ** 26;

/** Whether a timeline is kept of codebooks of this size: it is where they have at most 2^24 codes together. */
export function keepsTimeline({ codebookSize, numCodebooks }: TimelineShape): boolean {
  return codebookSize * numCodebooks <= MAX_TIMELINE_CODES;
}

/**
 * Appends records to a timeline of codes, `timeline.vqt`. A failed write leaves the file ending at a whole record, and
 * may be tried again.
 */
export class CodeTimelineLog {
  readonly path: string;
  readonly #file: FileHandle;
  #offset: number;

  private constructor(path: string, file: FileHandle, offset: number) {
    this.path = path;
    this.#file = file;
    this.#offset = offset;
  }

  /**
   * Opens a timeline to append to.
   *
   * @param options.from continue behind this many bytes, dropping what stands after them: the offset that a checkpoint
   * kept; 0 begins the file anew
   * @throws VqkitError("format") when the file is another's, or no record ends at `from`; VqkitError("file")
   */
  static async open(
    path: string,
    { from, ...shape }: TimelineShape & { readonly from: number },
  ): Promise<CodeTimelineLog> {
    if (from > 0) await checkPlace(path, shape, from);
    let file: FileHandle | undefined;
    try {
      file = await open(path, from > 0 ? "r+" : "w+");
      await file.truncate(from);
      const log = new CodeTimelineLog(path, file, from);
      if (from === 0) await log.#write(header(shape));
      return log;
    } catch (error) {
      await file?.close().catch(() => {
        // The first error says what went wrong.
      });
      throw errnoOf(error) === undefined ? error : fileError(path, "open", error);
    }
  }

  /** Bytes written so far, always at the end of a record; what a checkpoint keeps after `sync`. */
  get offset(): number {
    return this.#offset;
  }

  /** Adds a record to the file. Calls must not overlap. @throws VqkitError("file") */
  async append(record: CodeRecord): Promise<void> {
    const bytes = encodeRecord(record);
    try {
      await this.#write(bytes);
    } catch (error) {
      throw errnoOf(error) === undefined ? error : fileError(this.path, "write", error);
    }
  }

  /** Waits until all records are on disk. @throws VqkitError("file") */
  async sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      throw errnoOf(error) === undefined ? error : fileError(this.path, "write", error);
    }
  }

  /** @throws VqkitError("file") */
  async close(): Promise<void> {
    // A network file system may tell only here that it has no space.
    await this.#file.close().catch((error: unknown) => {
      throw fileError(this.path, "write", error);
    });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await writeFully(this.#file, bytes, this.#offset);
    } catch (error) {
      await this.#file.truncate(this.#offset).catch(() => {
        // The write error is the one to report; the next write starts at the same byte again.
      });
      throw error;
    }
    this.#offset += bytes.length;
  }
}

/**
 * What a run recorded of the use of its codes; `codeLives` of it says which were born, died and came back. It may be
 * read while the run trains.
 *
 * @returns null for a run that keeps no timeline
 * @throws as `readCodeTimelineFile`
 */
export async function readCodeTimeline(run: {
  path(file: "timeline"): string;
}): Promise<CodeTimeline | null> {
  const path = run.path("timeline");
  try {
    return await readCodeTimelineFile(path);
  } catch (error) {
    if (isMissingFile(error)) return null;
    throw error;
  }
}

/**
 * Reads a timeline of codes. A last record without its end is what a killed process leaves: it is left out.
 *
 * @throws VqkitError("format") naming the record that is damaged; VqkitError("file")
 */
export async function readCodeTimelineFile(path: string): Promise<CodeTimeline> {
  return withReader(path, async (reader) => {
    const { shape, end } = await readHeader(reader);
    const records: CodeRecord[] = [];
    let step = 0;
    let codes = 0;
    for await (const { bytes } of recordsOf(reader, end)) {
      const where = `${path} record ${records.length + 1}`;
      const record = decodeRecord(bytes, shape, where);
      if (record.step <= step) {
        throw formatError(where, `expected a step after ${step}, got ${record.step}.`);
      }
      step = record.step;
      codes +=
        sumOf(record.drift?.map(({ perCode }) => perCode.length) ?? []) +
        sumOf(record.codebooks.map(({ counts }) => counts.length));
      if (codes > MAX_RECORDED_CODES) {
        throw formatError(where, `expected at most ${MAX_RECORDED_CODES} codes in all records, got more.`);
      }
      records.push(record);
    }
    return { ...shape, records };
  });
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function header({ codebookSize, numCodebooks }: TimelineShape): Uint8Array {
  const json = Buffer.from(JSON.stringify({ format: "vqkit-code-timeline", codebookSize, numCodebooks }));
  return encodePrelude({ magic: MAGIC, version: VERSION }, json);
}

/** Checks that a timeline is of these codebooks and that a record ends at byte `from`. */
async function checkPlace(path: string, shape: TimelineShape, from: number): Promise<void> {
  await withReader(path, async (reader) => {
    const found = await readHeader(reader);
    if (found.shape.codebookSize !== shape.codebookSize || found.shape.numCodebooks !== shape.numCodebooks) {
      throw formatError(
        path,
        `expected ${shape.numCodebooks} x ${shape.codebookSize} codes, got ${found.shape.numCodebooks} x ${found.shape.codebookSize}.`,
      );
    }
    let { end } = found;
    for await (const record of recordsOf(reader, end)) {
      if (end >= from) break;
      end = record.end;
    }
    if (end !== from) {
      throw formatError(
        path,
        `expected a record to end at byte ${from}, got a file of ${reader.size} bytes without one.`,
      );
    }
  });
}

async function readHeader(
  reader: BoundedReader,
): Promise<{ readonly shape: TimelineShape; readonly end: number }> {
  const { path } = reader;
  const prelude = decodePrelude(await reader.read(0, PRELUDE_BYTES), MAGIC);
  if (prelude === undefined) {
    throw formatError(path, "expected a timeline of codes, got another kind of file.");
  }
  const { version, length, crc } = prelude;
  if (version < OLDEST_VERSION || version > VERSION) {
    throw formatError(
      path,
      `expected version ${OLDEST_VERSION} or ${VERSION}, got ${version}. Another version of vqkit wrote it.`,
    );
  }
  if (length > MAX_JSON_BYTES) {
    throw formatError(path, `expected a header of at most ${MAX_JSON_BYTES} bytes, got ${length}.`);
  }
  const json = await reader.read(PRELUDE_BYTES, length);
  if (crc32(json) !== crc)
    throw formatError(path, "expected another CRC-32 of the header. The file is damaged.");
  const shape = parsedShape(parseJson(json, path), path);
  return { shape, end: PRELUDE_BYTES + length };
}

function parsedShape(value: unknown, path: string): TimelineShape {
  try {
    const { codebookSize, numCodebooks } = parseConfig(shapeSchema, value, "header");
    const shape = { codebookSize, numCodebooks };
    if (keepsTimeline(shape)) return shape;
    throw formatError(
      path,
      `expected at most ${MAX_TIMELINE_CODES} codes, got ${codebookSize} x ${numCodebooks}.`,
    );
  } catch (error) {
    // A file is no flag: the command line must not call this wrong usage.
    if (error instanceof VqkitError && error.code === "config") throw formatError(path, error.message);
    throw error;
  }
}

/** The whole records from byte `start` on, and where each ends. */
async function* recordsOf(
  reader: BoundedReader,
  start: number,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly end: number }, void, undefined> {
  for (let at = start; at + RECORD_HEADER_BYTES <= reader.size; ) {
    const length = recordLength(await reader.read(at, RECORD_HEADER_BYTES));
    if (at + length > reader.size) return;
    yield { bytes: await reader.read(at, length), end: at + length };
    at += length;
  }
}
