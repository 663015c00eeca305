import { messageOf } from "../../core/errors.js";
import { hasImageExtension } from "../formats.js";
import type { SourceItem } from "../image-source.js";
import { brokenItem, type LeftOut } from "./source-item.js";
import { type ImageChoice, imageChoice, type SampleName, sampleName } from "./tar-samples.js";

/** A file of many items: where it is, and what its items' names begin with. */
export interface ShardFile {
  readonly path: string;
  readonly name: string;
  /** Told how many bytes of the file have been read. */
  readonly onRead?: (bytes: number) => void;
  /** Told when the file has been read to its end, once for each kind. */
  readonly onLeftOut?: (leftOut: LeftOut) => void;
}

export interface TarOptions extends ShardFile {
  /** Which entry of a sample is its image: see `imageChoice`. */
  readonly imageKey?: string;
}

/** What the header of an entry says. */
export interface TarHeader {
  readonly name: string;
  /** "file" or another of tar-stream's names; null where the kind is not known. */
  readonly type: string | null;
  readonly size: number;
  readonly linkname: string | null;
}

/** An entry of a shard, in its order. Either `content` or `skip` is called, before the next entry is asked for. */
export interface TarEntry<C> {
  readonly header: TarHeader;
  content(): Promise<C>;
  skip(): void;
}

/** The image of a sample, by the sample's key, or an item for what is broken. */
export type TarImage<C> = { readonly key: string; readonly content: C } | { readonly broken: SourceItem };

/** An image file of more bytes than this is not read into memory. */
const MAX_ENTRY_BYTES = 2 ** 30;

/**
 * The images among the entries of a shard, as `tarItems` says, whatever stands for an entry's content.
 *
 * @param entries an error of theirs is the end of the shard, and a broken item
 * @throws ConfigError at `imageKey`
 */
export async function* tarImages<C>(
  shard: TarOptions,
  entries: AsyncIterable<TarEntry<C>>,
): AsyncGenerator<TarImage<C>, void, undefined> {
  const samples = new Samples<C>(shard);
  try {
    for await (const entry of entries) yield* samples.take(entry);
    yield* samples.end();
  } catch (error) {
    yield* samples.last({ isWhole: false });
    const from = samples.key === undefined ? "from its beginning" : `behind ${samples.key}`;
    const reason = `a tar shard that cannot be read ${from} (${reasonOf(error)})`;
    yield { broken: brokenItem(shard.name, reason, { where: shard.path, cause: error }) };
  }
  samples.reportLeftOut();
}

/** Consecutive entries of one key: `0001.jpg`, `0001.json`. */
interface Sample<C> {
  readonly key: string;
  image?: { readonly content: C; readonly ending: string; readonly rank: number };
  /** Whether one of its entries was told as broken. */
  broken?: boolean;
}

/** Puts samples together from entries, and counts what is left out. */
class Samples<C> {
  readonly #shard: TarOptions;
  readonly #choice: ImageChoice;
  #sample: Sample<C> | undefined;
  #items = 0;
  #withoutImage = 0;
  /** Images that are not that of their sample, by ending. */
  readonly #others = new Map<string, number>();

  constructor(shard: TarOptions) {
    this.#shard = shard;
    this.#choice = imageChoice(shard.imageKey);
  }

  /** Of the sample that an image was found for last. */
  key: string | undefined;

