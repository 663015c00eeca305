export type { AtlasCode, CodeAtlas } from "./code-atlas.js";
export type { ComparedImages } from "./comparison/comparable.js";
export {
  type BuildComparisonOptions,
  buildComparison,
  type ComparedFigure,
  type Comparison,
  type ComparisonDifferences,
  type ComparisonFigures,
  type ComparisonRow,
} from "./comparison/comparison.js";
export type { ConfigDifference } from "./comparison/config-differences.js";
export { COMPARISON_FILES, comparisonCsv, writeComparison } from "./comparison/files.js";
export { comparisonCharts, renderComparisonPage } from "./comparison/page.js";
export type { PairedDifference } from "./comparison/paired-difference.js";
export { comparisonPicture } from "./comparison/picture.js";
export { renderComparisonTable } from "./comparison/table.js";
export type { CountBin } from "./count-histogram.js";
export {
  type DiagnosedRun,
  type Diagnosis,
  DiagnosisHistory,
  type DiagnosisRecord,
  diagnose,
  type Finding,
  LiveDiagnosis,
  readDiagnosisRecord,
  renderDiagnosis,
  type Severity,
} from "./diagnosis/index.js";
export type { FigureName } from "./figures.js";
export { renderFiguresTable } from "./figures-table.js";
export { gradientPlot, renderGradients } from "./gradient-report.js";
export {
  type IndexGrids,
  type NeighbourStatistics,
  PlaceCounter,
  type PlaceOptions,
  type PlaceStatistics,
} from "./index-places.js";
export { type LossCard, type LossTerm, lossCard } from "./loss-card.js";
export type { CodeVectors } from "./principal-axes.js";
export type { RankPoint } from "./rank-chart.js";
export { trainingCharts } from "./run-charts.js";
export { renderRunReport, writeRunReport } from "./run-report.js";
export { runUsage, runUsageReport } from "./run-usage.js";
export { readCurves, type TrainingCurves } from "./training-curves.js";
export { renderUsageHtml, renderUsagePage, type UsageEvidence, usageCharts } from "./usage-html.js";
export {
  type CodebookReport,
  type RarefactionPoint,
  type UsageReport,
  type UsageReportOptions,
  type UsageScope,
  type UsageSource,
  usageReport,
} from "./usage-report.js";
export { renderUsageText } from "./usage-text.js";
