/**
 * Format `bin`: all codes as one stream of tokens, for trainers of language models in the manner of nanoGPT and llm.c.
 *
 *     train.bin, val.bin  256 × u32, then tokens, u16 or u32: of each entry the begin token and its indices
 *     entries.jsonl       one object an entry, in the order of encoding: its fields, shape, part, at
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import {
  type BoundedReader,
  formatError,
  JsonLineIndex,
  openReader,
  readJsonLines,
  withReader,
} from "../../files/index.js";
import type { Codes } from "../codes.js";
import { asFormatError, type CodeContents } from "./contents.js";
import { type EntryCodes, entriesOf, imageFields, imageSchema } from "./entry.js";
import type { Format, FormatContext, FormatReader, FormatWriter } from "./format.js";
import { indicesOf, tokensFrom, type Vocabulary, vocabularyOf } from "./vocabulary.js";

const ENTRIES_FILE = "entries.jsonl";
const MAX_LINE = 2 ** 20;
const parts = ["train", "val"] as const;
type Part = (typeof parts)[number];

const HEADER_NUMBERS = 256;
const HEADER_BYTES = 4 * HEADER_NUMBERS;
/** As llm.c's files begin (karpathy/llm.c: dev/data/data_common.py), by the bytes of a token. */
const MAGIC = { 2: [20240520, 1], 4: [20240801, 7] } as const;
/** In the place of a begin token. */
const NONE = 2 ** 32 - 1;

export const binFormat: Format = {
  isFile: (name) => name === ENTRIES_FILE || parts.some((part) => name === fileOf(part)),
  usesTokens: true,
  writer: (context) => new BinWriter(context),
  reader: (dir, contents) => BinReader.open(dir, contents),
  standalone: undefined,
};

function fileOf(part: Part): string {
  return `${part}.bin`;
}

/**
 * What a part begins with: magic and version of llm.c, number of tokens (u64, of which llm.c reads the lower half), bytes
 * of a token, size of the vocabulary, offset, begin token or 2^32 - 1, K, Q; zeros.
 */
function encodeHeader(vocabulary: Vocabulary, tokens: number): Uint8Array {
  const { bytes, size, offset, begin, codebookSize, numCodebooks } = vocabulary;
  const header = new Uint32Array(HEADER_NUMBERS);
  const count = [tokens % 2 ** 32, Math.floor(tokens / 2 ** 32)];
  header.set([...MAGIC[bytes], ...count, bytes, size, offset, begin ?? NONE, codebookSize, numCodebooks]);
  return new Uint8Array(header.buffer);
}

/** Tokens of a part that has so many bytes. */
function tokensIn(length: number, bytes: number): number {
  return Math.max(0, length - HEADER_BYTES) / bytes;
}

class BinWriter implements FormatWriter {
  readonly pending = 0;
  readonly #context: FormatContext;
  readonly #vocabulary: Vocabulary & { readonly validation: number };

  constructor(context: FormatContext) {
    this.#context = context;
    this.#vocabulary = vocabularyOf(context.kind, context.settings);
  }

