import { basename, resolve } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import type { PictureGeometry } from "../../data/index.js";
import type { MetricCard } from "../../metrics/index.js";
import type { RunFolder } from "../../runs/index.js";

// Files of a later version may say more than is read here, so objects are not strict.
const figure = z.number().nullable().default(null);
const evaluationSchema = z.object({
  images: z.int().min(0),
  psnr: figure,
  ssim: figure,
  reconstructionLoss: figure,
  quantizationError: figure,
  latentNorm: figure,
  codeNorm: figure,
  latentEffectiveRank: figure,
  usage: figure,
  used: figure,
  samples: figure,
  expectedUniformUsage: figure,
  perplexity: figure,
  entropyBits: figure,
  bitsPerPixel: figure,
});
const whole = z.int().min(0);
const pictureSchema = z.object({
  rows: z.int().min(1).default(2),
  columns: z.int().min(1),
  cellWidth: z.int().min(1),
  cellHeight: z.int().min(1),
  gap: whole,
  left: whole.default(0),
  top: whole.default(0),
});
const figuresSchema = z.object({
  final: evaluationSchema,
  untrained: evaluationSchema.nullable().default(null),
  meanColour: evaluationSchema.nullable().default(null),
  training: z.object({ steps: z.int().min(0), imagesPerSecond: figure, seconds: figure }),
  quantizer: z.object({
    kind: z.string().min(1),
    codebookSize: z.int().min(1),
    nominalCodebookSize: z.int().min(1).nullable().default(null),
    codeDim: z.int().min(1).nullable().default(null),
    numCodebooks: z.int().min(1).default(1),
  }),
  heldOut: z.boolean(),
  trainFiles: whole.nullable().default(null),
  seed: z.int(),
  reconstructions: pictureSchema.nullable().default(null),
  // Absent in what earlier versions wrote.
  spectrum: z.object({ sharpness: figure, checkerboard: figure }).nullable().default(null),
});

/** One evaluation as summary.json has it; null where a figure has no meaning (a baseline that encodes nothing). */
export type EvaluationRecord = Readonly<z.output<typeof evaluationSchema>>;

/** The final figures of a run as summary.json has them. */
export interface RunFigures {
  readonly final: EvaluationRecord;
  /** The same model before its first step. */
  readonly untrained: EvaluationRecord | null;
  /** Predicting each image's mean colour. */
  readonly meanColour: EvaluationRecord | null;
  readonly training: {
    readonly steps: number;
    readonly imagesPerSecond: number | null;
    readonly seconds: number | null;
  };
  readonly quantizer: {
    readonly kind: string;
    readonly codebookSize: number;
    /** The size that was asked for. */
    readonly nominalCodebookSize: number | null;
    /** D. */
    readonly codeDim: number | null;
    /** Q. */
    readonly numCodebooks: number;
  };
  /** Whether the images of the evaluation were kept out of training. */
  readonly heldOut: boolean;
  /** Files that were trained on; null when it was not recorded. */
  readonly trainFiles: number | null;
  readonly seed: number;
  /** Where the images are in reconstructions.png: originals above reconstructions. */
  readonly reconstructions: PictureGeometry | null;
  /** Of the example images: `spectrumFigures`; null where it was not recorded. */
  readonly spectrum: { readonly sharpness: number | null; readonly checkerboard: number | null } | null;
}

/** A finished run as reports read it. */
export interface RunRecord {
  readonly run: RunFolder;
  /** The folder's own name. */
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly conventions: MetricCard;
  readonly figures: RunFigures;
}

/**
 * Reads what a finished run says about itself.
 *
 * @throws VqkitError("run") when it has no final figures; VqkitError("format" | "file")
 */
export async function readRunRecord(run: RunFolder): Promise<RunRecord> {
  const config = await run.readConfig();
  const { conventions, figures } = await run.readSummary();
  return {
    run,
    name: runName(run),
    config,
    conventions,
    figures: parseFigures(figures, run.path("summary")),
  };
}

/** The last part of the run's path. */
export function runName(run: RunFolder): string {
  return basename(resolve(run.dir));
}

function parseFigures(value: unknown, path: string): RunFigures {
  try {
    return parseConfig(figuresSchema, value, "figures");
  } catch (error) {
    // A file is no flag: the command line must not call this wrong usage.
    throw error instanceof VqkitError ? new VqkitError("format", `${path}: ${error.message}`) : error;
  }
}
