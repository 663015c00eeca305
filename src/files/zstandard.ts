/**
 * Zstandard (RFC 8878): by Node where it does that, which checks the checksums that frames may have; else by fzstd, which
 * does not. Node has it from version 22.15 on; in 22 it drops all frames but the first, and does not notice an end that comes too
 * early.
 */
import { Transform } from "node:stream";
import { createContext, Script } from "node:vm";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import { FrameOutline, MAX_BLOCK_BYTES } from "./zstandard-frames.js";

/** Frames that look back further are refused, as the program zstd does: a decoder keeps as much. */
const MAX_WINDOW_BYTES = 2 ** 27;
/** fzstd is given this much at a time. */
const PIECE_BYTES = 2 ** 14;
/**
 * Milliseconds that a piece may take; it takes one or two. Damaged tables of codes keep fzstd busy for ever. A page that runs
 * out of time is tried once more, as the process may have been stopped meanwhile; a stream cannot be, and gets longer.
 */
const PAGE_PIECE_LIMIT = 300;
const STREAM_PIECE_LIMIT = 10_000;

interface NativeZstandard {
  readonly zstdDecompressSync: (input: Uint8Array, options: object) => Uint8Array;
  readonly createZstdDecompress: (options: object) => Transform;
}

/** Two frames of one stored byte each: 5, 6. */
const TWO_FRAMES = [5, 6].flatMap((byte) => [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 9, 0, 0, byte]);

const native = worksFor(zlib as unknown as Partial<NativeZstandard>)
  ? (zlib as unknown as NativeZstandard)
  : undefined;

/** Whether Node has Zstandard, reads all frames of it and tells where one is cut short. */
function worksFor({ zstdDecompressSync }: Partial<NativeZstandard>): boolean {
  if (zstdDecompressSync === undefined) return false;
  const frames = Uint8Array.from(TWO_FRAMES);
  try {
    if (zstdDecompressSync(frames, {}).join() !== "5,6") return false;
  } catch {
    return false;
  }
  return failureOf(() => zstdDecompressSync(frames.subarray(0, frames.length - 1), {})) !== undefined;
}

/** How much a number of bytes can stand for: the shortest block has 4. */
export function mostFromZstandard(input: number): number {
  return MAX_BLOCK_BYTES * Math.ceil(input / 4);
}

/** Undoes frames one behind the other. @throws Error where they are damaged, or have another number of bytes */
export function decodeZstandard(input: Uint8Array, length: number): Uint8Array {
  return native === undefined ? decodeByScript(input, length) : decodeNatively(native, input, length);
}

/** A stream that undoes frames one behind the other; it fails where they are damaged or end too early. */
export function zstandardStream(): Transform {
  if (native === undefined) return streamByScript();
  const { ZSTD_d_windowLogMax } = zlib.constants as unknown as Record<string, number>;
  return native.createZstdDecompress({
    params: { [ZSTD_d_windowLogMax as number]: Math.log2(MAX_WINDOW_BYTES) },
  });
}

function decodeNatively(
  { zstdDecompressSync }: NativeZstandard,
  input: Uint8Array,
  length: number,
): Uint8Array {
  const output = zstdDecompressSync(input, { maxOutputLength: Math.max(1, length) });
  if (output.length < length) throw shortOf(output.length, length);
  return output;
}

/** As `decodeZstandard` on versions of Node without it. */
export function decodeByScript(input: Uint8Array, length: number): Uint8Array {
  if (!(length >= 0 && length <= mostFromZstandard(input.length))) {
    throw new Error(`${length} bytes of Zstandard in ${input.length}`);
  }
  try {
    return decodePage(input, length);
  } catch (error) {
    if (!(error instanceof OutOfTimeError)) throw error;
  }
  return decodePage(input, length);
}

function decodePage(input: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  let filled = 0;
  const decoder = new FrameDecoder(PAGE_PIECE_LIMIT, (part) => {
    if (filled + part.length > length) throw new Error("Zstandard frames of more bytes than they state");
    output.set(part, filled);
    filled += part.length;
  });
  decoder.push(input);
  decoder.end();
  if (filled < length) throw shortOf(filled, length);
  return output;
}

/** As `zstandardStream` on versions of Node without it. */
export function streamByScript(): Transform {
  let decoder: FrameDecoder | undefined;
  /** A stream that fails drops what has not been read of it, so it fails one call later. */
  let failure: Error | undefined;
  return new Transform({
    transform(piece: Uint8Array, _, done) {
      decoder ??= new FrameDecoder(STREAM_PIECE_LIMIT, (part) => this.push(part));
      if (failure !== undefined) return done(failure);
      failure = failureOf(() => decoder?.push(piece));
      done();
    },
    flush(done) {
      done(failure ?? failureOf(() => decoder?.end()));
    },
  });
}

function shortOf(found: number, length: number): Error {
  return new Error(`Zstandard frames of ${found} bytes instead of ${length}`);
}

function failureOf(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What has been given up because it took too long. */
class OutOfTimeError extends Error {}

const watched: { work?: () => void } = createContext({});
const runWatched = new Script("work()");

/** Runs a function, and ends it where it takes longer; nothing else can interrupt a loop without end. */
function withinTime(milliseconds: number, work: () => void): void {
  watched.work = work;
  try {
    runWatched.runInContext(watched, { timeout: milliseconds });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new OutOfTimeError("Zstandard data that do not end", { cause: error });
  } finally {
    delete watched.work;
  }
}

/** fzstd frame by frame: over several of them it calls itself. Each is held to its window before that is allocated. */
class FrameDecoder {
  readonly #outline = new FrameOutline(MAX_WINDOW_BYTES);
  readonly #onPart: (part: Uint8Array) => void;
  readonly #limit: number;
  #decoder: Decompress | undefined;

  /** @param limit milliseconds for a piece */
  constructor(limit: number, onPart: (part: Uint8Array) => void) {
    this.#limit = limit;
    this.#onPart = onPart;
  }

  push(input: Uint8Array): void {
    for (let at = 0; at < input.length; at += PIECE_BYTES) {
      const piece = input.subarray(at, at + PIECE_BYTES);
      let start = 0;
      for (const end of this.#outline.push(piece)) {
        this.#decode(piece.subarray(start, end), true);
        start = end;
      }
      if (start < piece.length) this.#decode(piece.subarray(start), false);
    }
  }

  end(): void {
    this.#outline.end();
  }

  #decode(bytes: Uint8Array, isLast: boolean): void {
    this.#decoder ??= new Decompress((part) => {
      if (part.length > 0) this.#onPart(part);
    });
    const decoder = this.#decoder;
    withinTime(this.#limit, () => decoder.push(bytes, isLast));
    if (isLast) this.#decoder = undefined;
  }
}
