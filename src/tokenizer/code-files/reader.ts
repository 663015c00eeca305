import { stat } from "node:fs/promises";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { joinArrays } from "../../core/typed-arrays.js";
import { formatError, withReader } from "../../files/index.js";
import { type Codes, indexArray, scalesOf } from "../codes.js";
import { type EntryCodes, indexFault } from "./entry.js";
import type { FormatReader } from "./format.js";
import { type CodeFormat, formats } from "./formats.js";
import { type CodeManifest, readManifest } from "./manifest.js";

export interface ReadCodesOptions {
  /** Entries that come at once at most, >= 1; default 64. */
  readonly batchSize?: number;
}

const readOptions = z.strictObject({ batchSize: z.int().min(1).default(64) });

/** Indices that come at once at most, unless a single entry has more. */
const BATCH_INDICES = 2 ** 22;
/** Bytes that show which format a file is of. */
const START_BYTES = 8;

/**
 * Opens codes of any format: the folder that a writer made, or a packed or Parquet file by itself.
 *
 * @throws VqkitError("codes") when there are no finished codes; VqkitError("format") for damaged ones; VqkitError("file")
 */
export async function openCodes(path: string): Promise<CodeReader> {
  if (await isFile(path)) return openFile(path);
  const manifest = await readManifest(path);
  return new CodeReader(path, manifest, await formats[manifest.layout].reader(path, manifest));
}

/** Codes that can be read in order or one entry at a time. Between calls no file is open. */
export class CodeReader {
  readonly path: string;
  readonly manifest: CodeManifest;
  readonly #reader: FormatReader;

  /** @internal `openCodes` makes them. */
  constructor(path: string, manifest: CodeManifest, reader: FormatReader) {
    this.path = path;
    this.manifest = manifest;
    this.#reader = reader;
  }

  /**
   * Everything in the order of encoding, in memory that does not grow with their number. Neighbours of one latent grid
   * come together. `Tokenizer.decodeBatch` takes what it yields.
   *
   * Names are as they were written, perhaps on another machine: do not take them for safe paths.
   *
   * @throws ConfigError for a wrong option; VqkitError("format") naming the entry where the files are damaged or
   * contradict each other; VqkitError("file")
   */
  async *read(options: ReadCodesOptions = {}): AsyncGenerator<Codes, void, undefined> {
    const { batchSize } = parseConfig(readOptions, options, "");
    let batch: EntryCodes[] = [];
    let count = 0;
    for await (const entry of this.#reader.entries()) {
      this.#check(entry, count++);
      if (batch.length > 0 && !fits(entry, batch, batchSize)) {
        yield this.#codesOf(batch);
        batch = [];
      }
      batch.push(entry);
    }
    if (batch.length > 0) yield this.#codesOf(batch);
    if (count === this.manifest.entries) return;
    throw formatError(
      this.path,
      `expected ${this.manifest.entries} entries as in the manifest, got ${count}.`,
    );
  }

  /**
   * The codes of one entry (an image, or one tile), shape [1, H, W, Q]. Format `tar` has to be read up to there; the
   * others are read at that place.
   *
   * @param index its place in the order of encoding, 0..entries-1
   * @throws RangeError outside of that; otherwise as `read`
   */
  async readEntry(index: number): Promise<Codes> {
    const { entries } = this.manifest;
    if (!Number.isInteger(index) || index < 0 || index >= entries) {
      throw new RangeError(`${this.path}: expected an entry within 0..${entries - 1}, got ${index}.`);
    }
    const entry = await this.#reader.entry(index);
    this.#check(entry, index);
    return this.#codesOf([entry]);
  }

  #check({ image: { name }, gridWidth, indices }: EntryCodes, index: number): void {
    const { codebookSize, numCodebooks } = this.manifest;
    for (let at = 0; at < indices.length; at++) {
      const value = indices[at] as number;
      if (value < codebookSize) continue;
      const { message } = indexFault(value, at, { name, gridWidth, codebookSize, numCodebooks });
      throw formatError(this.path, `number ${index}, ${message}`);
    }
  }

  #codesOf(batch: readonly EntryCodes[]): Codes {
    const { gridHeight, gridWidth } = batch[0] as EntryCodes;
    const { fingerprint, codebookSize, numCodebooks } = this.manifest;
    const parts = batch.map(({ indices }) => indices);
    return {
      indices: joinArrays(parts, (length) => indexArray(codebookSize, length)),
      shape: [batch.length, gridHeight, gridWidth, numCodebooks],
      codebookSize,
      images: batch.map(({ image }) => image),
      fingerprint,
      ...scalesOf(this.manifest),
    };
  }
}

function fits(entry: EntryCodes, batch: readonly EntryCodes[], batchSize: number): boolean {
  const first = batch[0];
  return (
    first?.gridHeight === entry.gridHeight &&
    first.gridWidth === entry.gridWidth &&
    batch.length < batchSize &&
    (batch.length + 1) * entry.indices.length <= BATCH_INDICES
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false; // what is wrong with it, reading the folder will say
  }
}

/** @throws VqkitError("codes") for a file of codes that cannot stand alone, or of something else */
async function openFile(path: string): Promise<CodeReader> {
  const start = await withReader(path, ({ size, read }) => read(0, Math.min(size, START_BYTES)));
  for (const [layout, { standalone }] of Object.entries(formats)) {
    if (standalone?.isOne(start, path) !== true) continue;
    const reader = await standalone.open(path);
    return new CodeReader(path, { layout: layout as CodeFormat, ...reader.contents }, reader);
  }
  const known = Object.values(formats).flatMap(({ standalone }) => standalone?.called ?? []);
  throw new VqkitError(
    "codes",
    `${path}: expected a folder of codes, or a ${known.join(" or ")} file, got another file. Give the folder that encode wrote.`,
  );
}

/** As `openCodes(path)` and then `read(options)`. @throws as these */
export async function* readCodes(
  path: string,
  options: ReadCodesOptions = {},
): AsyncGenerator<Codes, void, undefined> {
  parseConfig(readOptions, options, "");
  yield* (await openCodes(path)).read(options);
}

/** What codes hold, without the codes themselves. @throws as `openCodes` */
export async function readCodeManifest(path: string): Promise<CodeManifest> {
  return (await openCodes(path)).manifest;
}
