import { fileKind } from "../formats.js";
import {
  type CollectionOptions,
  FileCollection,
  type ImageCollection,
  isShard,
  type SourceFile,
} from "./image-collection.js";
import { parquetGroups } from "./parquet-file.js";

/** A part of a source that can be read without the rest. Plain data. */
export interface SourcePiece {
  readonly files: readonly SourceFile[];
  /** How many images it has, broken ones included, where that is known without reading it. */
  readonly images?: number;
}

export interface CutOptions extends Pick<CollectionOptions, "column"> {
  /** Image files in one piece at most, >= 1. */
  readonly imagesPerPiece: number;
}

/**
 * Cuts a source into pieces: a tar shard, a row group of a Parquet file, or neighbouring image files. The items of all
 * pieces, one behind the other, are those of the source, in its order and with its names.
 *
 * @param files as `foundFiles` and `listedFiles` return them
 */
export async function* cutSource(
  files: Iterable<SourceFile>,
  { imagesPerPiece, column }: CutOptions,
): AsyncGenerator<SourcePiece, void, undefined> {
  let images: SourceFile[] = [];
  for (const file of files) {
    if (!isShard(file.path)) {
      images.push(file);
      if (images.length < imagesPerPiece) continue;
    }
    if (images.length > 0) yield { files: images, images: images.length };
    images = [];
    if (isShard(file.path)) yield* cutShard(file, column);
  }
  if (images.length > 0) yield { files: images, images: images.length };
}

/** A tar shard is read from its beginning on; what is wrong with a file, its one piece tells. */
async function* cutShard(
  file: SourceFile,
  column: string | undefined,
): AsyncGenerator<SourcePiece, void, undefined> {
  const groups = fileKind(file.path) === "parquet" ? await parquetGroups(file.path, column) : [];
  if (groups.length < 2) yield { files: [file] };
  else {
    for (const [group, { rows, isExact }] of groups.entries()) {
      yield { files: [{ ...file, group }], ...(isExact ? { images: rows } : {}) };
    }
  }
}

/** The images of a piece. @throws ConfigError at `imageKey` */
export function openPiece({ files }: SourcePiece, options: CollectionOptions = {}): ImageCollection {
  return new FileCollection(files, options);
}
