import { stat } from "node:fs/promises";
import { evenlySpaced } from "../../core/evenly.js";
import { fileKind } from "../formats.js";
import type { SourceItem } from "../image-source.js";
import { imageNames } from "./image-names.js";
import { parquetItems } from "./parquet-file.js";
import type { LeftOut } from "./source-item.js";
import { imageChoice } from "./tar-samples.js";
import { tarItems } from "./tar-shard.js";

/** Images to be read one after the other; every iteration reads them anew, in the same order. */
export interface ImageCollection extends AsyncIterable<SourceItem> {
  /**
   * How many there are. Exact for image files; where there are tar shards or Parquet files, an estimate from the part of
   * their bytes that has been read, undefined before the first.
   */
  readonly total: number | undefined;
  /** What all of them are called, in order, where no file has to be read for it: of image files alone. */
  readonly names: readonly string[] | undefined;
  /** Some of the images, at most `most`, from all over the source where that is cheap; none of what is read only once. */
  sample(most: number): Promise<readonly SourceItem[]>;
}

export interface CollectionOptions {
  /** The column of Parquet files that holds the images; where absent it is found out. */
  readonly column?: string;
  /**
   * Which entry of a sample of tar shards is its image, by all that follows the first dot of its name: `jpg`, `image.jpg`, or
   * several with ";" between them, the best first: `jpg;png`. Where absent, the first that has the ending of an image, by
   * itself rather than behind another.
   */
  readonly imageKey?: string;
  /** Told of images that are not among the items, each time that a file has been read to its end. */
  readonly onLeftOut?: (leftOut: LeftOut) => void;
}

/** A file of a source, and what its items' names begin with. */
export interface SourceFile {
  /** Absolute, with "/" between folders. */
  readonly path: string;
  readonly name: string;
  /** Of a Parquet file: this one of its row groups alone, from 0. */
  readonly group?: number;
}

/** Files as sources have them: called by their paths from the files' common folder. */
export function namedFiles(paths: readonly string[]): SourceFile[] {
  const names = imageNames(paths);
  return paths.map((path, i) => ({ path, name: names[i] as string }));
}

/** Files one after the other, each an image or many. */
export class FileCollection implements ImageCollection {
  readonly #files: readonly SourceFile[];
  readonly #options: CollectionOptions;
  readonly #exact: boolean;
  /** Of the latest iteration: items so far, and how many of the bytes of all files they took. */
  #items = 0;
  #bytes = 0;
  #allBytes = 0;

  /** @throws ConfigError at `imageKey` */
  constructor(files: readonly SourceFile[], options: CollectionOptions = {}) {
    imageChoice(options.imageKey); // before anything is read
    this.#files = files;
    this.#options = options;
    this.#exact = files.every(({ path }) => !isShard(path));
  }

  get total(): number | undefined {
    if (this.#exact) return this.#files.length;
    if (this.#bytes === 0) return undefined;
    return Math.max(this.#items, Math.round((this.#items * this.#allBytes) / this.#bytes));
  }

  get names(): readonly string[] | undefined {
    return this.#exact ? this.#files.map(({ name }) => name) : undefined;
  }

  async sample(most: number): Promise<readonly SourceItem[]> {
    // What is left out is told when the images are read, not each time that some are looked at.
    if (!this.#exact) {
      const { onLeftOut: _, ...quiet } = this.#options;
      return firstOf(new FileCollection(this.#files, quiet), most);
    }
    const places = evenlySpaced(this.#files.length, Math.min(most, this.#files.length));
    return places.map((i) => this.#files[i] as SourceFile).map(({ path }) => ({ name: path, source: path }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SourceItem, void, undefined> {
    const sizes = this.#exact ? [] : await Promise.all(this.#files.map(({ path }) => sizeOf(path)));
    this.#items = 0;
    this.#bytes = 0;
    this.#allBytes = sizes.reduce((sum, size) => sum + size, 0);
    let before = 0;
    for (const [i, file] of this.#files.entries()) {
      const onRead = (bytes: number): void => {
        this.#bytes = before + bytes;
      };
      for await (const item of itemsOf({ ...file, onRead, ...this.#options })) {
        this.#items++;
        yield item;
      }
      before += sizes[i] ?? 0;
      this.#bytes = before;
    }
  }
}

async function firstOf(items: AsyncIterable<SourceItem>, most: number): Promise<SourceItem[]> {
  const first: SourceItem[] = [];
  for await (const item of items) {
    // Behind its turn an item of a shard may be gone: what it brings is kept.
    const source =
      typeof item.source === "function" ? await item.source().catch(() => undefined) : item.source;
    if (source !== undefined) first.push({ ...item, source });
    if (first.length >= most) break;
  }
  return first;
}

/** Whether a file holds many images, by its name. */
export function isShard(file: string): boolean {
  const kind = fileKind(file);
  return kind === "tar" || kind === "parquet";
}

/** What is no shard by its name is taken for an image; whether it is one, decoding tells. */
function itemsOf(
  file: Parameters<typeof parquetItems>[0] & Parameters<typeof tarItems>[0],
): AsyncIterable<SourceItem> | readonly SourceItem[] {
  switch (fileKind(file.path)) {
    case "tar":
      return tarItems(file);
    case "parquet":
      return parquetItems(file);
    default:
      return [{ name: file.name, source: file.path }];
  }
}

/** 0 for a file that is not there: reading it will say so. */
async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
