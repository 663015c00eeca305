import type { Writable } from "node:stream";
import type { extract as Extract, ExtractEvents } from "tar-stream";
import { messageOf } from "../../core/errors.js";
import { hasImageExtension } from "../formats.js";
import { pourShard, type ShardStream } from "./shard-stream.js";
import { brokenItem, type LeftOut, type SourceItem } from "./source-item.js";
import { type ImageChoice, imageChoice, type SampleName, sampleName } from "./tar-samples.js";
import { uninterrupted } from "./uninterrupted.js";

type Header = ExtractEvents["entry"][0];
type Entry = ExtractEvents["entry"][1];

/** An image file of more bytes than this is not read into memory. */
const MAX_ENTRY_BYTES = 2 ** 30;

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

/**
 * The images of a tar shard in WebDataset form, in its order, called `shard.tar/KEY`; the shard may be compressed with gzip
 * or Zstandard, whatever it is called.
 *
 * Consecutive entries whose paths agree up to the first dot of the base name (the key) are one sample; its image is the
 * first entry that `imageKey` names, else the first whose whole ending is that of an image, else the first whose last ending
 * is. Other images of a sample are left out and counted, and so are samples without an image; directories and names without
 * a key are skipped. Entries that would lead out of the archive (`../`, absolute paths, links) are broken items, and so
 * is the rest of a shard that is damaged or cut short.
 *
 * The file is streamed; one sample is in memory. Nothing is allocated from a size that a header claims.
 *
 * @throws ConfigError at `imageKey`
 */
export async function* tarItems(shard: TarOptions): AsyncGenerator<SourceItem, void, undefined> {
  const samples = new Samples(shard);
  // Version 7 of Unix has no mark in its headers; their checksums are held to all the same.
  const { extract } = await import("tar-stream");
  const archive = extract({ allowUnknownFormat: true } as Parameters<typeof Extract>[0]);
  let input: ShardStream | undefined;
  try {
    input = await pourShard(shard.path, archive as unknown as Writable);
    for await (const entry of uninterrupted(archive)) {
      shard.onRead?.(input.bytesRead);
      yield* samples.take(entry);
    }
    if (input.failure !== undefined) throw input.failure;
    yield* samples.end();
  } catch (cause) {
    const error = input?.failure ?? cause; // what is behind an end that came too early
    yield* samples.last({ isWhole: false });
    const from = samples.key === undefined ? "from its beginning" : `behind ${samples.key}`;
    const reason = `a tar shard that cannot be read ${from} (${reasonOf(error)})`;
    yield brokenItem(shard.name, reason, { where: shard.path, cause: error });
  } finally {
    input?.destroy();
    archive.destroy();
  }
  samples.reportLeftOut();
}

/** Consecutive entries of one key: `0001.jpg`, `0001.json`. */
interface Sample {
  readonly key: string;
  image?: { readonly item: SourceItem; readonly ending: string; readonly rank: number };
  /** Whether one of its entries was told as broken. */
  broken?: boolean;
}

/** Puts samples together from entries, and counts what is left out. */
class Samples {
  readonly #shard: TarOptions;
  readonly #choice: ImageChoice;
  #sample: Sample | undefined;
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
  async *take(entry: Entry): AsyncGenerator<SourceItem, void, undefined> {
    const { header } = entry;
    const name = header.name.replace(/^(?:\.\/)+/, "");
    const parts = sampleName(name);
    const rank = parts === undefined ? undefined : this.#choice.rank(parts.ending);
    const isImage = hasImageExtension(name) || rank !== undefined;
    if (header.type === "directory" || (parts === undefined && !isImage)) {
      entry.resume();
      return;
    }
    const problem = isImage ? problemOf(header, name) : undefined;
    if (parts !== undefined) yield* this.#begin(parts.key);
    if (problem !== undefined) {
      entry.resume();
      if (this.#sample !== undefined && parts !== undefined) this.#sample.broken = true;
      yield this.#brokenEntry(header.name, problem);
    } else if (parts === undefined) entry.resume();
    else await this.#add(entry, parts, isImage ? rank : null);
  }

  /** The last sample. A shard without an image is a broken item. */
  *end(): Generator<SourceItem, void, undefined> {
    yield* this.last();
    const { path, name } = this.#shard;
    if (this.#items === 0) yield brokenItem(name, this.#nothing(), { where: path });
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
  last({ isWhole = true }: { readonly isWhole?: boolean } = {}): SourceItem[] {
    const sample = this.#sample;
    this.#sample = undefined;
    if (sample === undefined) return [];
    if (sample.image === undefined) {
      if (isWhole && sample.broken !== true) this.#withoutImage++;
      return [];
    }
    this.#items++;
    this.key = sample.key;
    return [sample.image.item];
  }

  #begin(key: string): SourceItem[] {
    if (this.#sample?.key === key) return [];
    const ended = this.last();
    this.#sample = { key };
    return ended;
  }

  /** @param rank as `ImageChoice.rank`; null for what is no image */
  async #add(entry: Entry, { key, ending }: SampleName, rank: number | null | undefined): Promise<void> {
    const sample = this.#sample as Sample; // begun before
    const taken = sample.image;
    if (rank === null || rank === undefined || (taken !== undefined && taken.rank <= rank)) {
      entry.resume();
      if (rank !== null) this.#leaveOut(ending);
      return;
    }
    if (taken !== undefined) this.#leaveOut(taken.ending);
    const { name, path } = this.#shard;
    const item = { name: `${name}/${key}`, where: `${path}/${key}`, source: await contentOf(entry) };
    sample.image = { item, ending, rank };
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
function problemOf({ type, size, linkname }: Header, name: string): string | undefined {
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

async function contentOf(entry: Entry): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of entry) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

/** tar-stream's messages as a part of ours. */
function reasonOf(error: unknown): string {
  return messageOf(error).trim().replace(/\.$/, "");
}
