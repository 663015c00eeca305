import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, fileError } from "../../runs/file-errors.js";
import { writeFileAtomic, writeJsonFile } from "../../runs/index.js";
import { FIGURE_NAMES } from "../figures.js";
import type { Comparison, ComparisonFigures } from "./comparison.js";
import { comparisonPicture } from "./picture.js";

/** The files that a comparison leaves. */
export const COMPARISON_FILES = {
  json: "comparison.json",
  csv: "comparison.csv",
  picture: "comparison.png",
} as const;

/**
 * Writes `comparison.json`, `comparison.csv` and, where the runs kept their examples, `comparison.png`, each whole or
 * not at all.
 *
 * @param dir made when there is none
 * @returns the paths written
 * @throws VqkitError("file"); as `comparisonPicture`
 */
export async function writeComparison(dir: string, comparison: Comparison): Promise<string[]> {
  // Made first: when a run's picture is unreadable, nothing has been written.
  const picture = await comparisonPicture(comparison);
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw errnoOf(error) === undefined ? error : fileError(dir, "make the folder", error);
  }
  const path = (file: keyof typeof COMPARISON_FILES): string => join(dir, COMPARISON_FILES[file]);
  await writeJsonFile(path("json"), comparison);
  await writeFileAtomic(path("csv"), comparisonCsv(comparison));
  if (picture === undefined) return [path("json"), path("csv")];
  await writeFileAtomic(path("picture"), picture);
  return [path("json"), path("csv"), path("picture")];
}

/**
 * A comparison as CSV (RFC 4180): a line for each quantizer, then one for each baseline. Every figure has a column for
 * its mean and one for its sample standard deviation; empty where there is none. Full precision.
 */
export function comparisonCsv({ rows, baselines }: Comparison): string {
  const head = [
    "quantizer",
    "label",
    "codebookSize",
    "nominalCodebookSize",
    "seeds",
    "samples",
    "expectedUniformUsage",
    ...FIGURE_NAMES.flatMap((name) => [`${name}Mean`, `${name}Std`]),
  ];
  const blank = Array<null>(5).fill(null);
  const lines = [
    ...rows.map((row) => [
      row.quantizer,
      row.label,
      row.codebookSize,
      row.nominalCodebookSize,
      row.seeds.join(" "),
      row.samples.join(" "),
      row.expectedUniformUsage?.mean ?? null,
      ...figureCells(row),
    ]),
    ...Object.entries({ untrained: baselines.untrained, "mean colour": baselines.meanColour }).flatMap(
      ([label, figures]) => (figures === null ? [] : [[null, label, ...blank, ...figureCells(figures)]]),
    ),
  ];
  return [head, ...lines].map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

function figureCells(figures: ComparisonFigures): (number | null)[] {
  return FIGURE_NAMES.flatMap((name) => [figures[name]?.mean ?? null, figures[name]?.std ?? null]);
}

function csvCell(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
