import { z } from "zod";
import { DEFAULT_MAX_PIXELS } from "./decode.js";

const side = z.int().min(1);

/** How images are found, resized, cropped, split and kept in memory. Parse it with `parseConfig(…, "data")`. */
export const dataConfigSchema = z.strictObject({
  /** A folder (with its subfolders), a file, a glob pattern, or a list of these. */
  images: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
    error: "expected a path, a glob pattern or a list of these",
  }),
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

/** What a user writes; everything but `images` may be left out. */
export type DataConfigInput = z.input<typeof dataConfigSchema>;

/** A parsed data config: every default filled in. */
export type DataConfig = Readonly<z.output<typeof dataConfigSchema>>;
