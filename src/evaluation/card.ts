import type { DataConfig } from "../data/index.js";
import { type ReconstructionLossConfig, weightsOf } from "../losses/index.js";
import { type MetricCard, metricCard } from "../metrics/index.js";
import type { Evaluation } from "./evaluate.js";
import { type ProtocolSummary, protocolLine } from "./protocols/index.js";

/** How the images of an evaluation came about, for its card. */
export interface EvaluationCircumstances {
  readonly loss: ReconstructionLossConfig;
  readonly data: Pick<DataConfig, "resize" | "cropSize" | "evaluationCropsPerImage">;
  /** Which images: e.g. "held-out files", "training files", "all files". */
  readonly set: string;
  /** The published protocol that was followed; it prepares the images in place of `data.resize`. */
  readonly protocol?: ProtocolSummary | undefined;
}

/**
 * The card that stands beside an evaluation's figures: the conventions of src/metrics, of the two figures that arise
 * here, and the set of images down to a digest of its pixels. Equal cards make figures comparable. Figures that not
 * every evaluation has (MS-SSIM, LPIPS, FID) have a line only where they were measured; a network's line names its file
 * by its digest. The norms and the rank of the latents have none: they describe one model and stand in no comparison.
 */
export function evaluationCard(
  evaluation: Pick<Evaluation, "images" | "imagesDigest" | "optionalConventions">,
  { loss, data, set, protocol }: EvaluationCircumstances,
): MetricCard {
  return metricCard({
    ...(protocol === undefined ? {} : { protocol: protocolLine(protocol) }),
    ...evaluation.optionalConventions,
    reconstructionLoss: `${describeLoss(loss)}; pixels in -1..1, not clamped; mean over elements, then over images`,
    quantizationError:
      "squared distance between the quantizer's input z and its output q, summed over the code dimension, mean over latent vectors; for fsq z stands before the tanh bound and q in -1..1",
    evaluationSet: set,
    evaluationImages: evaluation.images,
    evaluationCrops: `grid of crops that do not overlap, at most ${data.evaluationCropsPerImage} a file, never mirrored`,
    resize:
      protocol?.preparation ?? (data.resize === null ? "none" : `shorter side to ${data.resize} pixels`),
    imageHeight: data.cropSize[0],
    imageWidth: data.cropSize[1],
    imagesDigest: evaluation.imagesDigest,
  });
}

/** `1 l2`, or `1 l1 + 0.2 ssim`. */
function describeLoss(loss: ReconstructionLossConfig): string {
  const terms = weightsOf(loss).map(
    ({ name, weight }) => `${weight} ${name === "huber" ? `huber(${loss.huberDelta})` : name}`,
  );
  return terms.join(" + ");
}
