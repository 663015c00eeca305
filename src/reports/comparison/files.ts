import { join } from "node:path";
import { csv } from "../../drawing/charts/index.js";
import { type JsonValue, OutputFolder, writeJsonFile } from "../../files/index.js";
import { FIGURE_NAMES } from "../figures.js";
import type { Comparison, ComparisonDifferences, ComparisonFigures } from "./comparison.js";
import { type ComparisonEvidence, renderComparisonPage } from "./page.js";
import { comparisonPicture } from "./picture.js";

/** The files that a comparison leaves. */
export const COMPARISON_FILES = {
  json: "comparison.json",
  csv: "comparison.csv",
  picture: "comparison.png",
  page: "comparison.html",
} as const;

/** What `writeComparison` does. */
export async function writeComparisonFiles(
  dir: string,
  comparison: Comparison,
  evidence: ComparisonEvidence,
): Promise<string[]> {
  // Made first: when a file of a run is unreadable, nothing has been written.
  const picture = await comparisonPicture(comparison);
  const page = await renderComparisonPage(comparison, evidence);
  const { json, csv, picture: png, page: html } = COMPARISON_FILES;
  await OutputFolder.fill(dir, { overwrite: true }, async (folder) => {
    await writeJsonFile(join(folder.staging, json), comparison);
    await folder.write(csv, comparisonCsv(comparison));
    if (picture !== undefined) await folder.write(png, picture);
    await folder.write(html, page);
  });
  return [json, csv, ...(picture === undefined ? [] : [png]), html].map((file) => join(dir, file));
}

/**
 * A comparison as CSV (RFC 4180): a line for each row, then one for each baseline. Every figure has columns for its mean,
 * its sample standard deviation and the ends of its 95 % interval, and for the mean paired difference from the
 * comparison's baseline with its interval; empty where there is none. Full precision.
 */
export function comparisonCsv({ rows, baselines, sweep }: Comparison): string {
  const columns = [
    "quantizer",
    "label",
    ...sweep,
    "codebookSize",
    "nominalCodebookSize",
    "seeds",
    "samples",
    "expectedUniformUsage",
    ...FIGURE_NAMES.flatMap((name) => FIGURE_COLUMNS.map((column) => name + column)),
  ];
  const blank = Array<null>(5 + sweep.length).fill(null);
  const lines = [
    ...rows.map((row) => [
      row.quantizer,
      row.label,
      ...sweep.map((field) => cellOf(row.swept[field] ?? null)),
      row.codebookSize,
      row.nominalCodebookSize,
      row.seeds.join(" "),
      row.samples.join(" "),
      row.expectedUniformUsage?.mean ?? null,
      ...figureCells(row, row.fromBaseline),
    ]),
    ...Object.entries({ untrained: baselines.untrained, "mean colour": baselines.meanColour }).flatMap(
      ([label, figures]) =>
        figures === null ? [] : [[null, label, ...blank, ...figureCells(figures, null)]],
    ),
  ];
  return csv({ columns, rows: lines });
}

const FIGURE_COLUMNS = ["Mean", "Std", "Low", "High", "Difference", "DifferenceLow", "DifferenceHigh"];

function figureCells(
  figures: ComparisonFigures,
  differences: ComparisonDifferences | null,
): (number | null)[] {
  return FIGURE_NAMES.flatMap((name) => {
    const [figure, difference] = [figures[name], differences?.[name]];
    const own = [figure?.mean, figure?.std, figure?.interval?.low, figure?.interval?.high];
    const paired = [difference?.mean, difference?.interval?.low, difference?.interval?.high];
    return [...own, ...paired].map((value) => value ?? null);
  });
}

function cellOf(value: JsonValue): string | number | null {
  return typeof value === "string" || typeof value === "number" || value === null
    ? value
    : JSON.stringify(value);
}
