/**
 * Format `tar`: shards in the form of WebDataset, two files an entry.
 *
 *     codes-000000.tar    000000000.json {"name":…,"width":…,"height":…}, 000000000.npy [H, W, Q] uint16 or uint32, …
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { parseConfig } from "../../core/config.js";
import { messageOf, VqkitError } from "../../core/errors.js";
import { uninterrupted } from "../../data/index.js";
import { decodeNpy, encodeNpy, formatError, parseJson, type StoredTensor } from "../../files/index.js";
import type { Codes, IndexArray } from "../codes.js";
import { asFormatError, type CodeContents } from "./contents.js";
import { type EntryCodes, entriesOf, imageFields, imageSchema, indexDtype } from "./entry.js";
import type { Format, FormatContext, FormatReader, FormatWriter } from "./format.js";

const BLOCK = 512;
/** A tar file ends with two blocks of zeros. */
const END = new Uint8Array(2 * BLOCK);
/** An image of 64 million positions; a file of more bytes is not read into memory. */
const MAX_ENTRY_BYTES = 2 ** 28;
/** Modification time of every entry, so that the same codes give the same bytes. */
const NO_TIME = new Date(0);

export const tarFormat: Format = {
  isFile: (name) => /^codes-\d{6,}\.tar$/.test(name),
  usesTokens: false,
  writer: (context) => new TarWriter(context),
  reader: async (dir, contents) => new TarReader(dir, contents),
  standalone: undefined,
};

function shardFile(shard: number): string {
  return `codes-${String(shard).padStart(6, "0")}.tar`;
}

function keyOf(entry: number): string {
  return String(entry).padStart(9, "0");
}

class TarWriter implements FormatWriter {
  readonly pending = 0;
  readonly #context: FormatContext;
  #shard: number;
  #entries: number;

  constructor(context: FormatContext) {
    this.#context = context;
    this.#entries = context.entries;
    this.#shard = Math.max(0, Object.keys(context.files.lengths()).length - 1);
  }

  async add(codes: Codes): Promise<void> {
    const { files, shardBytes } = this.#context;
    let parts: Uint8Array[] = [];
    let size = files.length(shardFile(this.#shard));
    for (const entry of entriesOf(codes)) {
      const members = await this.#members(entry);
      if (size > 0 && size + members.length + END.length > shardBytes) {
        await files.append(shardFile(this.#shard), Buffer.concat([...parts, END]));
        this.#shard++;
        parts = [];
        size = 0;
      }
      parts.push(members);
      size += members.length;
    }
    await files.append(shardFile(this.#shard), Buffer.concat(parts));
  }

  async complete(): Promise<string[]> {
    await this.#context.files.append(shardFile(this.#shard), END);
    return Array.from({ length: this.#shard + 1 }, (_, shard) => shardFile(shard));
  }

  /** Both files of an entry as they stand in a shard. */
  async #members({ image, gridHeight, gridWidth, indices: data }: EntryCodes): Promise<Uint8Array> {
    const { codebookSize, numCodebooks } = this.#context.kind;
    const shape = [gridHeight, gridWidth, numCodebooks];
    const npy = { dtype: indexDtype(codebookSize), shape, data } as StoredTensor; // as `IndexArray` promises
    const key = keyOf(this.#entries++);
    const { pack: packed } = await import("tar-stream");
    const pack = packed();
    const add = (name: string, content: Uint8Array): void => {
      pack.entry({ name, mtime: NO_TIME, mode: 0o644 }, Buffer.from(content));
    };
    add(`${key}.json`, Buffer.from(JSON.stringify(imageFields(image))));
    add(`${key}.npy`, encodeNpy(npy));
    pack.finalize();
    const chunks: Uint8Array[] = [];
    for await (const chunk of pack) chunks.push(chunk as Uint8Array);
    const whole = Buffer.concat(chunks);
    return whole.subarray(0, whole.length - END.length);
  }
}

interface TarMember {
  readonly name: string;
  readonly content: Uint8Array;
}

class TarReader implements FormatReader {
  readonly #dir: string;
  readonly #contents: CodeContents;

  constructor(dir: string, contents: CodeContents) {
    this.#dir = dir;
    this.#contents = contents;
  }

  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    let index = 0;
    for (const { file } of this.#contents.files) {
      const path = join(this.#dir, file);
      let json: TarMember | undefined;
      for await (const entry of membersOf(path)) {
        // Names are fixed, so no entry can be a link or lead anywhere.
        const expected = `${keyOf(index)}.${json === undefined ? "json" : "npy"}`;
        if (entry.name !== expected) {
          throw formatError(path, `expected entry ${expected}, got ${JSON.stringify(entry.name)}.`);
        }
        if (json === undefined) {
          json = entry;
          continue;
        }
        yield this.#parse(path, json, entry);
        json = undefined;
        index++;
      }
      if (json === undefined) continue;
      throw formatError(path, `expected entry ${keyOf(index)}.npy, got the end of the shard.`);
    }
  }

  /** Looks through the shards from the first on: tar files have no index. */
  async entry(index: number): Promise<EntryCodes> {
    let i = 0;
    for await (const entry of this.entries()) {
      if (i++ === index) return entry;
    }
    throw formatError(this.#dir, `expected ${this.#contents.entries} entries, got ${i}.`);
  }

  #parse(path: string, json: TarMember, npy: TarMember): EntryCodes {
    const where = `${path}/${json.name}`;
    const { codebookSize, numCodebooks } = this.#contents;
    try {
      const image = parseConfig(imageSchema, parseJson(json.content, where), "");
      const { dtype, shape, data } = decodeNpy(npy.content, `${path}/${npy.name}`);
      const [gridHeight = 0, gridWidth = 0, codebooks] = shape;
      const expected = indexDtype(codebookSize);
      if (shape.length !== 3 || codebooks !== numCodebooks || dtype !== expected) {
        const got = `${dtype} [${shape.join(",")}]`;
        throw new VqkitError("format", `expected ${expected} [H,W,${numCodebooks}], got ${got}.`);
      }
      return { image, gridHeight, gridWidth, indices: data as IndexArray }; // as the element type says
    } catch (error) {
      throw asFormatError(error, where);
    }
  }
}

/** Members of a tar file one after another, read piece by piece: no more than the file has. @throws VqkitError("format" | "file") */
async function* membersOf(path: string): AsyncGenerator<TarMember, void, undefined> {
  const extract = (await import("tar-stream")).extract();
  const file: Readable = createReadStream(path);
  file.on("error", (error) => extract.destroy(error));
  file.pipe(extract);
  try {
    for await (const entry of uninterrupted(extract)) {
      const { name, size = 0, type } = entry.header;
      if (type !== "file" && type !== "contiguous-file") {
        const shown = JSON.stringify(name);
        throw formatError(path, `expected files, got ${shown} of type ${String(type)}.`);
      }
      if (size < 0 || size > MAX_ENTRY_BYTES) {
        const shown = JSON.stringify(name);
        throw formatError(
          path,
          `expected entries of at most ${MAX_ENTRY_BYTES} bytes, got ${shown} of ${size}.`,
        );
      }
      const pieces: Uint8Array[] = [];
      for await (const piece of entry) pieces.push(piece as Uint8Array);
      yield { name, content: Buffer.concat(pieces) };
    }
  } catch (error) {
    if (error instanceof VqkitError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const kind = typeof code === "string" && code.startsWith("E") ? "file" : "format";
    throw new VqkitError(kind, `${path}: expected a tar file (${messageOf(error)}).`, { cause: error });
  } finally {
    file.destroy();
    extract.destroy();
  }
}
