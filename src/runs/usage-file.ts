import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { VqkitError } from "../core/errors.js";
import { formatError, readFormattedFile, writeJsonFile } from "../files/index.js";
import { bitsPerPixel, CodeCounts, type CodeGeometry, usageFigures } from "../metrics/index.js";

/** Codebook counts of a set of images, and what they were counted on. */
export interface UsageRecord {
  readonly counts: CodeCounts;
  /** Images in the set. */
  readonly images: number;
  /** Latent grid and image sizes; numCodebooks equals that of the counts. */
  readonly geometry: CodeGeometry;
}

const FORMAT = { format: "vqkit-usage", formatVersion: 1 } as const;

const whole = z.number().int().min(1);
const usageSchema = z.object({
  images: z.number().int().min(0),
  geometry: z.object({
    gridHeight: whole,
    gridWidth: whole,
    imageHeight: whole,
    imageWidth: whole,
    numCodebooks: whole,
  }),
  counts: z.object({
    codebookSize: whole,
    numCodebooks: whole,
    codebooks: z.array(z.object({ indices: z.array(z.number()), counts: z.array(z.number()) })),
  }),
});

/** Writes counts and every figure derived from them. @throws VqkitError("codes" | "file") */
export async function writeUsageFile(path: string, { counts, images, geometry }: UsageRecord): Promise<void> {
  if (geometry.numCodebooks !== counts.numCodebooks) {
    throw new VqkitError(
      "codes",
      `geometry.numCodebooks: expected ${counts.numCodebooks} as in the counts, got ${geometry.numCodebooks}.`,
    );
  }
  const figures = usageFigures(counts);
  await writeJsonFile(path, {
    ...FORMAT,
    images,
    geometry,
    figures: { ...figures, bitsPerPixel: bitsPerPixel(figures.entropyBits, geometry) },
    counts: counts.toJSON(),
  });
}

/**
 * Reads counts back; the figures in the file are for other readers, `usageFigures(counts)` computes them again.
 *
 * @throws VqkitError("format") for a file of another form, or counts that contradict themselves; VqkitError("file")
 */
export async function readUsageFile(path: string): Promise<UsageRecord> {
  const value = await readFormattedFile(path, FORMAT);
  try {
    const { images, geometry, counts } = parseConfig(usageSchema, value, "");
    return { images, geometry, counts: CodeCounts.fromJSON(counts) };
  } catch (error) {
    // A file is no flag: the command line must not call this wrong usage.
    throw error instanceof VqkitError ? formatError(path, error.message) : error;
  }
}
