import type { ColumnMetaData } from "hyparquet";
import { messageOf } from "../../core/errors.js";
import { type ByteSource, bytesOfFile } from "./byte-source.js";
import type { ColumnLeaf } from "./parquet-columns.js";
import {
  type DataPage,
  openDataPage,
  openDictionaryPage,
  type PageLevels,
  type PagePlace,
  readPageHeader,
} from "./parquet-pages.js";
import type { Dictionary } from "./parquet-values.js";

/** A page of a column chunk, and the number of its first entry in the chunk. */
interface PlacedPage extends PagePlace {
  readonly first: number;
}

/**
 * One column of byte arrays in one row group. An entry is a value or a place without one: one a row, or, of lists, one for
 * each of their elements.
 *
 * Pages are read one after another: one of them is in memory at a time, of one that is not compressed only what is being
 * read, and the dictionary as long as pages refer to it. Entries may be asked for in any order; ascending is quick.
 */
export class ColumnChunk {
  /** As the file states it. */
  readonly entries: number;
  readonly #leaf: ColumnLeaf;
  readonly #codec: string;
  readonly #headers: ByteSource;
  readonly #content: ByteSource;
  /** Data pages as far as their headers have been read, and where the next header is. */
  readonly #pages: PlacedPage[] = [];
  #nextHeader = 0;
  /** Why there is no next header. */
  #failure: unknown;
  #dictionaryPlace: PagePlace | undefined;
  #dictionary: Promise<Dictionary> | undefined;
  #open: { readonly place: PlacedPage; readonly page: Promise<DataPage> } | undefined;
  /** Whoever asks waits for those who asked before. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws Error where the file ends before the chunk does */
  constructor(
    file: { readonly path: string; readonly size: number },
    meta: ColumnMetaData,
    leaf: ColumnLeaf,
  ) {
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    const length = Number(meta.total_compressed_size);
    if (!(start >= 0 && length >= 0 && start + length <= file.size)) {
      throw new Error("pages beyond the end of the file");
    }
    this.entries = Number(meta.num_values);
    this.#leaf = leaf;
    this.#codec = meta.codec;
    // Two windows, so that reading ahead in one does not lose the other's.
    this.#headers = bytesOfFile(file.path, start, length);
    this.#content = bytesOfFile(file.path, start, length);
  }

  /** A value of its own bytes; undefined where there is none. @throws Error that says what is wrong with its page */
  value(entry: number): Promise<Uint8Array | undefined> {
    return this.#inTurn(async () => {
      const place = await this.#pageOf(entry);
      const { levels, values } = await this.#opened(place);
      const index = levels.value(entry - place.first);
      return index === undefined ? undefined : values.at(index);
    });
  }

  /** The levels of the page that an entry is in, by the numbers of the entries in the chunk. */
  async levels(entry: number): Promise<{ readonly end: number; readonly levels: PageLevels }> {
    return this.#inTurn(async () => {
      const place = await this.#pageOf(entry);
      const { levels } = await this.#opened(place);
      const { first, entries } = place;
      return {
        end: first + entries,
        levels: {
          repetition: (each) => levels.repetition(each - first),
          definition: (each) => levels.definition(each - first),
          value: (each) => levels.value(each - first),
        },
      };
    });
  }

  /** Looks through the headers of all pages. @throws Error unless they have the entries that the file states */
  async checkEntries(): Promise<void> {
    if (this.entries > 0) await this.#inTurn(() => this.#pageOf(this.entries - 1));
  }

  /** Leaves what is in memory of a page that nobody waits for; where pages are is kept. */
  release(): void {
    this.#open = undefined;
    this.#dictionary = undefined;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work).catch((error: unknown) => {
      throw new Error(`a page that cannot be read (${messageOf(error).trim().replace(/\.$/, "")})`, {
        cause: error,
      });
    });
    this.#turn = result.catch(() => {
      // Whoever asked is told; the next one is not concerned.
    });
    return result;
  }

  async #pageOf(entry: number): Promise<PlacedPage> {
    const last = this.#pages.at(-1);
    if (this.#open !== undefined && holds(this.#open.place, entry)) return this.#open.place;
    if (last !== undefined && entry < last.first + last.entries) {
      return this.#pages.find((page) => holds(page, entry)) as PlacedPage;
    }
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (;;) {
        const page = await this.#nextPage();
        if (page !== undefined && holds(page, entry)) return page;
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Reads one header more. */
  async #nextPage(): Promise<PlacedPage | undefined> {
    const last = this.#pages.at(-1);
    const first = last === undefined ? 0 : last.first + last.entries;
    const place = await readPageHeader(this.#headers, this.#nextHeader);
    if (place.entries > this.entries - first) {
      throw new Error(`a page of ${place.entries} values for ${this.entries - first} rows`);
    }
    this.#nextHeader = place.end;
    if (place.header.dictionary_page_header !== undefined) {
      this.#dictionaryPlace = place;
      this.#dictionary = undefined;
      return undefined;
    }
    const page = { ...place, first };
    this.#pages.push(page);
    return page;
  }

  #opened(place: PlacedPage): Promise<DataPage> {
    if (this.#open?.place !== place) {
      this.#open = undefined; // before the next one is read
      const page = this.#openPage(place);
      page.catch(() => {
        // Told to each who asks for an entry of the page.
      });
      this.#open = { place, page };
    }
    return this.#open.page;
  }

  #openPage(place: PlacedPage): Promise<DataPage> {
    // Where a dictionary becomes too large, writers leave it for the rest of the chunk.
    const { encoding = "" } = place.header.data_page_header ?? place.header.data_page_header_v2 ?? {};
    if (!encoding.endsWith("DICTIONARY")) this.#dictionary = undefined;
    const dictionary = async (): Promise<Dictionary> => {
      if (this.#dictionaryPlace === undefined) throw new Error("a page without its dictionary");
      this.#dictionary ??= openDictionaryPage(this.#content, this.#dictionaryPlace, this.#codec);
      return this.#dictionary;
    };
    return openDataPage(this.#content, place, { leaf: this.#leaf, codec: this.#codec, dictionary });
  }
}

function holds({ first, entries }: PlacedPage, entry: number): boolean {
  return entry >= first && entry < first + entries;
}
