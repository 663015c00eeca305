import { isObject } from "../core/objects.js";
import { openReader } from "./bounded-reader.js";
import { formatError, quoted } from "./file-errors.js";
import { parseJson } from "./json-file.js";

/** One object of a file of JSON Lines, and where it stands. */
export interface JsonLine {
  readonly value: Readonly<Record<string, unknown>>;
  /** From 1. */
  readonly line: number;
  /** Its first byte in the file. */
  readonly offset: number;
}

export interface ReadJsonLinesOptions {
  /** Longer lines are refused, in bytes. */
  readonly maxLine: number;
  /** The place of a line to begin at; default the first. */
  readonly from?: { readonly line: number; readonly offset: number };
  /** Told once when the last line has no end: its number and length. It is not yielded. Where absent, that is an error. */
  readonly onTornLine?: (torn: { readonly line: number; readonly bytes: number }) => void;
}

const CHUNK = 65_536;
const NEWLINE = 0x0a;

/**
 * Reads one JSON object a line, in memory bounded by the longest line.
 *
 * @throws VqkitError("format") naming the line that is no JSON object, is too long, or has no end; VqkitError("file")
 */
export async function* readJsonLines(
  path: string,
  { maxLine, from = { line: 1, offset: 0 }, onTornLine }: ReadJsonLinesOptions,
): AsyncGenerator<JsonLine, void, undefined> {
  let { line, offset } = from;
  const pieces: Buffer[] = []; // of a line whose end has not come yet
  let pending = 0;
  for await (const chunk of chunks(path, offset)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const last = chunk.subarray(start, end);
      const bytes = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
      pieces.length = 0;
      pending = 0;
      start = end + 1;
      const here = { line, offset };
      line++;
      offset += bytes.length + 1;
      yield { value: parseLine(bytes, `${path} line ${here.line}`), ...here };
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    pending += chunk.length - start;
    if (pending > maxLine) throw formatError(`${path} line ${line}`, `expected at most ${maxLine} bytes.`);
  }
  if (pending === 0) return;
  if (onTornLine === undefined) {
    throw formatError(`${path} line ${line}`, "expected an end of line. The file is cut short.");
  }
  onTornLine({ line, bytes: pending });
}

async function* chunks(path: string, start: number): AsyncGenerator<Buffer, void, undefined> {
  const file = await openReader(path);
  try {
    for (let at = start; at < file.size; ) {
      const chunk = await file.read(at, Math.min(CHUNK, file.size - at));
      yield Buffer.from(chunk.buffer);
      at += chunk.length;
    }
  } finally {
    await file.close();
  }
}

function parseLine(bytes: Uint8Array, where: string): Readonly<Record<string, unknown>> {
  const value = parseJson(bytes, where);
  if (!isObject(value)) throw formatError(where, `expected a JSON object, got ${quoted(value)}.`);
  return value;
}

/** Lines between two whose places are kept. */
const STRIDE = 256;

/** Finds any line of a file of JSON Lines. The first search looks through the file once, for the line breaks alone. */
export class JsonLineIndex {
  readonly #path: string;
  readonly #maxLine: number;
  #places: Promise<readonly number[]> | undefined;

  constructor(path: string, { maxLine }: { readonly maxLine: number }) {
    this.#path = path;
    this.#maxLine = maxLine;
  }

  /** @param index from 0 @throws VqkitError("format") when there is no such line; otherwise as `readJsonLines` */
  async read(index: number): Promise<JsonLine> {
    this.#places ??= placesOf(this.#path);
    const before = Math.floor(index / STRIDE);
    const offset = (await this.#places)[before];
    if (offset !== undefined) {
      const from = { line: before * STRIDE + 1, offset };
      for await (const line of readJsonLines(this.#path, { maxLine: this.#maxLine, from })) {
        if (line.line === index + 1) return line;
      }
    }
    throw formatError(this.#path, `expected a line ${index + 1}, got fewer lines.`);
  }
}

/** Where every `STRIDE`-th line begins. */
async function placesOf(path: string): Promise<readonly number[]> {
  const places = [0];
  let lines = 0;
  let offset = 0;
  for await (const chunk of chunks(path, 0)) {
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, end + 1)) {
      if (++lines % STRIDE === 0) places.push(offset + end + 1);
    }
    offset += chunk.length;
  }
  return places;
}
