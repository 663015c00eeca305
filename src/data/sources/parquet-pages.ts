/**
 * The pages of one column of byte arrays in a row group. hyparquet reads what describes a file; the pages are read here
 * because files may be damaged: a page's header can claim any size and a run any length, and hyparquet follows them,
 * into a loop without end if need be. Here every count is held against the values of the column, and every length
 * against the bytes that are there.
 *
 * Format: https://parquet.apache.org/docs/file-format/
 */
import type { PageHeader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "../../files/index.js";
import { type ByteSource, bytesInMemory, partOf, uint32At } from "./byte-source.js";
import type { ColumnLeaf } from "./parquet-columns.js";
import { Runs } from "./parquet-runs.js";
import { type Dictionary, openDictionary, openValues, type PageValues } from "./parquet-values.js";

/** Headers are some twenty bytes, unless they quote the smallest and the largest value. */
const HEADER_BYTES = [2 ** 12, 2 ** 16, 2 ** 24];

/** Looks through all runs of a column chunk in memory, as `checkRuns` does. @throws Error as it does, or where a page is damaged */
export async function checkChunkRuns(
  bytes: Uint8Array,
  context: Pick<PageContext, "leaf" | "codec">,
): Promise<void> {
  const chunk = bytesInMemory(bytes);
  for (let at = 0; at < chunk.length; ) {
    const place = await readPageHeader(chunk, at);
    at = place.end;
    if (place.header.dictionary_page_header === undefined) await checkRuns(chunk, place, context);
  }
}

/** A page's header, and where in its column chunk the page itself is. */
export interface PagePlace {
  readonly header: PageHeader;
  readonly start: number;
  readonly end: number;
  /** Entries of the page: values, and places without one; of a dictionary 0. */
  readonly entries: number;
}

/** @throws Error where there is no header, or the page would end behind the chunk */
export async function readPageHeader(chunk: ByteSource, at: number): Promise<PagePlace> {
  const { header, length } = await parseHeader(chunk, at);
  const start = at + length;
  const size = header.compressed_page_size;
  if (!(size >= 0 && start + size <= chunk.length)) {
    throw new Error(`${size} bytes where ${chunk.length - start} are left`);
  }
  const { num_values: entries = 0 } = header.data_page_header ?? header.data_page_header_v2 ?? {};
  if (!(entries >= 0)) throw new Error(`a page of ${entries} values`);
  return { header, start, end: start + size, entries };
}

async function parseHeader(
  chunk: ByteSource,
  at: number,
): Promise<{ readonly header: PageHeader; readonly length: number }> {
  const left = chunk.length - at;
  if (left <= 0) throw new Error("pages with fewer values than the column has");
  for (const most of HEADER_BYTES) {
    const bytes = await chunk.read(at, Math.min(most, left));
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
    try {
      const header = parquetHeader(reader);
      return { header, length: reader.offset };
    } catch (error) {
      // A header that ends behind these bytes is tried with more of them.
      if (!(error instanceof RangeError) || most >= left) throw error;
    }
  }
  throw new Error(`a page with a header of more than ${HEADER_BYTES.at(-1)} bytes`);
}

/** The levels of a page's entries. */
export interface PageLevels {
  /** How deep in its row an entry begins: 0 for the first of a row. */
  repetition(entry: number): number;
  /** How far down its column's path an entry is there. */
  definition(entry: number): number;
  /** Whether an entry has a value, and how many have one before it. */
  value(entry: number): number | undefined;
}

/** A page whose compression has been undone. */
export interface DataPage {
  readonly levels: PageLevels;
  readonly values: PageValues;
}

export interface PageContext {
  readonly leaf: ColumnLeaf;
  /** Parquet's name of the compression. */
  readonly codec: string;
  readonly dictionary: () => Promise<Dictionary>;
}

/** @throws Error that says what is wrong with the page, or which encoding is not known */
export async function openDataPage(
  chunk: ByteSource,
  { header, start, end, entries }: PagePlace,
  { leaf, codec, dictionary }: PageContext,
): Promise<DataPage> {
  const { levels, content, encoding } = await openLevels(
    chunk,
    { header, start, end, entries },
    { leaf, codec },
  );
  const values = await openValues(content, { encoding, count: levels.valuesBefore(entries), dictionary });
  return { levels, values };
}

/**
 * Looks through all runs of a page: those of its levels, and those of its values where they are numbers of a dictionary.
 * Nothing is allocated, however many values they claim.
 *
 * @throws Error where they have more or fewer values than the page
 */
export async function checkRuns(
  chunk: ByteSource,
  place: PagePlace,
  context: Pick<PageContext, "leaf" | "codec">,
): Promise<void> {
  const { levels, content, encoding } = await openLevels(chunk, place, context);
  const { entries } = place;
  if (entries > 0) levels.repetition(entries - 1);
  const count = levels.valuesBefore(entries);
  if (count === 0 || !encoding.endsWith("DICTIONARY")) return;
  const indices = await content.read(0, content.length);
  new Runs(indices.subarray(1), { width: indices[0] ?? 0, count }).at(count - 1);
}

async function openLevels(
  chunk: ByteSource,
  { header, start, end, entries }: PagePlace,
  { leaf, codec }: Pick<PageContext, "leaf" | "codec">,
): Promise<{ levels: EntryLevels; content: ByteSource; encoding: string }> {
  const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: size } = header;
  const { encoding } = v1 ?? v2 ?? {};
  if (encoding === undefined) throw new Error(`a page of type ${header.type}`);
  if (v1 !== undefined) checkLevels(v1, leaf);
  const page = partOf(chunk, start, end - start);
  const { repetition, definition, content } =
    v2 === undefined
      ? await splitContent(await whole(page, codec, size), leaf)
      : await splitPage(page, { codec, size, header: v2 });
  return { levels: new EntryLevels({ repetition, definition, entries, leaf }), content, encoding };
}

