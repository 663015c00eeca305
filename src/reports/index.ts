export { type Chart, writePlots } from "../drawing/charts/index.js";
export { type TextTableOptions, textTable } from "../drawing/index.js";
export type { CodeVectors } from "../metrics/index.js";
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
export { COMPARISON_FILES, comparisonCsv } from "./comparison/files.js";
export { type ComparisonEvidence, comparisonCharts, renderComparisonPage } from "./comparison/page.js";
export type { PairedDifference } from "./comparison/paired-difference.js";
export { comparisonPicture } from "./comparison/picture.js";
export { renderComparisonTable } from "./comparison/table.js";
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
export { type EvaluatedModel, modelsCsv, modelsNotes, renderModelsTable } from "./evaluated-models.js";
export { FIGURE_STYLES, type FigureName, formatFigure } from "./figures.js";
export { renderFiguresTable } from "./figures-table.js";
export { gradientPlot, renderGradients } from "./gradient-report.js";
export {
  type IndexGrids,
  type NeighbourStatistics,
  PlaceCounter,
  type PlaceOptions,
  type PlaceStatistics,
} from "./index-places.js";
export { lifeCharts } from "./life-charts.js";
export { type LossCard, type LossTerm, lossCard } from "./loss-card.js";
export { MOST_OVERLAID, type NamedCurves, overlaidCharts } from "./overlaid-curves.js";
export type { LabelledPhotograph } from "./photograph-section.js";
export type { CountBin } from "./records/count-histogram.js";
export { runUsage, runUsageReport } from "./records/run-usage.js";
export { readCurves, type TrainingCurves } from "./records/training-curves.js";
export type { UsageEvidence } from "./records/usage-evidence.js";
export {
  type CodebookReport,
  type RankPoint,
  type RarefactionPoint,
  type UsageReport,
  type UsageReportOptions,
  type UsageScope,
  type UsageSource,
  usageReport,
} from "./records/usage-report.js";
export { trainingCharts } from "./run-charts.js";
export { renderRunReport } from "./run-report.js";
export { codebookMap, countCharts } from "./usage-charts.js";
export { renderUsageHtml, renderUsagePage, usageCharts } from "./usage-html.js";
export { describeUsage, originLines, renderUsageText } from "./usage-text.js";
export { writeComparison, writeRunReport } from "./writing/index.js";