  /** Takes the next entry. Yields the sample before it, where that has ended, and a broken item where the entry is one. */
  async *take(entry: TarEntry<C>): AsyncGenerator<TarImage<C>, void, undefined> {
    const { header } = entry;
    const name = header.name.replace(/^(?:\.\/)+/, "");
    const parts = sampleName(name);
    const rank = parts === undefined ? undefined : this.#choice.rank(parts.ending);
    const isImage = hasImageExtension(name) || rank !== undefined;
    if (header.type === "directory" || (parts === undefined && !isImage)) {
      entry.skip();
      return;
    }
    const problem = isImage ? problemOf(header, name) : undefined;
    if (parts !== undefined) yield* this.#begin(parts.key);
    if (problem !== undefined) {
      entry.skip();
      if (this.#sample !== undefined && parts !== undefined) this.#sample.broken = true;
      yield { broken: this.#brokenEntry(header.name, problem) };
    } else if (parts === undefined) entry.skip();
    else await this.#add(entry, parts, isImage ? rank : null);
  }

  /** The last sample. A shard without an image is a broken item. */
  *end(): Generator<TarImage<C>, void, undefined> {
    yield* this.last();
    const { path, name } = this.#shard;
    if (this.#items === 0) yield { broken: brokenItem(name, this.#nothing(), { where: path }) };
  }

  reportLeftOut(): void {
    const { path, onLeftOut } = this.#shard;
    const endings = Object.fromEntries([...this.#others].sort(([a], [b]) => (a < b ? -1 : 1)));
    const count = [...this.#others.values()].reduce((sum, each) => sum + each, 0);
    if (count > 0) onLeftOut?.({ file: path, what: "images beside the one of their sample", count, endings });
    const missing = this.#choice.asked ?? "an image";
    if (this.#withoutImage > 0) {
      onLeftOut?.({ file: path, what: `samples without ${missing}`, count: this.#withoutImage });
    }
  }

  /**
   * The image of the current sample.
   *
   * @param options.isWhole whether all of its entries were there
   */
  last({ isWhole = true }: { readonly isWhole?: boolean } = {}): TarImage<C>[] {
    const sample = this.#sample;
    this.#sample = undefined;
    if (sample === undefined) return [];
    if (sample.image === undefined) {
      if (isWhole && sample.broken !== true) this.#withoutImage++;
      return [];
    }
    this.#items++;
    this.key = sample.key;
    return [{ key: sample.key, content: sample.image.content }];
  }

  #begin(key: string): TarImage<C>[] {
    if (this.#sample?.key === key) return [];
    const ended = this.last();
    this.#sample = { key };
    return ended;
  }

  /** @param rank as `ImageChoice.rank`; null for what is no image */
  async #add(entry: TarEntry<C>, { ending }: SampleName, rank: number | null | undefined): Promise<void> {
    const sample = this.#sample as Sample<C>; // begun before
    const taken = sample.image;
    if (rank === null || rank === undefined || (taken !== undefined && taken.rank <= rank)) {
      entry.skip();
      if (rank !== null) this.#leaveOut(ending);
      return;
    }
    if (taken !== undefined) this.#leaveOut(taken.ending);
    sample.image = { content: await entry.content(), ending, rank };
  }

  #leaveOut(ending: string): void {
    this.#others.set(ending, (this.#others.get(ending) ?? 0) + 1);
  }

  #brokenEntry(name: string, problem: string): SourceItem {
    this.#items++;
    const shown = JSON.stringify(name);
    return brokenItem(`${this.#shard.name}/${shown}`, problem, { where: `${this.#shard.path}/${shown}` });
  }

  #nothing(): string {
    const { asked } = this.#choice;
    if (asked === undefined) return "a tar shard without images";
    const endings = [...this.#others.keys()].sort().slice(0, 8).join(", ");
    return `a tar shard without images called ${asked} (endings of its images: ${endings === "" ? "none" : endings})`;
  }
}

/** Why an entry is not taken for a file of the archive. */
function problemOf({ type, size, linkname }: TarHeader, name: string): string | undefined {
  if (/^[\\/]|^[A-Za-z]:/.test(name)) return "a tar entry with an absolute path";
  if (name.split(/[\\/]/).includes("..")) return "a tar entry whose path leads out of its archive";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return "a tar entry with control characters in its name";
  if (type === "link" || type === "symlink") return `a tar entry that links to ${JSON.stringify(linkname)}`;
  if (type !== "file" && type !== "contiguous-file") return `a tar entry of type ${String(type)}`;
  if (size < 0) return `a tar entry of ${size} bytes`;
  if (size > MAX_ENTRY_BYTES) return `a tar entry of ${size} bytes, over the limit of ${MAX_ENTRY_BYTES}`;
  return undefined;
}

/** tar-stream's messages as a part of ours. */
function reasonOf(error: unknown): string {
  return messageOf(error).trim().replace(/\.$/, "");
}
