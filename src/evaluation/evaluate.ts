import { createHash, type Hash } from "node:crypto";
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
  CodeCounts,
  type CodeGeometry,
  compareImages,
  type EightBitImages,
  type ImageFigures,
  MS_SSIM_CONVENTION,
  MS_SSIM_MIN_SIDE,
  meanColourImages,
  meanImageFigures,
  ScaleCounter,
  type ScaleCounts,
  SSIM_MIN_SIDE,
} from "../metrics/index.js";
import * as tf from "../tf/index.js";
import { ExampleCollector, type ExampleImages } from "./examples.js";
import {
  type EvaluationFigures,
  imageOnlyFigures,
  LARGEST_RANK_DIMENSION,
  LatentStatistics,
  modelFigures,
} from "./figures/index.js";
import { latentSums } from "./latent-sums.js";
import { type EvaluationNetworks, NetworkMeter } from "./network-figures.js";
import { quantizationError } from "./quantization-error.js";

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
  /** The first 16 hexadecimal digits of the SHA-256 of all pixels in order: equal for equal sets of images. */
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
  const { codebookSize, numCodebooks, codeDim, sequence } = model.quantizer;
  const counts = new CodeCounts(codebookSize, numCodebooks);
  const scales = sequence && new ScaleCounter(codebookSize, numCodebooks, sequence.scales);
  const set = new ImageSet();
  const examples = new ExampleCollector(options.examples ?? 8);
  const latents = new LatentStatistics(codeDim);
  const networks = new NetworkMeter(options.networks ?? {});
  const perImage: ImageFigures[] = [];
  let geometry: CodeGeometry | undefined;
  let lossSum = 0;
  let errorSum = 0;
  for await (const batch of batches) {
    options.signal?.throwIfAborted();
    set.add(batch);
    const pass = await evaluateBatch(model, batch, options.loss);
    perImage.push(...compareImages(batch, pass.reconstructions));
    await networks.add(batch, pass.reconstructions);
    examples.add(batch, pass.reconstructions);
    counts.add(pass.indices);
    scales?.add(pass.indices);
    latents.add(pass.latentSums, pass.positions);
    geometry = { ...pass.grid, imageHeight: batch.height, imageWidth: batch.width, numCodebooks };
    lossSum += pass.reconstructionLoss * batch.count;
    errorSum += pass.quantizationError * batch.count;
    options.onProgress?.(set.images);
  }
  if (geometry === undefined) throw noImages();
  const measured = networks.finish();
  const figures = modelFigures({
    images: meanImageFigures(perImage),
    networks: measured.figures,
    reconstructionLoss: lossSum / set.images,
    quantizationError: errorSum / set.images,
    latents: latents.figures(),
    counts,
    geometry,
  });
  const similarity = similarityNotes(figures, geometry);
  return {
    figures,
    counts,
    ...(scales === undefined ? {} : { scales: scales.scales }),
    geometry,
    images: set.images,
    imagesDigest: set.digest(),
    examples: examples.examples(),
    optionalConventions: { ...similarity.conventions, ...measured.conventions },
    notMeasured: { ...similarity.notMeasured, ...rankNote(figures, codeDim), ...measured.notMeasured },
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
  const set = new ImageSet();
  const perImage: ImageFigures[] = [];
  let lossSum = 0;
  for await (const batch of batches) {
    options.signal?.throwIfAborted();
    set.add(batch);
    const painted = meanColourImages(batch);
    perImage.push(...compareImages(batch, painted));
    lossSum += (await lossOfPixels(batch, painted, options.loss)) * batch.count;
  }
  if (set.images === 0) throw noImages();
  return imageOnlyFigures(meanImageFigures(perImage), lossSum / set.images);
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

/** Counts images, takes their digest, and holds them to one size. */
class ImageSet {
  images = 0;
  readonly #hash: Hash = createHash("sha256");
  #size: string | undefined;

  add({ pixels, count, height, width }: ImageBatch): void {
    const size = `${height}x${width}`;
    this.#size ??= size;
    if (size !== this.#size) {
      throw new VqkitError(
        "data",
        `evaluation images: expected all ${this.#size} (height x width), got ${size}. Crop them to one size.`,
      );
    }
    if (this.images === 0) this.#hash.update(`${size}\n`);
    this.#hash.update(pixels);
    this.images += count;
  }

  digest(): string {
    return this.#hash.digest("hex").slice(0, 16);
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
