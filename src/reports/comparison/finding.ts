import { formatFixed, formatItems } from "../../drawing/index.js";
import { formatDifferenceInterval, formatFigure } from "../figures.js";
import type { Comparison, ComparisonRow } from "./comparison.js";
import { isClear, type PairedDifference, pairedDifference } from "./paired-difference.js";

/** The row with the highest PSNR, and how far the next one is behind it. */
export interface ComparisonFinding {
  readonly best: ComparisonRow;
  /** Undefined for a row by itself. */
  readonly next: ComparisonRow | undefined;
  /** PSNR of the best less the next one's, seed by seed; null where they share no seed. */
  readonly lead: PairedDifference | null;
}

/** What a comparison found; undefined where no row has a PSNR. */
export function comparisonFinding({ rows }: Pick<Comparison, "rows">): ComparisonFinding | undefined {
  const ranked = rows
    .filter(({ psnr }) => psnr !== null)
    .sort((a, b) => (b.psnr?.mean ?? 0) - (a.psnr?.mean ?? 0));
  const [best, next] = ranked;
  if (best === undefined) return undefined;
  return { best, next, lead: next === undefined ? null : pairedDifference(seeded(best), seeded(next)) };
}

function seeded({ seeds, psnr }: ComparisonRow) {
  return { seeds, values: psnr?.values ?? [] };
}

/**
 * What was found in a sentence or two: which row reconstructs best, by how much and how sure that is, and what it costs.
 * Empty where no row has a PSNR.
 */
export function describeFinding(comparison: Comparison): string {
  const finding = comparisonFinding(comparison);
  if (finding === undefined) return "";
  const { best, next, lead } = finding;
  const on = `${formatItems(comparison.evaluations[0]?.images ?? 0, comparison.heldOut ? "held-out image" : "image")}`;
  const psnr = `${formatFigure("psnr", best.psnr?.mean ?? null)} dB on ${on}`;
  if (next === undefined) return `${best.label} has a PSNR of ${psnr}.${priceOf(best)}`;
  return `${leadSentence(finding, psnr, lead)}${priceOf(best, next)}`;
}

function leadSentence(
  { best, next }: ComparisonFinding,
  psnr: string,
  lead: PairedDifference | null,
): string {
  const name = next?.label ?? "";
  if (lead === null)
    return `${best.label} has the highest PSNR: ${psnr}. ${name}, the next, was trained with other seeds.`;
  const by = `${formatFixed(Math.abs(lead.mean), 2)} dB`;
  if (lead.interval === null) {
    return `${best.label} has the highest PSNR: ${psnr}, ${by} above ${name}. How sure that is cannot be said: it is one seed, which has no interval, and with another seed the order may be another.`;
  }
  const interval = `95 % interval ${formatDifferenceInterval("psnr", lead)} dB over ${formatItems(lead.seeds.length, "seed")}`;
  if (isClear(lead)) return `${best.label} has the highest PSNR: ${psnr}, ${by} above ${name} (${interval}).`;
  return `${best.label} has the highest PSNR: ${psnr}. But its ${by} above ${name} may be chance (${interval}).`;
}

/** Bits are the price of quality. */
function priceOf(best: ComparisonRow, next?: ComparisonRow): string {
  const bits = best.bitsPerPixel?.mean;
  if (bits === undefined) return "";
  const others = next?.bitsPerPixel?.mean;
  const against = others === undefined ? "" : ` (${next?.label} ${formatFigure("bitsPerPixel", others)})`;
  return ` It spends ${formatFigure("bitsPerPixel", bits)} bits per pixel${against}.`;
}
