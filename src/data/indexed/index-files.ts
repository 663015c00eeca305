import { fileKind } from "../formats.js";
import type { CollectionOptions, SourceFile } from "../sources/image-collection.js";
import { ImageFiles } from "./image-files.js";
import type { IndexedImages } from "./indexed-images.js";
import { JoinedImages } from "./joined-images.js";
import { OpenGroups } from "./open-groups.js";
import { indexParquet } from "./parquet-index.js";
import { indexTar } from "./tar-index.js";

/**
 * The images of files by their numbers: those that `openSource` has, in its order. What is wrong with a file is told by a
 * broken image in its place.
 *
 * @param files as `foundFiles` and `listedFiles` return them
 * @throws ConfigError at `imageKey`
 */
export async function indexFiles(
  files: readonly SourceFile[],
  options: CollectionOptions = {},
): Promise<IndexedImages> {
  const parts: IndexedImages[] = [];
  const groups = new OpenGroups();
  let images: string[] = [];
  const closeImages = (): void => {
    parts.push(new ImageFiles(images));
    images = [];
  };
  for (const file of files) {
    const kind = fileKind(file.path);
    if (kind !== "tar" && kind !== "parquet") {
      images.push(file.path);
      continue;
    }
    closeImages();
    if (kind === "tar") parts.push(await indexTar({ ...file, ...options }));
    else parts.push(...(await indexParquet({ ...file, ...options }, groups)));
  }
  closeImages();
  return new JoinedImages(parts);
}
