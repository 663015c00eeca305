/** What the files of a run say, in numbers. Loads nothing that draws. */
export { type RunFigures, type RunRecord, readRunRecord, runName } from "./run-record.js";
export { runUsage, runUsageReport } from "./run-usage.js";
export { CurveCollector, readCurves, type TrainingCurves } from "./training-curves.js";
export type { UsageEvidence } from "./usage-evidence.js";
export {
  type CodebookReport,
  type RankPoint,
  type RarefactionPoint,
  type UsageReport,
  type UsageReportOptions,
  type UsageScope,
  type UsageSource,
  usageReport,
} from "./usage-report.js";