export async function openDictionaryPage(
  chunk: ByteSource,
  { header, start, end }: PagePlace,
  codec: string,
): Promise<Dictionary> {
  const page = partOf(chunk, start, end - start);
  const content = await whole(page, codec, header.uncompressed_page_size);
  return openDictionary(content, header.dictionary_page_header?.num_values ?? 0);
}

interface SplitPage {
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
  readonly content: ByteSource;
}

function checkLevels(header: NonNullable<PageHeader["data_page_header"]>, leaf: ColumnLeaf): void {
  const { repetition_level_encoding: first, definition_level_encoding: second } = header;
  const used = [leaf.maxRepetition > 0 ? [first] : [], leaf.maxDefinition > 0 ? [second] : []].flat();
  const unknown = used.find((encoding) => encoding !== "RLE");
  if (unknown !== undefined) throw new Error(`levels encoded as ${unknown} (known: RLE)`);
}

/** Version 1: levels with their lengths before them, compressed with the values. */
async function splitContent(content: ByteSource, leaf: ColumnLeaf): Promise<SplitPage> {
  let at = 0;
  const levels = async (most: number): Promise<Uint8Array> => {
    if (most === 0) return new Uint8Array(0);
    const length = await uint32At(content, at);
    const bytes = await content.read(at + 4, length);
    at += 4 + length;
    return bytes.slice();
  };
  const repetition = await levels(leaf.maxRepetition);
  const definition = await levels(leaf.maxDefinition);
  return { repetition, definition, content: partOf(content, at) };
}

/** Version 2: levels first, never compressed. */
async function splitPage(
  page: ByteSource,
  {
    codec,
    size,
    header,
  }: {
    readonly codec: string;
    readonly size: number;
    readonly header: NonNullable<PageHeader["data_page_header_v2"]>;
  },
): Promise<SplitPage> {
  const { repetition_levels_byte_length: first, definition_levels_byte_length: second } = header;
  const repetition = await page.read(0, first);
  const definition = await page.read(first, second);
  const rest = partOf(page, first + second);
  const used = header.is_compressed === false ? "UNCOMPRESSED" : codec;
  return { repetition, definition, content: await whole(rest, used, size - first - second) };
}

/** What is not compressed stays in the file until its turn comes. */
async function whole(page: ByteSource, codec: string, size: number): Promise<ByteSource> {
  if (codec === "UNCOMPRESSED") return page;
  if (page.length === 0 && size === 0) return page; // of a page whose values are all null, some writers compress nothing
  return bytesInMemory(decompressPage(await page.read(0, page.length), codec, size));
}

class EntryLevels implements PageLevels {
  readonly #repetition: Runs | undefined;
  readonly #definition: Runs | undefined;
  readonly #most: number;
  /** Values among the first entries. */
  #entries = 0;
  #values = 0;

  constructor({
    repetition,
    definition,
    entries,
    leaf,
  }: {
    readonly repetition: Uint8Array;
    readonly definition: Uint8Array;
    readonly entries: number;
    readonly leaf: ColumnLeaf;
  }) {
    const runs = (bytes: Uint8Array, most: number): Runs | undefined =>
      most === 0 ? undefined : new Runs(bytes, { width: 32 - Math.clz32(most), count: entries });
    this.#repetition = runs(repetition, leaf.maxRepetition);
    this.#definition = runs(definition, leaf.maxDefinition);
    this.#most = leaf.maxDefinition;
  }

  repetition(entry: number): number {
    return this.#repetition?.at(entry) ?? 0;
  }

  definition(entry: number): number {
    return this.#definition?.at(entry) ?? 0;
  }

  value(entry: number): number | undefined {
    const before = this.valuesBefore(entry);
    return this.definition(entry) === this.#most ? before : undefined;
  }

  valuesBefore(entry: number): number {
    if (this.#definition === undefined) return entry;
    if (entry < this.#entries) {
      this.#entries = 0;
      this.#values = 0;
    }
    this.#values += this.#definition.countOf(this.#most, this.#entries, entry);
    this.#entries = entry;
    return this.#values;
  }
}
