import { basename } from "node:path";
import type { ImageSource, SourceItem } from "../image-source.js";
import {
  type GroupPlace,
  listEntries,
  openParquet,
  type ParquetOptions,
  rowPlace,
} from "../sources/parquet-file.js";
import { brokenItem } from "../sources/source-item.js";
import { BrokenPlaces } from "./broken-places.js";
import { type IndexedImages, type IndexedItem, readEach } from "./indexed-images.js";
import type { OpenGroups } from "./open-groups.js";

/**
 * The images of a Parquet file, as `parquetItems` has them, by their numbers: a part for each row group. How many rows
 * there are the file's metadata say; lists are counted by reading the levels of their pages.
 *
 * @param groups of all files whose images are read together
 */
export async function indexParquet(options: ParquetOptions, groups: OpenGroups): Promise<IndexedImages[]> {
  const { path, name, column, onLeftOut } = options;
  const opened = await openParquet(path, column);
  if ("problem" in opened) {
    return [new BrokenPlaces([brokenItem(name, opened.problem, { where: path, cause: opened.cause })])];
  }
  const parts: IndexedImages[] = [];
  let start = 0;
  let withoutImages = 0;
  for (const group of opened.groups) {
    const place = { ...opened, group, start };
    start += group.rows;
    if (!opened.column.isList) parts.push(new RowImages(place, groups));
    else {
      const lists = await readLists(place, name);
      withoutImages += lists.withoutImages;
      parts.push(new ListImages(place, groups, lists), new BrokenPlaces(lists.broken));
    }
  }
  if (withoutImages > 0) onLeftOut?.({ file: path, what: "rows without images", count: withoutImages });
  if (start > 0) return parts;
  return [new BrokenPlaces([brokenItem(name, "a Parquet file without rows", { where: path })])];
}

abstract class GroupIndex implements IndexedImages {
  readonly sequential = undefined;
  abstract readonly length: number;
  protected readonly place: GroupPlace;
  readonly #groups: OpenGroups;

  constructor(place: GroupPlace, groups: OpenGroups) {
    this.place = place;
    this.#groups = groups;
  }

  /** Number of an image's row in the file, and of the image in the row where that has several. */
  protected abstract labelOf(index: number): readonly [row: number, image?: number];

  /** Number of an image's entry in the row group. */
  protected abstract entryOf(index: number): number;

  name(index: number): string {
    return rowPlace(this.place, ...this.labelOf(index));
  }

  identity(index: number): string {
    const { path, size } = this.place;
    return `${basename(path)} ${size} ${this.labelOf(index).join("/")}`;
  }

  load(index: number): Promise<ImageSource> {
    return this.#groups.load(this.place, this.entryOf(index), this.name(index));
  }

  read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined> {
    return readEach(this, indices);
  }

  *partLengths(): Generator<number, void, undefined> {
    yield this.length;
  }
}

/** An image a row. */
class RowImages extends GroupIndex {
  get length(): number {
    return this.place.group.rows;
  }

  protected labelOf(index: number): [row: number] {
    return [this.place.start + index];
  }

  protected entryOf(index: number): number {
    return index;
  }
}

/** Which images the lists of a row group have. */
interface Lists {
  readonly rows: Float64Array;
  readonly images: Uint32Array;
  readonly entries: Float64Array;
  readonly withoutImages: number;
  readonly broken: readonly SourceItem[];
}

/** A list of images a row. */
class ListImages extends GroupIndex {
  readonly #lists: Lists;

  constructor(place: GroupPlace, groups: OpenGroups, lists: Lists) {
    super(place, groups);
    this.#lists = lists;
  }

  get length(): number {
    return this.#lists.entries.length;
  }

  protected labelOf(index: number): [row: number, image: number] {
    return [this.#lists.rows[index] as number, this.#lists.images[index] as number];
  }

  protected entryOf(index: number): number {
    return this.#lists.entries[index] as number;
  }
}

async function readLists(place: GroupPlace, name: string): Promise<Lists> {
  const [rows, images, entries]: [number[], number[], number[]] = [[], [], []];
  const broken: SourceItem[] = [];
  let withoutImages = 0;
  const told = { name, onRow() {}, onEmpty: () => void withoutImages++ };
  for await (const found of listEntries({ ...place, ...told })) {
    if ("source" in found) broken.push(found);
    else {
      rows.push(found.row);
      images.push(found.image);
      entries.push(found.entry);
    }
  }
  const counts = { rows: Float64Array.from(rows), images: Uint32Array.from(images) };
  return { ...counts, entries: Float64Array.from(entries), withoutImages, broken };
}
