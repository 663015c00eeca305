import type { Writable } from "node:stream";
import type { extract as Extract, ExtractEvents } from "tar-stream";
import type { SourceItem } from "../image-source.js";
import { pourShard, type ShardStream } from "./shard-stream.js";
import { type TarEntry, type TarOptions, tarImages } from "./tar-images.js";
import { uninterrupted } from "./uninterrupted.js";

type Entry = ExtractEvents["entry"][1];

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
  const { name, path } = shard;
  for await (const image of tarImages(shard, streamedEntries(shard))) {
    if ("broken" in image) yield image.broken;
    else yield { name: `${name}/${image.key}`, where: `${path}/${image.key}`, source: image.content };
  }
}

/** The entries of a shard as it flows by; an entry that nobody takes the content of is passed over. */
export async function* streamedEntries({
  path,
  onRead,
}: Pick<TarOptions, "path" | "onRead">): AsyncGenerator<TarEntry<Uint8Array>, void, undefined> {
  // Version 7 of Unix has no mark in its headers; their checksums are held to all the same.
  const { extract } = await import("tar-stream");
  const archive = extract({ allowUnknownFormat: true } as Parameters<typeof Extract>[0]);
  let input: ShardStream | undefined;
  /** What is behind an end that came too early. */
  const causeOf = (cause: unknown): unknown => input?.failure ?? cause;
  try {
    input = await pourShard(path, archive as unknown as Writable);
    for await (const entry of uninterrupted(archive)) {
      onRead?.(input.bytesRead);
      yield asEntry(entry, causeOf);
    }
    if (input.failure !== undefined) throw input.failure;
  } catch (cause) {
    throw causeOf(cause);
  } finally {
    input?.destroy();
    archive.destroy();
  }
}

function asEntry(entry: Entry, causeOf: (cause: unknown) => unknown): TarEntry<Uint8Array> {
  return {
    header: entry.header,
    skip: () => void entry.resume(),
    async content() {
      const parts: Uint8Array[] = [];
      try {
        for await (const part of entry) parts.push(part as Uint8Array);
      } catch (cause) {
        throw causeOf(cause);
      }
      return Buffer.concat(parts);
    },
  };
}
