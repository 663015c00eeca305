import path from "node:path";
import { VqkitError } from "../../core/errors.js";
import { evenlySpaced } from "../../core/evenly.js";
import { type FindOptions, findSources } from "../find-images.js";
import { type HubOptions, hubFiles } from "../hub/hub-files.js";
import { isHubSource } from "../hub/hub-source.js";
import type { ImageSource, SourceItem } from "../image-source.js";
import type { RawImage } from "../raw-image.js";
import {
  type CollectionOptions,
  FileCollection,
  type ImageCollection,
  namedFiles,
  type SourceFile,
} from "./image-collection.js";

/** One of many images in code: with a name, or by itself (a path, a file's bytes, pixels). */
export type SourceElement = ImageSource | SourceItem;

/** Where images come from: see `openSource`. */
export type SourceInput =
  | string
  | readonly string[]
  | SourceElement
  | Iterable<SourceElement>
  | AsyncIterable<SourceElement>;

/**
 * Opens a source of images.
 *
 * - A path, or an array of paths, are searched: folders with their subfolders, files, glob patterns; a data set on a hub
 *   (`hf://OWNER/NAME`, behind all paths) is downloaded once. Images, tar shards
 *   in WebDataset form (`.tar`, `.tar.gz`, `.tgz`, `.tar.zst`) and Parquet files with an image column (`.parquet`) count, sorted by path.
 * - One image in code (a file's bytes, raw pixels, or a `SourceItem`) is a source of one.
 * - Any other iterable, synchronous or not, is taken in its own order: `SourceItem`s, or images by themselves, which are
 *   called by their path or `image 0`, `image 1`, …
 *
 * @throws VqkitError("data") when a path does not exist or holds nothing that images can be read from
 */
export async function openSource(
  input: SourceInput,
  options: CollectionOptions & FindOptions & HubOptions = {},
): Promise<ImageCollection> {
  if (typeof input === "string" || isPathList(input))
    return new FileCollection(await foundFiles(input, options), options);
  if (isElement(input)) return new ElementCollection([input]);
  return new ElementCollection(input);
}

/**
 * A list of files as a source, in the order of the list; unlike `openSource`, which sorts, it looks for none of them
 * before its turn has come, and a file that is not there is a broken item.
 *
 * @param files images, tar shards, Parquet files; from the current folder
 * @throws VqkitError("data") for an empty list
 */
export function openFileList(files: readonly string[], options: CollectionOptions = {}): ImageCollection {
  return new FileCollection(listedFiles(files), options);
}

/** The files of `openFileList`. @throws VqkitError("data") for an empty list */
export function listedFiles(files: readonly string[]): SourceFile[] {
  if (files.length === 0) throw new VqkitError("data", "file list: expected at least one file, got none.");
  return namedFiles(files.map((file) => path.resolve(file).replaceAll(path.sep, "/")));
}

/** The files of `openSource` for paths. @throws as that */
export async function foundFiles(
  sources: string | readonly string[],
  options: FindOptions & HubOptions = {},
): Promise<SourceFile[]> {
  const all = typeof sources === "string" ? [sources] : sources;
  const [local, hub] = [all.filter((each) => !isHubSource(each)), all.filter(isHubSource)];
  const files = local.length > 0 || hub.length === 0 ? await findSources(local, options) : [];
  for (const each of hub) files.push(...(await hubFiles(each, options)));
  return namedFiles(files);
}

/** Images that a caller hands over. */
class ElementCollection implements ImageCollection {
  readonly total: number | undefined;
  readonly names = undefined;
  readonly #elements: Iterable<SourceElement> | AsyncIterable<SourceElement>;

  constructor(elements: Iterable<SourceElement> | AsyncIterable<SourceElement>) {
    this.#elements = elements;
    this.total = Array.isArray(elements) ? elements.length : collectionTotal(elements);
  }

  async sample(most: number): Promise<readonly SourceItem[]> {
    const elements = this.#elements;
    if ("sample" in elements) return (elements as ImageCollection).sample(most);
    if (!Array.isArray(elements)) return [];
    const places = evenlySpaced(elements.length, Math.min(most, elements.length));
    return places.map((i) => toItem(elements[i] as SourceElement, i));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SourceItem, void, undefined> {
    let position = 0;
    for await (const element of this.#elements) yield toItem(element, position++);
  }
}

/** A collection within a collection still knows how many it has. */
function collectionTotal(elements: object): number | undefined {
  const { total } = elements as { readonly total?: unknown };
  return typeof total === "number" ? total : undefined;
}

function toItem(element: SourceElement, position: number): SourceItem {
  if (typeof element === "string") return { name: element, source: element };
  return typeof element === "object" && element !== null && isItem(element)
    ? element
    : { name: `image ${position}`, source: element };
}

function isPathList(input: Exclude<SourceInput, string>): input is readonly string[] {
  return Array.isArray(input) && input.every((each) => typeof each === "string");
}

function isElement(input: object): input is Exclude<SourceElement, string> {
  // Arrays of other numbers are no list of images; decoding says what is expected.
  return ArrayBuffer.isView(input) || input instanceof ArrayBuffer || "pixels" in input || "source" in input;
}

function isItem(element: Uint8Array | RawImage | SourceItem): element is SourceItem {
  return "source" in element;
}
