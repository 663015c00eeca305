import { withValue } from "../src/core/objects.js";
import type { ConfigObject } from "./config-file.js";
import { UsageError } from "./errors.js";
import type { RunFlag } from "./run-flags.js";
import { integer } from "./values.js";

/** What help says of flags that `encode` has too. */
export const FILES_FROM_HELP =
  "read the names of images, tar shards and Parquet files from this file, one a line, and take them in its order";
export const COLUMN_HELP = "the column of Parquet files that holds the images (default: found out)";
export const IMAGE_KEY_HELP =
  "which entry of a sample of tar shards is its image, as jpg, image.jpg or jpg;png, the best first (default: the first image)";

/** Flags of every command that trains: where its images come from. */
export const DATA_FLAGS: readonly RunFlag[] = [
  { flag: "--files-from <file>", field: "data.filesFrom", description: FILES_FROM_HELP },
  { flag: "--column <name>", field: "data.column", description: COLUMN_HELP },
  { flag: "--image-key <name>", field: "data.imageKey", description: IMAGE_KEY_HELP },
  {
    flag: "--shuffle-buffer <n>",
    field: "data.shuffleBuffer",
    description:
      "read the images from the first to the last and draw from so many, as compressed tar shards need (default: draw from all)",
    parse: integer,
  },
];

/**
 * A configuration with the images of a command line: its arguments, or its list of files, in the place of what a file of
 * settings names.
 *
 * @throws UsageError for both at a time, and for a list that can be read once only
 */
export function withImages(
  config: ConfigObject,
  images: readonly string[],
  filesFrom: string | undefined,
): ConfigObject {
  checkImages(images, filesFrom);
  if (filesFrom !== undefined) {
    return withValue(withValue(config, "data.images", null), "data.filesFrom", filesFrom);
  }
  if (images.length === 0) return config;
  const named = withValue(config, "data.images", images.length === 1 ? images[0] : images);
  return valueIn(config, "filesFrom") ? withValue(named, "data.filesFrom", null) : named;
}

/** @throws UsageError as `withImages` */
export function checkImages(images: readonly string[], filesFrom: string | undefined): void {
  if (filesFrom === undefined) return;
  if (images.length > 0) {
    throw new UsageError(
      `--files-from: expected no other images, got ${images[0]} too. Give one or the other.`,
    );
  }
  if (filesFrom === "-") {
    throw new UsageError(
      "--files-from -: expected a file, got standard input, which cannot be read again. Write the list to a file.",
    );
  }
}

function valueIn({ data }: ConfigObject, field: string): boolean {
  return typeof data === "object" && data !== null && field in data;
}
