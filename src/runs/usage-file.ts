import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { VqkitError } from "../core/errors.js";
import { formatError, readFormattedFile, writeJsonFile } from "../files/index.js";
import {
  bitsPerPixel,
  CodeCounts,
  type CodeGeometry,
  type ScaleCounts,
  scaleFigures,
  usageFigures,
} from "../metrics/index.js";

/** Codebook counts of a set of images, and what they were counted on. */
export interface UsageRecord {
  readonly counts: CodeCounts;
  /** Images in the set. */
  readonly images: number;
  /** Latent grid and image sizes; numCodebooks equals that of the counts. */
  readonly geometry: CodeGeometry;
  /** The counts scale by scale, of codes that are sequences of grids; absent for others, and in older files. */
  readonly scales?: readonly ScaleCounts[];
}

const FORMAT = { format: "vqkit-usage", formatVersion: 1 } as const;

const whole = z.number().int().min(1);
const countsSchema = z.object({
  codebookSize: whole,
  numCodebooks: whole,
  codebooks: z.array(z.object({ indices: z.array(z.number()), counts: z.array(z.number()) })),
});
const usageSchema = z.object({
  images: z.number().int().min(0),
  geometry: z.object({
    gridHeight: whole,
    gridWidth: whole,
    imageHeight: whole,
    imageWidth: whole,
    numCodebooks: whole,
  }),
  counts: countsSchema,
  scales: z.array(z.object({ side: whole, counts: countsSchema })).optional(),
});

/** Writes counts and every figure derived from them. @throws VqkitError("codes" | "file") */
export async function writeUsageFile(
  path: string,
  { counts, images, geometry, scales }: UsageRecord,
): Promise<void> {
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
    ...(scales === undefined ? {} : { scales: scalesJson(scales) }),
  });
}

function scalesJson(scales: readonly ScaleCounts[]) {
  const figures = scaleFigures(scales);
  return scales.map(({ side, counts }, i) => ({ side, figures: figures[i], counts: counts.toJSON() }));
}

/**
 * Reads counts back; the figures in the file are for other readers, `usageFigures(counts)` computes them again.
 *
 * @throws VqkitError("format") for a file of another form, or counts that contradict themselves; VqkitError("file")
 */
export async function readUsageFile(path: string): Promise<UsageRecord> {
  const value = await readFormattedFile(path, FORMAT);
  try {
    const { images, geometry, counts, scales } = parseConfig(usageSchema, value, "");
    const whole = CodeCounts.fromJSON(counts);
    if (scales === undefined) return { images, geometry, counts: whole };
    const read = scales.map((scale) => ({ side: scale.side, counts: CodeCounts.fromJSON(scale.counts) }));
    checkSum(whole, read);
    return { images, geometry, counts: whole, scales: read };
  } catch (error) {
    // A file is no flag: the command line must not call this wrong usage.
    throw error instanceof VqkitError ? formatError(path, error.message) : error;
  }
}

/** Scales are parts of the whole. @throws VqkitError("codes") */
function checkSum(whole: CodeCounts, scales: readonly ScaleCounts[]): void {
  const sum = new CodeCounts(whole.codebookSize, whole.numCodebooks);
  for (const { counts } of scales) sum.merge(counts);
  if (JSON.stringify(sum) === JSON.stringify(whole)) return;
  throw new VqkitError("codes", "scales: expected counts whose sum is that of all indices, got others.");
}
