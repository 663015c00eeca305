import {
  type ImageAutoencoder,
  type PixelBatch,
  pixelsToTensor,
  tensorToPixels,
} from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import type { ImageBatch } from "../data/index.js";
import { type ReconstructionLossConfig, reconstructionLoss } from "../losses/index.js";
import {
  type CodeCounts,
  type CodeGeometry,
  type EightBitImages,
  MS_SSIM_CONVENTION,
  MS_SSIM_MIN_SIDE,
  meanColourImages,
  meanImageFigures,
  type ScaleCounts,
  SSIM_MIN_SIDE,
} from "../metrics/index.js";
import * as tf from "../tf/index.js";
import { EvaluationSums } from "./evaluation-sums.js";
import { ExampleCollector, type ExampleImages } from "./examples.js";
import {
  type EvaluationFigures,
  imageOnlyFigures,
  LARGEST_RANK_DIMENSION,
  modelFigures,
} from "./figures/index.js";
import { ImageSums, PartSums } from "./image-sums.js";
import { latentSums } from "./latent-sums.js";
import { type EvaluationNetworks, type NetworkIdentities, networkFigures } from "./network-figures.js";
import { quantizationError } from "./quantization-error.js";

/**
 * Images in a part of a set, where it is cut up (`evaluationBatches`), so that many machines may measure it and find what
 * one does. Batches end with a part, so it is a multiple of the usual sizes of batches.
 */
export const IMAGES_PER_PART = 256;

/** What an evaluation found. Holds no tensor. */
export interface Evaluation {
  readonly figures: EvaluationFigures;
  /** How often each code was chosen. */
  readonly counts: CodeCounts;
  /** The same scale by scale, of codes that are sequences of grids. */
  readonly scales?: readonly ScaleCounts[];
  readonly geometry: CodeGeometry;
  /** Images in the set. */
  readonly images: number;
  /**
   * The first 16 hexadecimal digits of the SHA-256 of all pixels in order, or of those of the parts of a set: equal for equal
   * sets of images.
   */
  readonly imagesDigest: string;
  readonly examples: ExampleImages;
  /** How those figures were measured that not every evaluation has: lines for the metric card. */
  readonly optionalConventions: Readonly<Record<string, string>>;
  /** Why a figure is null, by its name. */
  readonly notMeasured: Readonly<Record<string, string>>;
  /** What a reader of the figures should know; one sentence each. */
  readonly warnings: readonly string[];
}

