import {
  bitsPerPixel,
  type CodeCounts,
  type CodeGeometry,
  type MeanImageFigures,
  usageFigures,
} from "../../metrics/index.js";
import type { LatentFigures } from "./latent-statistics.js";

/**
 * What an evaluation says in numbers, on one set of images. JSON-safe. Figures of the codes are null where nothing
 * was encoded (a baseline without a model).
 *
 * A type and not an interface, so that it goes into files as the JSON object it is.
 */
export type EvaluationFigures = {
  /** Images (crops) in the set. */
  readonly images: number;
  /** dB, mean over the images that differ from their reconstruction; null when none does. */
  readonly psnr: number | null;
  /** Mean over images, -1..1; null when a side is under 11 pixels. */
  readonly ssim: number | null;
  /** Mean over images, 0..1; null when a side is under 161 pixels. */
  readonly msSsim: number | null;
  /** Mean over images of the distance by the network that was given; null without one. */
  readonly lpips: number | null;
  /**
   * Squared Fréchet distance between features of the originals and of the reconstructions, by the network that was
   * given; null without one. Depends on `images`.
   */
  readonly fid: number | null;
  /** Features of an image that `fid` is over. */
  readonly fidFeatures: number | null;
  /** Mean squared error in squared 8-bit steps. */
  readonly mse: number;
  /** Images reproduced in every byte; left out of the mean PSNR. */
  readonly identical: number;
  /** The training loss's reconstruction part, on pixels in -1..1 that are not clamped; mean over images. */
  readonly reconstructionLoss: number;
  /** Mean over latent vectors of ‖z − q‖², summed over the code dimension. */
  readonly quantizationError: number | null;
  /** Mean over latent vectors of ‖z‖. */
  readonly latentNorm: number | null;
  /** Mean over latent vectors of ‖q‖, the norm of the chosen code. */
  readonly codeNorm: number | null;
  /** Effective rank of the centred latents, 0..D (Roy & Vetterli 2007); null where D is over 1024. */
  readonly latentEffectiveRank: number | null;
  /** Codes seen at least once / codebook size, over the whole set. */
  readonly usage: number | null;
  /** Codes seen at least once; mean over codebooks. */
  readonly used: number | null;
  /** Indices counted in each codebook: what `usage` depends on. */
  readonly samples: number | null;
  /** The usage that as many draws from a uniform source would show on average. */
  readonly expectedUniformUsage: number | null;
  readonly perplexity: number | null;
  /** Entropy of an index in bits. */
  readonly entropyBits: number | null;
  readonly bitsPerPixel: number | null;
};

/** The image figures alone: those of a baseline that encodes nothing. */
export function imageOnlyFigures(images: MeanImageFigures, reconstructionLoss: number): EvaluationFigures {
  return {
    ...imagePart(images),
    lpips: null,
    fid: null,
    fidFeatures: null,
    reconstructionLoss,
    quantizationError: null,
    latentNorm: null,
    codeNorm: null,
    latentEffectiveRank: null,
    usage: null,
    used: null,
    samples: null,
    expectedUniformUsage: null,
    perplexity: null,
    entropyBits: null,
    bitsPerPixel: null,
  };
}

/** What a model's pass over a set of images adds up to. */
export interface EvaluationTotals {
  readonly images: MeanImageFigures;
  readonly networks: Pick<EvaluationFigures, "lpips" | "fid" | "fidFeatures">;
  readonly reconstructionLoss: number;
  readonly quantizationError: number;
  readonly latents: LatentFigures;
  readonly counts: CodeCounts;
  readonly geometry: CodeGeometry;
}

export function modelFigures(totals: EvaluationTotals): EvaluationFigures {
  const { samples, usage, used, expectedUniformUsage, perplexity, entropyBits } = usageFigures(totals.counts);
  return {
    ...imagePart(totals.images),
    ...totals.networks,
    reconstructionLoss: totals.reconstructionLoss,
    quantizationError: totals.quantizationError,
    ...totals.latents,
    usage,
    used,
    samples,
    expectedUniformUsage,
    perplexity,
    entropyBits,
    bitsPerPixel: bitsPerPixel(entropyBits, totals.geometry),
  };
}

function imagePart({ images, psnr, ssim, msSsim, mse, identical }: MeanImageFigures) {
  return { images, psnr, ssim, msSsim, mse, identical };
}

/** The figures that are followed through training and set side by side in comparisons, in their order there. */
export const evaluatedFigures = [
  "psnr",
  "ssim",
  "reconstructionLoss",
  "quantizationError",
  "usage",
  "perplexity",
  "bitsPerPixel",
] as const satisfies readonly (keyof EvaluationFigures)[];