  async add(codes: Codes): Promise<void> {
    const { files } = this.#context;
    const [, ...shape] = codes.shape;
    const added = { train: [] as Uint8Array[], val: [] as Uint8Array[] };
    const ends = { train: this.#tokens("train"), val: this.#tokens("val") };
    let lines = "";
    for (const { image, indices } of entriesOf(codes)) {
      const part = partOf(image.name, this.#vocabulary.validation);
      const tokens = tokensFrom(indices, this.#vocabulary);
      lines += `${JSON.stringify({ ...imageFields(image), shape, part, at: ends[part] })}\n`;
      ends[part] += tokens.length;
      added[part].push(new Uint8Array(tokens.buffer));
    }
    for (const part of parts) {
      if (added[part].length === 0) continue;
      const file = fileOf(part);
      const header = files.length(file) === 0 ? [encodeHeader(this.#vocabulary, 0)] : [];
      await files.append(file, Buffer.concat([...header, ...added[part]]));
    }
    await files.append(ENTRIES_FILE, Buffer.from(lines));
  }

  async complete(): Promise<string[]> {
    const { files } = this.#context;
    const begun = parts.filter((part) => files.length(fileOf(part)) > 0);
    for (const part of begun) {
      await files.rewriteStart(fileOf(part), encodeHeader(this.#vocabulary, this.#tokens(part)));
    }
    return [...begun.map(fileOf), ENTRIES_FILE];
  }

  /** Of a part, so far. */
  #tokens(part: Part): number {
    return tokensIn(this.#context.files.length(fileOf(part)), this.#vocabulary.bytes);
  }
}

/** The name alone decides, so that all views and tiles of an image go together, and whatever else is encoded changes nothing. */
function partOf(name: string, validation: number): Part {
  const place = createHash("sha256").update(name).digest().readUIntBE(0, 6) / 2 ** 48;
  return place < validation ? "val" : "train";
}

const whole = z.int().min(1);
const lineSchema = imageSchema.extend({
  shape: z.tuple([whole, whole, whole]),
  part: z.enum(parts),
  at: z.int().min(0),
});
type EntryLine = z.output<typeof lineSchema>;

class BinReader implements FormatReader {
  readonly #dir: string;
  readonly #path: string;
  readonly #vocabulary: Vocabulary;
  readonly #lines: JsonLineIndex;

  private constructor(dir: string, vocabulary: Vocabulary) {
    this.#dir = dir;
    this.#path = join(dir, ENTRIES_FILE);
    this.#vocabulary = vocabulary;
    this.#lines = new JsonLineIndex(this.#path, { maxLine: MAX_LINE });
  }

  /** @throws VqkitError("format") for a part that begins otherwise than the manifest says */
  static async open(dir: string, contents: CodeContents): Promise<BinReader> {
    const vocabulary = vocabularyIn(dir, contents);
    for (const part of parts) {
      if (contents.files.some(({ file }) => file === fileOf(part))) {
        await withReader(join(dir, fileOf(part)), (reader) => checkHeader(reader, vocabulary));
      }
    }
    return new BinReader(dir, vocabulary);
  }

  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    const readers = new Map<Part, Awaited<ReturnType<typeof openReader>>>();
    try {
      for await (const { value, line } of readJsonLines(this.#path, { maxLine: MAX_LINE })) {
        const entry = this.#parse(value, line);
        const reader = readers.get(entry.part) ?? (await openReader(join(this.#dir, fileOf(entry.part))));
        readers.set(entry.part, reader);
        yield await this.#read(entry, reader);
      }
    } finally {
      for (const reader of readers.values()) await reader.close();
    }
  }

  async entry(index: number): Promise<EntryCodes> {
    const { value, line } = await this.#lines.read(index);
    const entry = this.#parse(value, line);
    return withReader(join(this.#dir, fileOf(entry.part)), (reader) => this.#read(entry, reader));
  }

  #parse(value: unknown, line: number): EntryLine {
    const where = `${this.#path} line ${line}`;
    try {
      const entry = parseConfig(lineSchema, value, "");
      if (entry.shape[2] === this.#vocabulary.numCodebooks) return entry;
      throw formatError("shape", `expected [H,W,${this.#vocabulary.numCodebooks}], got [${entry.shape}].`);
    } catch (error) {
      throw asFormatError(error, where);
    }
  }

  async #read({ shape, part, at, ...image }: EntryLine, reader: BoundedReader): Promise<EntryCodes> {
    const { bytes, begin } = this.#vocabulary;
    const [gridHeight, gridWidth, codebooks] = shape;
    const length = gridHeight * gridWidth * codebooks + (begin === null ? 0 : 1);
    const read = await reader.read(HEADER_BYTES + at * bytes, length * bytes);
    const tokens = bytes === 2 ? new Uint16Array(read.buffer) : new Uint32Array(read.buffer);
    const indices = indicesOf(tokens, this.#vocabulary);
    if (!("wrongAt" in indices)) return { image, gridHeight, gridWidth, indices };
    const { wrongAt } = indices;
    throw formatError(
      reader.path,
      `token ${at + wrongAt}, of image ${JSON.stringify(image.name)}: expected ${wrongAt === 0 && begin !== null ? `the begin token ${begin}` : "one of a code"}, got ${tokens[wrongAt]}.`,
    );
  }
}

/** A manifest is no flag: the command line must not call what is wrong in it wrong usage. */
function vocabularyIn(dir: string, contents: CodeContents): Vocabulary {
  try {
    return vocabularyOf(contents, contents.settings);
  } catch (error) {
    throw asFormatError(error, dir);
  }
}

async function checkHeader(reader: BoundedReader, vocabulary: Vocabulary): Promise<void> {
  const expected = encodeHeader(vocabulary, tokensIn(reader.size, vocabulary.bytes));
  const header = await reader.read(0, HEADER_BYTES);
  const [wanted, got] = [expected, header].map((bytes) => new Uint32Array(bytes.buffer)) as [
    Uint32Array,
    Uint32Array,
  ];
  const wrong = wanted.findIndex((number, i) => number !== got[i]);
  if (wrong < 0) return;
  throw formatError(
    `${reader.path}: header`,
    `expected ${wanted[wrong]} as number ${wrong}, as the manifest and the file's length say, got ${got[wrong]}.`,
  );
}
