/** Comparisons and reports as data and as files. What draws them is loaded when the first file is written. */
import type { RunFolder } from "../../runs/index.js";
import type { Comparison } from "../comparison/comparison.js";
import type { ComparisonEvidence } from "../comparison/page.js";
import type { UsageEvidence } from "../records/index.js";

export {
  type BuildComparisonOptions,
  buildComparison,
  type Comparison,
} from "../comparison/comparison.js";
export { type UsageReport, usageReport } from "../records/index.js";

/**
 * Writes `comparison.json`, `comparison.csv`, the page `comparison.html` and, where the runs kept their examples,
 * `comparison.png`, each whole or not at all, in place of those of the same names.
 *
 * @param dir made when there is none
 * @param evidence what only the models can show, for the page
 * @returns the paths written
 * @throws VqkitError("locked") when another process writes there; VqkitError("file"); as `comparisonPicture` and `renderComparisonPage`
 */
export async function writeComparison(
  dir: string,
  comparison: Comparison,
  evidence: ComparisonEvidence = {},
): Promise<string[]> {
  const { writeComparisonFiles } = await import("../comparison/files.js");
  return writeComparisonFiles(dir, comparison, evidence);
}

/**
 * Writes `report.html` into the run's folder and returns its path.
 *
 * @param evidence what only the model can show
 * @throws as `renderRunReport`
 */
export async function writeRunReport(run: RunFolder, evidence: UsageEvidence = {}): Promise<string> {
  const { renderRunReport } = await import("../run-report.js");
  await run.writeFile("report", await renderRunReport(run, evidence));
  return run.path("report");
}
