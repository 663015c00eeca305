import { VqkitError } from "../../core/errors.js";
import { evaluationImages } from "../../core/usage-words.js";
import { quantizerFacts } from "../../quantizers/family/index.js";
import { originOf, type RunFolder, readCodeTimeline } from "../../runs/index.js";
import { readRunRecord, runName } from "./run-record.js";
import { readCurves, type TrainingCurves, trainingScopes } from "./training-curves.js";
import type { UsageEvidence } from "./usage-evidence.js";
import { type UsageReport, type UsageReportOptions, usageReport } from "./usage-report.js";

type RunUsageOptions = Pick<UsageReportOptions, "codes"> & { readonly curves?: TrainingCurves };

/**
 * The usage report of a run: its evaluation set, beside the last batch and the last window of its training.
 *
 * @param options.curves the run's curves where they have been read already
 * @throws VqkitError("run") when the run has not been evaluated; VqkitError("format" | "codes" | "file")
 */
export async function runUsageReport(run: RunFolder, options: RunUsageOptions = {}): Promise<UsageReport> {
  return (await runUsage(run, options)).report;
}

/** The same, and what its page can show from the run folder alone. @throws as `runUsageReport` */
export async function runUsage(
  run: RunFolder,
  options: RunUsageOptions = {},
): Promise<{ readonly report: UsageReport; readonly evidence: UsageEvidence }> {
  const { curves = await readCurves(run), ...rest } = options;
  const usage = await run.readUsage();
  const config = await run.readConfig();
  const report = usageReport(usage, {
    ...rest,
    name: runName(run),
    scope: evaluationImages(await heldOut(run)),
    origin: originOf(config),
    otherScopes: trainingScopes(curves, usage.counts.codebookSize),
  });
  const levels = quantizerFacts(config.quantizer)?.levels;
  const timeline = await readCodeTimeline(run);
  const evidence = {
    counts: usage.counts,
    ...(levels === undefined ? {} : { levels }),
    ...(timeline === null ? {} : { timeline }),
  };
  return { report, evidence };
}

/** Whether the images that were counted were kept out of training; undefined where the run does not say it yet. */
async function heldOut(run: RunFolder): Promise<boolean | undefined> {
  try {
    return (await readRunRecord(run)).figures.heldOut;
  } catch (error) {
    if (error instanceof VqkitError && error.code === "run") return undefined;
    throw error;
  }
}
