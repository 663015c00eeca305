import { createReadStream } from "node:fs";
import { type ExtractEvents, extract } from "tar-stream";
import { messageOf } from "../../core/errors.js";
import { hasImageExtension } from "../formats.js";
import { brokenItem, type SourceItem } from "./source-item.js";
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
}

/** Consecutive entries of one key: `0001.jpg`, `0001.json`. */
interface Sample {
  readonly key: string;
  readonly image: SourceItem;
  /** Whether the ending is all that follows the key: `0001.jpg`, not `0001.mask.png`. */
  readonly plain: boolean;
}

/**
 * The images of a tar shard in WebDataset form, in its order, called `shard.tar/KEY`.
 *
 * Consecutive entries whose paths agree up to the first dot of the base name (the key) are one sample; its image is the
 * first entry whose whole ending is that of an image, else the first whose last ending is. Samples without an image are
 * passed over, and so are directories and names without a key. Entries that would lead out of the archive (`../`,
 * absolute paths, links) are broken items, and so is the rest of a shard that is damaged or cut short.
 *
 * The file is streamed; one sample is in memory. Nothing is allocated from a size that a header claims.
 */
export async function* tarItems(shard: ShardFile): AsyncGenerator<SourceItem, void, undefined> {
  const input = createReadStream(shard.path);
  const archive = extract();
  input.on("error", (error) => archive.destroy(error));
  input.pipe(archive);
  let sample: Sample | undefined;
  let items = 0;
  try {
    for await (const entry of uninterrupted(archive)) {
      shard.onRead?.(input.bytesRead);
      const next = await readEntry(entry, shard, sample);
      if (next === undefined) continue;
      items++;
      if (!("key" in next)) {
        yield next;
        continue;
      }
      if (sample !== undefined && sample.key !== next.key) yield sample.image;
      sample = next;
    }
    if (sample !== undefined) yield sample.image;
    if (items === 0) yield brokenItem(shard.name, "a tar shard without images", { where: shard.path });
  } catch (error) {
    if (sample !== undefined) yield sample.image;
    const from = sample === undefined ? "from its beginning" : `behind ${sample.key}`;
    const reason = `a tar shard that cannot be read ${from} (${reasonOf(error)})`;
    yield brokenItem(shard.name, reason, { where: shard.path, cause: error });
  } finally {
    input.destroy();
    archive.destroy();
  }
}

/** @returns the sample so far; a broken item; or undefined where the entry is passed over */
async function readEntry(
  entry: Entry,
  shard: ShardFile,
  sample: Sample | undefined,
): Promise<Sample | SourceItem | undefined> {
  const { header } = entry;
  const name = header.name.replace(/^(?:\.\/)+/, "");
  const match = /^((?:.*\/)?[^./]+)\.([^/]*)$/su.exec(name);
  const [, key = "", ending = ""] = match ?? [];
  const plain = hasImageExtension(`.${ending}`) && !ending.includes(".");
  const better = sample?.key !== key || (plain && !sample.plain);
  if (!hasImageExtension(name) || header.type === "directory") {
    entry.resume();
    return undefined;
  }
  const problem = problemOf(header, name);
  if (problem !== undefined) {
    entry.resume();
    const shown = JSON.stringify(header.name);
    return brokenItem(`${shard.name}/${shown}`, problem, { where: `${shard.path}/${shown}` });
  }
  if (match === null || !better) {
    entry.resume();
    return undefined;
  }
  const image = {
    name: `${shard.name}/${key}`,
    where: `${shard.path}/${key}`,
    source: await contentOf(entry),
  };
  return { key, image, plain };
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
