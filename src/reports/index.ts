export {
  buildComparison,
  type ComparedImages,
  type Comparison,
  type ComparisonFigures,
  type ComparisonRow,
} from "./comparison.js";
export { COMPARISON_FILES, comparisonCsv, writeComparison } from "./comparison-files.js";
export { comparisonPicture } from "./comparison-picture.js";
export { renderComparisonTable } from "./comparison-table.js";
export type { ConfigDifference } from "./config-differences.js";
export type { FigureName } from "./figures.js";
export { renderFiguresTable } from "./figures-table.js";
export type { RankPoint } from "./rank-chart.js";
export { renderRunReport, writeRunReport } from "./run-report.js";
export { runUsageReport } from "./run-usage.js";
export { type TextTableOptions, textTable } from "./text-table.js";
export { renderUsageHtml } from "./usage-html.js";
export {
  type CodebookReport,
  type UsageReport,
  type UsageReportOptions,
  type UsageScope,
  type UsageSource,
  usageReport,
} from "./usage-report.js";
export { renderUsageText } from "./usage-text.js";
