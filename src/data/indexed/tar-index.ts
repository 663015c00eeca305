import { basename } from "node:path";
import { messageOf } from "../../core/errors.js";
import { ImageError } from "../decode.js";
import { type ImageSource, loadItem, type SourceItem } from "../image-source.js";
import { bytesOfFile } from "../sources/byte-source.js";
import { isCompressed } from "../sources/shard-stream.js";
import { type TarEntry, type TarImage, type TarOptions, tarImages } from "../sources/tar-images.js";
import { streamedEntries } from "../sources/tar-shard.js";
import { type TarPlace, walkTar } from "../sources/tar-walk.js";
import { type IndexedImages, type IndexedItem, readEach } from "./indexed-images.js";
import { PackedNames } from "./packed-names.js";

/**
 * The images of a tar shard, as `tarItems` has them, by their numbers. A shard that is not compressed is looked through by
 * its headers, and each image then read by itself; a compressed one is read once to count its images, and from its
 * beginning on for whichever of them are wanted.
 *
 * @throws ConfigError at `imageKey`
 */
export async function indexTar(shard: TarOptions): Promise<IndexedImages> {
  if (await isCompressed(shard.path)) return new StreamedTar(shard, await entriesOf(shard, sizes(shard)));
  return new SeekableTar(shard, await entriesOf(shard, walkTar(shard.path)));
}

/** The images of a shard; places of compressed ones are not known. */
interface Contents {
  /** Empty for what is broken. */
  readonly keys: PackedNames;
  readonly starts: Float64Array;
  readonly sizes: Float64Array;
  readonly broken: ReadonlyMap<number, SourceItem>;
}

async function entriesOf(shard: TarOptions, entries: AsyncIterable<TarEntry<TarPlace>>): Promise<Contents> {
  const keys: string[] = [];
  const [starts, lengths]: [number[], number[]] = [[], []];
  const broken = new Map<number, SourceItem>();
  for await (const image of tarImages(shard, entries)) {
    if ("broken" in image) broken.set(keys.length, image.broken);
    const [key, { start, size }] =
      "broken" in image ? ["", { start: 0, size: 0 }] : [image.key, image.content];
    keys.push(key);
    starts.push(start);
    lengths.push(size);
  }
  return {
    keys: new PackedNames(keys),
    starts: Float64Array.from(starts),
    sizes: Float64Array.from(lengths),
    broken,
  };
}

/** Entries that are passed over as they flow by. */
async function* sizes({ path }: TarOptions): AsyncGenerator<TarEntry<TarPlace>, void, undefined> {
  for await (const { header, skip, content } of streamedEntries({ path })) {
    // Read all the same: an entry that is cut short is no image.
    yield { header, skip, content: async () => ({ start: 0, size: (await content()).length }) };
  }
}

abstract class TarIndex implements IndexedImages {
  abstract readonly sequential: string | undefined;
  protected readonly shard: TarOptions;
  protected readonly contents: Contents;

  constructor(shard: TarOptions, contents: Contents) {
    this.shard = shard;
    this.contents = contents;
  }

  get length(): number {
    return this.contents.keys.length;
  }

  name(index: number): string {
    const { broken, keys } = this.contents;
    return broken.get(index)?.where ?? `${this.shard.path}/${keys.at(index)}`;
  }

  identity(index: number): string {
    const { broken, keys, sizes } = this.contents;
    const key = broken.has(index) ? "" : keys.at(index);
    return `${basename(this.shard.path)}/${key} ${sizes[index]}`;
  }

  async load(index: number): Promise<ImageSource> {
    const broken = this.contents.broken.get(index);
    return broken === undefined ? this.loadWhole(index) : (await loadItem(broken)).source;
  }

  *partLengths(): Generator<number, void, undefined> {
    yield this.length;
  }

  abstract read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined>;

  protected abstract loadWhole(index: number): Promise<ImageSource>;
}

class SeekableTar extends TarIndex {
  readonly sequential = undefined;

  read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined> {
    return readEach(this, indices);
  }

  protected async loadWhole(index: number): Promise<ImageSource> {
    const { starts, sizes } = this.contents;
    const size = sizes[index] as number;
    try {
      return await bytesOfFile(this.shard.path, starts[index] as number, size).read(0, size);
    } catch (error) {
      const reason = `a tar shard that cannot be read there (${messageOf(error)})`;
      throw new ImageError(this.name(index), reason, { cause: error });
    }
  }
}

class StreamedTar extends TarIndex {
  get sequential(): string | undefined {
    const { broken } = this.contents;
    return broken.size === this.length ? undefined : this.shard.path;
  }

  /** Reads from the shard's beginning to the last of these images. */
  async *read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined> {
    const wanted = [...indices];
    let taken = 0;
    let at = 0;
    const { onLeftOut: _, onRead: __, ...shard } = this.shard;
    for await (const image of tarImages(shard, streamedEntries(shard))) {
      if (at === wanted[taken]) {
        taken++;
        yield this.#item(at, image);
        if (taken === wanted.length) return;
      }
      at++;
    }
    for (const index of wanted.slice(taken)) yield this.#changed(index);
  }

  protected async loadWhole(index: number): Promise<ImageSource> {
    for await (const item of this.read([index])) return (await loadItem(item)).source;
    throw new TypeError("each image that is asked for is read");
  }

  #item(index: number, image: TarImage<Uint8Array>): IndexedItem {
    const name = this.name(index);
    if ("broken" in image) return { ...image.broken, index, name };
    if (image.key !== this.contents.keys.at(index)) return this.#changed(index);
    return { index, name, source: image.content };
  }

  #changed(index: number): IndexedItem {
    const where = this.name(index);
    const source = () => Promise.reject(new ImageError(where, "a tar shard that has changed meanwhile"));
    return { index, name: where, source };
  }
}
