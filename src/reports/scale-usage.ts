import {
  formatCount,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  type Html,
  html,
  htmlTable,
  NO_FIGURE,
  textTable,
} from "../drawing/index.js";
import type { ScaleFigures } from "../metrics/index.js";
import type { UsageReport } from "./records/usage-report.js";

/** What stands above the table of scales. */
export const SCALES_NOTE =
  "Codes of an image are a sequence of square grids that share one codebook; each scale by itself:";

const COLUMNS = [
  "Indices",
  "Codes in use",
  "Usage",
  "Uniform source",
  "Perplexity",
  "Bits an index",
] as const;

function cellsOf({
  side,
  samples,
  used,
  usage,
  expectedUniformUsage,
  perplexity,
  entropyBits,
}: ScaleFigures): string[] {
  const fixed = (value: number | null, digits: number) =>
    value === null ? NO_FIGURE : formatFixed(value, digits);
  return [
    `${side}×${side}`,
    formatCount(samples),
    formatCount(used),
    formatPercent(usage),
    formatExpectation(expectedUniformUsage),
    fixed(perplexity, 1),
    fixed(entropyBits, 2),
  ];
}

/** Usage of each scale as a table of text; none where codes are no sequence. */
export function scalesText({ scales }: UsageReport): string[] {
  if (scales === undefined) return [];
  const table = textTable(scales.map(cellsOf), {
    head: ["Scale", ...COLUMNS],
    alignments: ["left", ...COLUMNS.map(() => "right" as const)],
  });
  return [`${SCALES_NOTE}\n${table}`];
}

/** The same for a page. */
export function scalesHtml({ scales }: UsageReport): Html | null {
  if (scales === undefined) return null;
  const columns = [{ title: "Scale" }, ...COLUMNS.map((title) => ({ title, numeric: true }))];
  return html`<h3>${formatItems(scales.length, "scale")}</h3><p class="soft">${SCALES_NOTE}</p>
${htmlTable(columns, scales.map(cellsOf))}`;
}
