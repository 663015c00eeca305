import type { BrokenImage } from "./batch.js";
import type { DataSource } from "./data-config.js";
import { readFileList } from "./file-list.js";
import type { FindOptions } from "./find-images.js";
import { countPassedOver, type PassedOver } from "./finding/passed-over.js";
import { type HubOptions, pinned } from "./hub/hub-files.js";
import { indexFiles } from "./indexed/index-files.js";
import type { IndexedImages } from "./indexed/indexed-images.js";
import type { CollectionOptions, SourceFile } from "./sources/image-collection.js";
import { foundFiles, listedFiles } from "./sources/open-source.js";

/** The images of some sources, for any number of datasets. */
export interface FoundImages {
  /** Those of files sorted by path, or in the order of a list; of tar shards and Parquet files in their own order. */
  readonly images: IndexedImages;
  /** Where they were looked for, with the commit of each data set on a hub; null for a list of files. */
  readonly pinned: DataSource["images"];
  /** Called like images, and none; folders that cannot be read. */
  readonly unusable: readonly BrokenImage[];
  /** What else the sources have. */
  readonly passedOver: PassedOver;
}

export type FindImagesOptions = FindOptions & HubOptions & Pick<CollectionOptions, "onLeftOut">;

/** The files of some sources, whose images have not been counted yet. */
export interface FoundFiles extends Omit<FoundImages, "images"> {
  readonly files: readonly SourceFile[];
}

/**
 * Finds the images of a dataset and counts them. Tar shards that are not compressed are looked through by their headers,
 * and Parquet files by their metadata; compressed shards, and lists in Parquet files, are read once.
 *
 * @throws VqkitError("data") as `openSource`; ConfigError at `data.filesFrom`
 */
export async function findDatasetImages(
  source: DataSource,
  options: FindImagesOptions = {},
): Promise<FoundImages> {
  return countDatasetImages(source, await findDatasetFiles(source, options), options);
}

/** Finds the files of a dataset alone. @throws as `findDatasetImages` */
export function findDatasetFiles(source: DataSource, options: FindImagesOptions = {}): Promise<FoundFiles> {
  const { filesFrom } = source;
  return typeof filesFrom === "string" ? listed(filesFrom, options) : found(source, options);
}

/** Counts the images in files that were found, here or on another machine. @throws ConfigError at `imageKey` */
export async function countDatasetImages(
  { column, imageKey }: Pick<DataSource, "column" | "imageKey">,
  { files, ...others }: FoundFiles,
  { onLeftOut }: Pick<FindImagesOptions, "onLeftOut"> = {},
): Promise<FoundImages> {
  const given = {
    ...(onLeftOut === undefined ? {} : { onLeftOut }),
    ...(typeof column === "string" ? { column } : {}),
    ...(typeof imageKey === "string" ? { imageKey } : {}),
  };
  return { images: await indexFiles(files, given), ...others };
}

async function found(source: DataSource, options: FindImagesOptions): Promise<FoundFiles> {
  const images = await pinned(source.images);
  const unusable: BrokenImage[] = [];
  let passedOver = countPassedOver(new Map());
  const files = await foundFiles(images ?? [], {
    ...options,
    onBroken(broken) {
      unusable.push(broken);
      options.onBroken?.(broken);
    },
    onPassedOver(all) {
      passedOver = all;
      options.onPassedOver?.(all);
    },
  });
  return { files, pinned: images, unusable, passedOver };
}

/** A name that stands in the list again is left out: one image in training and held out would be in both. */
async function listed(list: string, { onLeftOut }: FindImagesOptions): Promise<FoundFiles> {
  const all = listedFiles(await readFileList(list));
  const files = [...new Map(all.map((file) => [file.path, file])).values()];
  const count = all.length - files.length;
  if (count > 0) onLeftOut?.({ file: list, what: "names that stand in the list again", count });
  return { files, pinned: null, unusable: [], passedOver: countPassedOver(new Map()) };
}
