import type { Evaluation } from "../src/evaluation/index.js";
import type { MetricCard } from "../src/metrics/index.js";
import { many, number } from "./count-text.js";
import { inFlags } from "./option-names.js";

/** What stands below the table of an evaluation: of what, of how many, and how each figure was measured. */
export function evaluationNotes(
  { figures, counts, geometry, notMeasured }: Evaluation,
  conventions: MetricCard,
): string {
  const { gridHeight, gridWidth, imageHeight, imageWidth, numCodebooks } = geometry;
  const { images, identical, mse, entropyBits, used, samples } = figures;
  const [positions, pixels] = [gridHeight * gridWidth, imageHeight * imageWidth];
  const codebooks =
    numCodebooks === 1 ? "the codebook" : `each of ${numCodebooks} codebooks (means over them)`;
  return [
    `${many(images, "crop")} of ${imageHeight}×${imageWidth} pixels; ${identical} reproduced in every byte. MSE ${mse.toPrecision(4)} squared 8-bit steps.`,
    `Usage: ${number(used ?? 0)} of ${number(counts.codebookSize)} codes of ${codebooks} in ${many(samples ?? 0, "index", "indices")}, ${gridHeight}×${gridWidth} a crop.`,
    `Bits per pixel: ${entropyBits?.toFixed(4)} bits of entropy × ${number(positions)} positions × ${numCodebooks} / ${number(pixels)} pixels.`,
    ...Object.entries(notMeasured).map(([name, reason]) => `Not measured: ${name}: ${inFlags(reason)}.`),
    "",
    "Measured by:",
    ...Object.entries(conventions).map(([name, convention]) => `  ${name}: ${convention}`),
  ].join("\n");
}
