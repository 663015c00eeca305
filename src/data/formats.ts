/** File name endings that count as images, without the dot; upper or lower case. */
export const IMAGE_EXTENSIONS = [
  "jpg",
  "jpeg",
  "jpe",
  "jfif",
  "png",
  "webp",
  "avif",
  "tif",
  "tiff",
  "gif",
] as const;

/**
 * What the content of an image file may be, in sharp's words ("heif" is the container of AVIF). The content decides,
 * not the file's name: a PNG called `a.jpg` is read as a PNG. SVG and PDF are drawings without a size of their own.
 */
export const IMAGE_FORMATS: ReadonlySet<string> = new Set(["jpeg", "png", "webp", "heif", "tiff", "gif"]);

/** `jpg, jpeg, …` for messages. */
export const EXTENSION_LIST = IMAGE_EXTENSIONS.join(", ");

const ENDING = new RegExp(`\\.(?:${IMAGE_EXTENSIONS.join("|")})$`, "i");

/** Whether a file of this name is taken for an image. */
export function hasImageExtension(file: string): boolean {
  return ENDING.test(file);
}

/** Of tar shards. Whether they are compressed, and how, their content decides. */
const TAR_EXTENSIONS = ["tar", "tar.gz", "tgz", "tar.zst"] as const;
const TAR_ENDING = /\.(?:tar|tar\.gz|tgz|tar\.zst)$/i;

/** What a file holds, by its name: one image, or many in a tar shard or a Parquet file. */
export type FileKind = "image" | "tar" | "parquet";

/** The kind of a file of this name; undefined where it is none that images are read from. */
export function fileKind(file: string): FileKind | undefined {
  if (hasImageExtension(file)) return "image";
  if (/\.parquet$/i.test(file)) return "parquet";
  return TAR_ENDING.test(file) ? "tar" : undefined;
}

/** `jpg, …, tar, parquet` for messages. */
export const SOURCE_EXTENSION_LIST = `${EXTENSION_LIST}, ${TAR_EXTENSIONS.join(", ")}, parquet`;
