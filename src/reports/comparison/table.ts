import { formatCount, formatExpectation, formatItems, textTable } from "../../drawing/index.js";
import { FIGURE_STYLES, formatCodes, formatDifference, formatEstimate, SHOWN_FIGURES } from "../figures.js";
import type { Comparison, ComparisonFigures, ComparisonRow } from "./comparison.js";

/**
 * A comparison for the terminal: one line a configuration, mean ± half of the 95 % interval over its seeds, then the
 * baselines; the differences from the chosen baseline, where there is something to take differences of; then what the
 * figures rest on.
 */
export function renderComparisonTable(comparison: Comparison): string {
  const { untrained, meanColour } = comparison.baselines;
  const table = figureTable("Quantizer", [
    ...comparison.rows.map((row) => line(row.label, formatCodes(row), row)),
    ...(untrained === null ? [] : [line("untrained", "", untrained)]),
    ...(meanColour === null ? [] : [line("mean colour", "", meanColour)]),
  ]);
  const parts = [table, ...differenceTable(comparison), comparisonNotes(comparison).join("\n")];
  return `${parts.join("\n\n")}\n`;
}

function differenceTable({ rows, baseline }: Comparison): string[] {
  const lines = rows.flatMap(({ fromBaseline, ...row }) =>
    fromBaseline === null
      ? []
      : [
          [
            row.label,
            formatCodes(row),
            ...SHOWN_FIGURES.map((name) => formatDifference(name, fromBaseline[name])),
          ],
        ],
  );
  return lines.length === 0 ? [] : [figureTable(`Less ${baseline}`, lines)];
}

function figureTable(first: string, rows: readonly (readonly string[])[]): string {
  return textTable(rows, {
    head: [first, "Codes", ...SHOWN_FIGURES.map((name) => FIGURE_STYLES[name].shortTitle)],
    alignments: ["left", ...Array<"right">(SHOWN_FIGURES.length + 1).fill("right")],
  });
}

/** What the figures rest on, a sentence a line. */
export function comparisonNotes(comparison: Comparison): string[] {
  return [
    seedsNote(comparison),
    ...differenceNotes(comparison),
    ...untrainedNotes(comparison),
    ...imagesNotes(comparison),
    ...uniformNotes(comparison.rows),
    ...sizeNotes(comparison.rows),
    ...dimensionNotes(comparison.rows),
    ...comparison.differences.map(
      ({ path, values }) =>
        `The runs differ in more than the quantizer: ${path} is ${values.map((value) => JSON.stringify(value)).join(" or ")}.`,
    ),
  ];
}

function line(label: string, codes: string, figures: ComparisonFigures): string[] {
  return [label, codes, ...SHOWN_FIGURES.map((name) => formatEstimate(name, figures[name]))];
}

const INTERVAL = "mean ± half of the 95 % interval over seeds (Student's t)";

function seedsNote({ rows }: Comparison): string {
  const seeds = [...new Set(rows.map((row) => row.seeds.join(", ")))];
  const [only] = seeds;
  if (seeds.length !== 1 || only === undefined) {
    const each = rows.map((row) => `${row.label} ${row.seeds.join(", ")}`);
    return `Seeds differ between rows: ${each.join("; ")}. Where there are several: ${INTERVAL}; one seed has no interval.`;
  }
  const several = (rows[0]?.seeds.length ?? 0) > 1;
  return several
    ? `Seeds ${only}: ${INTERVAL}.`
    : `One seed (${only}), so no interval: small differences may be chance.`;
}

/** What differences are, and that one of many intervals is wrong by chance. */
export function differenceNotes({ rows, baseline }: Comparison): string[] {
  const others = rows.filter(({ fromBaseline }) => fromBaseline !== null);
  if (others.length === 0) return [];
  const pairs = others.map(({ fromBaseline }) => fromBaseline?.psnr?.seeds.length ?? 0);
  const lone = `Differences from ${baseline} are of the same seed.`;
  if (Math.max(...pairs) < 2) return [lone];
  return [
    `Differences from ${baseline} are taken seed by seed: mean ± half of the 95 % interval of the pairs. Intervals are not widened for their number: one in twenty misses.`,
  ];
}

function untrainedNotes({ rows, baselines }: Comparison): string[] {
  const models = rows.reduce((sum, row) => sum + row.seeds.length, 0);
  return baselines.untrained === null || models === 1
    ? []
    : [`Untrained: mean of all ${models} models before their first step.`];
}

function imagesNotes({ heldOut, evaluations }: Comparison): string[] {
  const counts = [...new Set(evaluations.map(({ images }) => images))];
  const digests = new Set(evaluations.map(({ imagesDigest }) => imagesDigest));
  const [count] = counts;
  const images =
    counts.length === 1 && count !== undefined
      ? formatItems(count, heldOut ? "held-out image" : "image")
      : `${counts.map(formatCount).join(" or ")} ${heldOut ? "held-out images" : "images"}`;
  const sets = digests.size > 1 ? ", other ones for other seeds" : "";
  return [
    `Measured on ${images}${heldOut ? "" : ", which were trained on too"}${sets}. Usage is that of their codes.`,
  ];
}

/** Quantizers that share an expectation share a sentence. */
function uniformNotes(rows: readonly ComparisonRow[]): string[] {
  const sentences = new Map<string, string[]>();
  for (const { label, samples, expectedUniformUsage } of rows) {
    const [count] = samples;
    if (expectedUniformUsage === null || typeof count !== "number") continue;
    const found = `${formatExpectation(expectedUniformUsage.mean)} in ${formatCount(count)} indices`;
    sentences.set(found, [...(sentences.get(found) ?? []), label]);
  }
  const each = [...sentences].map(([found, labels]) =>
    sentences.size === 1 ? found : `${found} (${labels.join(", ")})`,
  );
  return each.length === 0 ? [] : [`Usage of a uniform source: ${each.join("; ")}.`];
}

function sizeNotes(rows: readonly ComparisonRow[]): string[] {
  return rows.flatMap(({ label, codebookSize, nominalCodebookSize }) =>
    nominalCodebookSize === null || nominalCodebookSize === codebookSize
      ? []
      : `${label} has ${formatCount(codebookSize)} codes where ${formatCount(nominalCodebookSize)} were asked for.`,
  );
}

/** ‖z − q‖² grows with the number of its terms. */
function dimensionNotes(rows: readonly ComparisonRow[]): string[] {
  const labels = new Map<number, string[]>();
  for (const { label, codeDim } of rows) {
    if (codeDim !== null) labels.set(codeDim, [...(labels.get(codeDim) ?? []), label]);
  }
  if (labels.size < 2) return [];
  const each = [...labels].map(([codeDim, names]) => `${names.join(", ")}: ${codeDim}`).join("; ");
  return [`Quantization error is a sum over code dimensions (${each}): compare it at equal ones only.`];
}
