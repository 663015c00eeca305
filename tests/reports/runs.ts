import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { pictureGrid, type RgbImage } from "../../src/data/index.js";
import type { JsonObject } from "../../src/files/index.js";
import { CodeCounts, metricCard } from "../../src/metrics/index.js";
import { RunFolder } from "../../src/runs/index.js";

/** A folder of its own for the running test, removed when it ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vqkit-reports-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A 6×4 image (width × height) whose bytes all depend on `shade`. */
export function shaded(shade: number): RgbImage {
  const pixels = Uint8Array.from({ length: 4 * 6 * 3 }, (_, i) => (shade * 7 + i) % 256);
  return { pixels, height: 4, width: 6 };
}

/** An evaluation with every figure made of `base`, so that no two are equal. */
export function evaluation(base: number): Record<string, number | null> {
  return {
    images: 12,
    psnr: base,
    ssim: base / 100,
    mse: 100 - base,
    identical: 0,
    reconstructionLoss: 1 / base,
    quantizationError: base / 10,
    usage: base / 200,
    used: (base / 200) * 1024,
    samples: 300,
    expectedUniformUsage: 0.254,
    perplexity: 2 * base,
    entropyBits: Math.log2(2 * base),
    bitsPerPixel: base / 40,
  };
}

/** An evaluation of a baseline that encodes nothing. */
export function imagesOnly(base: number): Record<string, number | null> {
  const { images, psnr, ssim, mse, identical, reconstructionLoss } = evaluation(base);
  const none = Object.fromEntries(Object.keys(evaluation(base)).map((name) => [name, null as number | null]));
  return { ...none, images, psnr, ssim, mse, identical, reconstructionLoss } as Record<string, number | null>;
}

export interface RunContent {
  readonly kind?: string;
  readonly codebookSize?: number;
  readonly nominalCodebookSize?: number | null;
  readonly codeDim?: number;
  readonly seed?: number;
  /** PSNR of the final model; its other figures follow from it. */
  readonly psnr?: number;
  readonly untrained?: number | null;
  readonly meanColour?: number | null;
  readonly imagesPerSecond?: number;
  readonly trainFiles?: number;
  /** Lines of the conventions. */
  readonly circumstances?: Readonly<Record<string, string | number>>;
  /** Fields of the configuration. */
  readonly config?: JsonObject;
  /** Shades of the originals; reconstructions are those plus `seed` + 1. Default none: no picture. */
  readonly originals?: readonly number[];
}

/** Writes a finished run by hand. */
export async function writeRun(dir: string, content: RunContent = {}): Promise<RunFolder> {
  const { kind = "vq", codebookSize = 1024, nominalCodebookSize = codebookSize, codeDim = 64 } = content;
  const { seed = 0, psnr = 20, untrained = 10, meanColour = 15, imagesPerSecond = 50 } = content;
  const run = await RunFolder.create(dir);
  const quantizer = { kind, codebookSize, codeDim };
  await run.writeConfig({ steps: 8, model: { baseWidth: 16 }, quantizer, seed, ...content.config });
  await run.writeSummary({
    conventions: metricCard({
      imageHeight: 4,
      imagesDigest: "aa",
      evaluationImages: 12,
      ...content.circumstances,
    }),
    figures: {
      final: evaluation(psnr),
      untrained: untrained === null ? null : evaluation(untrained),
      meanColour: meanColour === null ? null : imagesOnly(meanColour),
      training: { steps: 8, imagesPerSecond, seconds: 95 },
      quantizer: { kind, codebookSize, nominalCodebookSize, codeDim },
      heldOut: true,
      ...(content.trainFiles === undefined ? {} : { trainFiles: content.trainFiles }),
      seed,
      ...(await picture(run, content)),
    },
  });
  return run;
}

async function picture(run: RunFolder, { originals, seed = 0 }: RunContent): Promise<JsonObject> {
  if (originals === undefined) return {};
  const { png, geometry } = await pictureGrid([
    { images: originals.map(shaded) },
    { images: originals.map((shade) => shaded(shade + seed + 1)) },
  ]);
  await run.writeFile("reconstructions", png);
  return { reconstructions: geometry };
}

/** 7 indices: code 3 four times, code 1 twice, code 6 once. */
export async function writeUsage(run: RunFolder, codebookSize = 1024): Promise<void> {
  const counts = new CodeCounts(codebookSize);
  counts.add(Int32Array.of(3, 1, 3, 3, 6, 1, 3));
  const geometry = { gridHeight: 1, gridWidth: 7, imageHeight: 2, imageWidth: 14, numCodebooks: 1 };
  await run.writeUsage({ counts, images: 1, geometry });
}

/** Appends records to the run's metrics. */
export async function writeMetrics(
  run: RunFolder,
  records: readonly Readonly<Record<string, number | null>>[],
): Promise<void> {
  const log = await run.openMetrics();
  for (const record of records) await log.append(record);
  await log.close();
}
