import type { RunFolder } from "../runs/index.js";
import { runName } from "./run-record.js";
import { readCurves, type TrainingCurves, trainingScopes } from "./training-curves.js";
import { type UsageReport, type UsageReportOptions, usageReport } from "./usage-report.js";

/**
 * The usage report of a run: its evaluation set, beside the last batch and the last window of its training.
 *
 * @param options.curves the run's curves where they have been read already
 * @throws VqkitError("run") when the run has not been evaluated; VqkitError("format" | "codes" | "file")
 */
export async function runUsageReport(
  run: RunFolder,
  options: Pick<UsageReportOptions, "codes"> & { readonly curves?: TrainingCurves } = {},
): Promise<UsageReport> {
  const { curves = await readCurves(run), ...rest } = options;
  const usage = await run.readUsage();
  return usageReport(usage, {
    ...rest,
    name: runName(run),
    otherScopes: trainingScopes(curves, usage.counts.codebookSize),
  });
}
