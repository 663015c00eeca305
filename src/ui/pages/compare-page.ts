import type { Comparison, ComparisonRow } from "../../reports/comparison/comparison.js";
import { comparisonNotes } from "../../reports/comparison/table.js";
import { FIGURE_NAMES, FIGURE_STYLES, formatEstimate } from "../../reports/figures.js";
import { formatCount } from "../../reports/format.js";
import { type Html, html } from "../../reports/html.js";
import { htmlTable, paragraphs } from "../../reports/page.js";
import { layout } from "./layout.js";

/** Finished runs side by side. */
export function comparePage(comparison: Comparison): string {
  const numeric = (title: string) => ({ title, numeric: true });
  const { untrained, meanColour } = comparison.baselines;
  const row = (label: string, codes: string, figures: ComparisonRow | NonNullable<typeof untrained>) => [
    label,
    codes,
    ...FIGURE_NAMES.map((name) => formatEstimate(name, figures[name])),
  ];
  const table: Html = htmlTable(
    [
      { title: "Quantizer" },
      numeric("Codes"),
      ...FIGURE_NAMES.map((name) => numeric(FIGURE_STYLES[name].shortTitle)),
    ],
    [
      ...comparison.rows.map((each) => row(each.label, formatCount(each.codebookSize), each)),
      ...(untrained === null ? [] : [row("untrained", "", untrained)]),
      ...(meanColour === null ? [] : [row("mean colour", "", meanColour)]),
    ],
  );
  return layout({
    title: "Comparison – vqkit",
    path: [{ text: "Comparison" }],
    body: html`<h1>Comparison</h1>\n${table}\n${paragraphs(comparisonNotes(comparison))}`,
  });
}