export interface EvaluationOptions {
  /** What `reconstructionLoss` measures. */
  readonly loss: ReconstructionLossConfig;
  /** What `lpips` and `fid` are measured with; without a network, its figure is null. */
  readonly networks?: EvaluationNetworks;
  /** How many images to return with their reconstructions; default 8. */
  readonly examples?: number;
  /** Called after each batch with the number of images done. */
  readonly onProgress?: (images: number) => void;
  /** Checked before each batch; the evaluation then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures a model on a set of images. Changes no weight, and disposes of every tensor it makes.
 *
 * @param batches images of one size, a multiple of the model's downsampling factor
 * @throws VqkitError("data") for no images or images of several sizes; ShapeError for a size the model cannot take;
 * VqkitError("numerics") when a figure is not finite
 */
export async function evaluateModel(
  model: ImageAutoencoder,
  batches: AsyncIterable<ImageBatch>,
  options: EvaluationOptions,
): Promise<Evaluation> {
  const examples = new ExampleCollector(options.examples ?? 8);
  const sums = await sumModel(model, batches, {
    ...options,
    onReconstructed: (batch, reconstructions) => examples.add(batch, reconstructions),
  });
  if (sums === undefined) throw noImages();
  return { ...evaluationOf(sums, options.networks ?? {}), examples: examples.examples() };
}

export interface SumOptions extends Omit<EvaluationOptions, "examples"> {
  /** Told of each batch with what the model made of it. */
  readonly onReconstructed?: (batch: ImageBatch, reconstructions: PixelBatch) => void;
}

/**
 * What a model's pass over images adds up to. Images that say which part of a set they are of (`ImageBatch.part`) are summed
 * up part by part, and the parts in order: whoever sums up single parts and merges them comes to the same bits.
 *
 * @returns undefined for no images
 * @throws as `evaluateModel`
 */
export async function sumModel(
  model: ImageAutoencoder,
  batches: AsyncIterable<ImageBatch>,
  { loss, networks = {}, signal, onProgress, onReconstructed }: SumOptions,
): Promise<EvaluationSums | undefined> {
  const { numCodebooks } = model.quantizer;
  const parts = new PartSums(() => new EvaluationSums(model.quantizer));
  let images = 0;
  for await (const batch of batches) {
    signal?.throwIfAborted();
    const sums = parts.of(batch.part);
    const pass = await evaluateBatch(model, batch, loss);
    sums.images.add(batch, pass.reconstructions, pass.reconstructionLoss);
    await sums.networks.add(networks, batch, pass.reconstructions);
    onReconstructed?.(batch, pass.reconstructions);
    sums.counts.add(pass.indices);
    sums.scales?.add(pass.indices);
    sums.latents.add(pass.latentSums, pass.positions);
    sums.geometry = { ...pass.grid, imageHeight: batch.height, imageWidth: batch.width, numCodebooks };
    sums.errors.push(pass.quantizationError * batch.count);
    images += batch.count;
    onProgress?.(images);
  }
  return parts.all();
}

/** The figures of what was summed up. @param networks as it was measured with @throws VqkitError("numerics" | "format") */
export function evaluationOf(
  sums: EvaluationSums,
  networks: NetworkIdentities,
): Omit<Evaluation, "examples"> {
  const { images, counts, latents, geometry } = sums;
  if (geometry === undefined) throw noImages();
  const measured = networkFigures(sums.networks, networks);
  const figures = modelFigures({
    images: meanImageFigures(images.perImage),
    networks: measured.figures,
    reconstructionLoss: images.meanLoss,
    quantizationError: sums.meanError,
    latents: latents.figures(),
    counts,
    geometry,
  });
  const similarity = similarityNotes(figures, geometry);
  return {
    figures,
    counts,
    ...(sums.scales === undefined ? {} : { scales: sums.scales.scales }),
    geometry,
    images: images.images,
    imagesDigest: images.digest(),
    optionalConventions: { ...similarity.conventions, ...measured.conventions },
    notMeasured: {
      ...similarity.notMeasured,
      ...rankNote(figures, latents.dimensions),
      ...measured.notMeasured,
    },
    warnings: measured.warnings,
  };
}

function rankNote({ latentEffectiveRank }: EvaluationFigures, codeDim: number): Record<string, string> {
  if (latentEffectiveRank !== null) return {};
  const reason = `needs a code dimension of at most ${LARGEST_RANK_DIMENSION}, the model has ${codeDim}`;
  return { latentEffectiveRank: reason };
}

/** What is to be said of SSIM and MS-SSIM, which small images do not have. */
function similarityNotes(
  { ssim, msSsim }: EvaluationFigures,
  { imageHeight, imageWidth }: CodeGeometry,
): {
  readonly conventions: Readonly<Record<string, string>>;
  readonly notMeasured: Readonly<Record<string, string>>;
} {
  const reason = (side: number) =>
    `needs sides of at least ${side} pixels, the images are ${imageHeight}x${imageWidth}`;
  return {
    conventions: msSsim === null ? {} : { msSsim: MS_SSIM_CONVENTION },
    notMeasured: {
      ...(ssim === null ? { ssim: reason(SSIM_MIN_SIDE) } : {}),
      ...(msSsim === null ? { msSsim: reason(MS_SSIM_MIN_SIDE) } : {}),
    },
  };
}

/**
 * The figures of painting each image in its own mean colour, which every model must beat.
 *
 * @param batches as for `evaluateModel`
 * @throws as `evaluateModel` does
 */
export async function evaluateMeanColour(
  batches: AsyncIterable<ImageBatch>,
  options: Pick<EvaluationOptions, "loss" | "signal">,
): Promise<EvaluationFigures> {
  const sums = await sumMeanColour(batches, options);
  if (sums === undefined) throw noImages();
  return meanColourFigures(sums);
}

/** What `evaluateMeanColour` adds up, as `sumModel` does. @returns undefined for no images */
export async function sumMeanColour(
  batches: AsyncIterable<ImageBatch>,
  { loss, signal }: Pick<EvaluationOptions, "loss" | "signal">,
): Promise<ImageSums | undefined> {
  const parts = new PartSums(() => new ImageSums());
  for await (const batch of batches) {
    signal?.throwIfAborted();
    const painted = meanColourImages(batch);
    parts.of(batch.part).add(batch, painted, await lossOfPixels(batch, painted, loss));
  }
  return parts.all();
}

/** The figures of what `sumMeanColour` has added up. */
export function meanColourFigures(sums: ImageSums): EvaluationFigures {
  return imageOnlyFigures(meanImageFigures(sums.perImage), sums.meanLoss);
}

interface BatchPass {
  readonly reconstructions: PixelBatch;
  /** [N, H, W, Q], flat. */
  readonly indices: Int32Array;
  /** Latents: N·H·W. */
  readonly positions: number;
  readonly grid: { readonly gridHeight: number; readonly gridWidth: number };
  readonly reconstructionLoss: number;
  readonly quantizationError: number;
  readonly latentSums: Float32Array;
}

/** One pass forward; everything is asked for at once, so that a recording engine runs it as one graph. */
async function evaluateBatch(
  model: ImageAutoencoder,
  batch: ImageBatch,
  lossConfig: ReconstructionLossConfig,
): Promise<BatchPass> {
  const { reconstruction, indices, positions, scalars, sums } = tf.tidy(() => {
    const pixels = pixelsToTensor(batch);
    const output = model.forward(pixels);
    const { total } = reconstructionLoss(pixels, output.reconstruction, lossConfig);
    const error = quantizationError(output.latents, output.quantization.quantized);
    return {
      reconstruction: output.reconstruction,
      indices: output.quantization.indices,
      positions: output.latents.size / output.latents.shape[3],
      scalars: tf.stack([total, error]),
      sums: latentSums(output.latents, output.quantization.quantized),
    };
  });
  try {
    const [reconstructions, chosen, [loss, error], moments] = await Promise.all([
      tensorToPixels(reconstruction),
      indices.data(),
      scalars.data(),
      sums.data(),
    ]);
    const [, gridHeight, gridWidth] = indices.shape;
    return {
      reconstructions,
      indices: chosen as Int32Array,
      positions,
      grid: { gridHeight, gridWidth },
      reconstructionLoss: finite("reconstructionLoss", loss),
      quantizationError: finite("quantizationError", error),
      latentSums: moments as Float32Array,
    };
  } finally {
    tf.dispose([reconstruction, indices, scalars, sums]);
  }
}

async function lossOfPixels(
  originals: EightBitImages,
  others: EightBitImages,
  config: ReconstructionLossConfig,
): Promise<number> {
  const total = tf.tidy(
    () => reconstructionLoss(pixelsToTensor(originals), pixelsToTensor(others), config).total,
  );
  try {
    const [loss] = await total.data();
    return finite("reconstructionLoss", loss);
  } finally {
    total.dispose();
  }
}

function finite(name: string, value: number | undefined): number {
  if (value === undefined || !Number.isFinite(value)) {
    throw new VqkitError(
      "numerics",
      `evaluation: expected a finite ${name}, got ${value}. The model has diverged: train it again with a lower learning rate.`,
    );
  }
  return value;
}

function noImages(): VqkitError {
  return new VqkitError("data", "evaluation images: expected at least one, got none.");
}
