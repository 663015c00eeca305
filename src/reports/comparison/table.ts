import { FIGURE_NAMES, FIGURE_STYLES, formatSpread } from "../figures.js";
import { formatCount, formatExpectation, formatItems } from "../format.js";
import { textTable } from "../text-table.js";
import type { Comparison, ComparisonFigures, ComparisonRow } from "./comparison.js";

/**
 * A comparison for the terminal: one line a quantizer, mean ± sample standard deviation over its seeds, then the
 * baselines, then what the figures rest on.
 */
export function renderComparisonTable(comparison: Comparison): string {
  const { untrained, meanColour } = comparison.baselines;
  const rows = [
    ...comparison.rows.map((row) => line(row.label, formatCount(row.codebookSize), row)),
    ...(untrained === null ? [] : [line("untrained", "", untrained)]),
    ...(meanColour === null ? [] : [line("mean colour", "", meanColour)]),
  ];
  const table = textTable(rows, {
    head: ["Quantizer", "Codes", ...FIGURE_NAMES.map((name) => FIGURE_STYLES[name].shortTitle)],
    alignments: ["left", ...Array<"right">(FIGURE_NAMES.length + 1).fill("right")],
  });
  return `${table}\n\n${comparisonNotes(comparison).join("\n")}\n`;
}

/** What the figures rest on, a sentence a line. */
export function comparisonNotes(comparison: Comparison): string[] {
  return [
    seedsNote(comparison),
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
  return [label, codes, ...FIGURE_NAMES.map((name) => formatSpread(name, figures[name]))];
}

function seedsNote({ rows }: Comparison): string {
  const seeds = [...new Set(rows.map((row) => row.seeds.join(", ")))];
  const [only] = seeds;
  if (seeds.length !== 1 || only === undefined) {
    const each = rows.map((row) => `${row.label} ${row.seeds.join(", ")}`);
    return `Seeds differ between quantizers: ${each.join("; ")}. Mean ± sample standard deviation where there are several.`;
  }
  const several = (rows[0]?.seeds.length ?? 0) > 1;
  return several
    ? `Mean ± sample standard deviation over seeds ${only}.`
    : `One seed (${only}): no deviation is known, so small differences may be chance.`;
}

function untrainedNotes({ rows, baselines }: Comparison): string[] {
  const models = rows.reduce((sum, row) => sum + row.seeds.length, 0);
  return baselines.untrained === null || models === 1
    ? []
    : [`Untrained: mean ± sample standard deviation over all ${models} models before their first step.`];
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
  return [`Measured on ${images}${heldOut ? "" : ", which were trained on too"}${sets}.`];
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
  const dimensions = rows.flatMap(({ label, codeDim }) => (codeDim === null ? [] : [{ label, codeDim }]));
  if (new Set(dimensions.map(({ codeDim }) => codeDim)).size < 2) return [];
  const each = dimensions.map(({ label, codeDim }) => `${label} ${codeDim}`).join(", ");
  return [`Quantization error is a sum over code dimensions (${each}): compare it at equal ones only.`];
}
