import { z } from "zod";
import { DEFAULT_MAX_PIXELS } from "./decode.js";
import { isImageKey } from "./sources/tar-samples.js";

const side = z.int().min(1);

/** Where the images of a set are. Exactly one of `images` and `filesFrom` is not null. */
export interface DataSource {
  /** Folders (with their subfolders), files, glob patterns, data sets on a hub; null where `filesFrom` names the files. */
  readonly images: string | readonly string[] | null;
  /** A text file with the paths of images, tar shards and Parquet files, one a line, which are taken in its order. */
  readonly filesFrom?: string | null;
  /** The column of Parquet files that holds the images; null finds it out. */
  readonly column?: string | null;
  /** Which entry of a sample of tar shards is its image, as `jpg` or `jpg;png`; null takes what has an image's ending. */
  readonly imageKey?: string | null;
}

const fields = z.strictObject({
  /**
   * A folder (with its subfolders), a file, a glob pattern, or a list of these; null where `filesFrom` names the files.
   * Images count, tar shards and Parquet files with images in them. `hf://OWNER/NAME` is a data set on a hub.
   */
  images: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
      error: "expected a path, a glob pattern or a list of these",
    })
    .nullable()
    .default(null),
  /**
   * A text file with the paths of images, tar shards and Parquet files from the current folder, one a line, taken in its
   * order; null searches `images`.
   */
  filesFrom: z.string().min(1).nullable().default(null),
  /** The column of Parquet files that holds the images; null finds it out. */
  column: z.string().min(1).nullable().default(null),
  /**
   * Which entry of a sample of tar shards is its image, by all that follows the first dot of its name: `jpg`, or several as
   * `jpg;png`, the best first; null takes the first that has the ending of an image.
   */
  imageKey: z
    .string()
    .refine(isImageKey, {
      error: ({ input }) =>
        `expected an ending such as "jpg", or several as "jpg;png", got ${JSON.stringify(input)}.`,
    })
    .nullable()
    .default(null),
  /**
   * Images of the buffer that training draws from while it reads the set from its beginning to its end; null draws from all
   * images. For sets that are slow or impossible to read in any other order.
   */
  shuffleBuffer: z.int().min(1).nullable().default(null),
  /** The shorter side in pixels that every image is resized to before cropping; null keeps sizes. */
  resize: side.nullable().default(null),
  /** Pixels, as one number or [height, width]; always saved as the pair. Smaller images are enlarged to cover it. */
  cropSize: z
    .union([side, z.tuple([side, side])], { error: "expected an integer >= 1 or [height, width]" })
    .transform((size): [height: number, width: number] => (typeof size === "number" ? [size, size] : size))
    .default([64, 64]),
  /** Where training crops are cut. Evaluation always uses a fixed grid of crops. */
  crop: z.enum(["random", "center"]).default("random"),
  /** Mirror half of the training crops left to right. */
  flip: z.boolean().default(true),
  /** Fraction of the files kept back for evaluation, 0 to below 1; 0 evaluates on the training files. */
  heldOut: z.number().min(0).lt(1).default(0.2),
  /** Chooses the files kept back; null takes the run's seed. Set it to evaluate several seeds on the same images. */
  splitSeed: z.int().min(0).nullable().default(null),
  /** Most crops that evaluation cuts from one image. */
  evaluationCropsPerImage: z.int().min(1).default(16),
  /** Memory (in units of 2^20 bytes) for decoded and resized images; 0 decodes every image anew. */
  cacheMegabytes: z.number().min(0).default(512),
  /** Batches that are decoded ahead of the one in use; 0 decodes on demand. */
  prefetch: z.int().min(0).max(64).default(4),
  /** Largest number of pixels an image may have, before and after resizing; larger files count as broken. */
  maxPixels: z.int().min(1).default(DEFAULT_MAX_PIXELS),
});

/**
 * How images are found, resized, cropped, split, ordered and kept in memory. Parse it with `parseConfig(…, "data")`.
 */
export const dataConfigSchema = fields.superRefine(({ images, filesFrom }, context) => {
  if ((images === null) !== (filesFrom === null)) return;
  const got = images === null ? "nothing" : "both images and filesFrom";
  const message = `expected a path, a glob pattern or a list of these, or data.filesFrom in its place, got ${got}.`;
  context.addIssue({ code: "custom", path: ["images"], message });
});

/** What a user writes; everything but `images` (or `filesFrom`) may be left out. */
export type DataConfigInput = z.input<typeof dataConfigSchema>;

/** A parsed data config: every default filled in. */
export type DataConfig = Readonly<z.output<typeof dataConfigSchema>>;
