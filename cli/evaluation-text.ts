import type { Evaluation } from "../src/evaluation/index.js";
import type { MetricCard } from "../src/metrics/index.js";
import { many, number } from "./count-text.js";
import { inFlags } from "./option-names.js";

/** An evaluation in its figures. */
type Measured = Omit<Evaluation, "examples">;

/** What stands below the table of an evaluation: of what, of how many, and how each figure was measured. */
export function evaluationNotes(
  { figures, counts, geometry, notMeasured }: Measured,
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
    ...conventionLines(notMeasured, conventions),
  ].join("\n");
}

/** What stands below the table of several models; `lines` are of each of them. */
export function severalNotes(
  lines: readonly string[],
  { evaluation, conventions }: { readonly evaluation: Measured; readonly conventions: MetricCard },
): string {
  const { figures, geometry, notMeasured } = evaluation;
  const { imageHeight, imageWidth } = geometry;
  return [
    `The same ${many(figures.images, "crop")} of ${imageHeight}×${imageWidth} pixels for all. Models of other factors and codebooks spend other numbers of bits: hold PSNR against bits per pixel.`,
    ...lines,
    ...conventionLines(notMeasured, conventions),
  ].join("\n");
}

function conventionLines(notMeasured: Evaluation["notMeasured"], conventions: MetricCard): string[] {
  return [
    ...Object.entries(notMeasured).map(([name, reason]) => `Not measured: ${name}: ${inFlags(reason)}.`),
    "",
    "Measured by:",
    ...Object.entries(conventions).map(([name, convention]) => `  ${name}: ${convention}`),
  ];
}
