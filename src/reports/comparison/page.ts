import { type Chart, chartColumns } from "../../drawing/charts/index.js";
import {
  formatItems,
  type Html,
  html,
  htmlPage,
  htmlTable,
  paragraphs,
  section,
} from "../../drawing/index.js";
import { type LabelledPhotograph, photographSection } from "../photograph-section.js";
import type { Comparison } from "./comparison.js";
import { configSection, flatConfig } from "./config-section.js";
import { type RowEvidence, readEvidence } from "./evidence.js";
import { type PicturedExamples, pictureExamples } from "./example-pictures.js";
import { readExamples } from "./examples.js";
import { examplesSection } from "./examples-section.js";
import { figureCharts } from "./figure-charts.js";
import { differencesTable, figuresTable, usageTable } from "./figure-tables.js";
import { describeFinding } from "./finding.js";
import { heldOutCharts } from "./held-out-curves.js";
import { overlayCharts } from "./overlay-charts.js";
import { comparisonScript } from "./page-script.js";
import { comparisonStyle } from "./page-style.js";
import { rateCharts } from "./rate-chart.js";
import { sweepCharts } from "./sweep-charts.js";
import { comparisonNotes, differenceNotes } from "./table.js";
import { usageCharts } from "./usage-charts.js";

/** What only the models can show. */
export interface ComparisonEvidence {
  /** The same photograph by each row. */
  readonly photographs?: readonly LabelledPhotograph[];
}

/**
 * A comparison as a page in one file: figures with their intervals, differences from the baseline, what a sweep shows,
 * curves over each other, usage side by side, reconstructions with their errors, and what differs between the rows'
 * configurations. It reads the run folders that the comparison names.
 *
 * @throws VqkitError("run") when runs of one seed show different originals, or a run has vanished;
 * VqkitError("format" | "codes" | "file") for a file of a run that cannot be read
 */
export async function renderComparisonPage(
  comparison: Comparison,
  { photographs = [] }: ComparisonEvidence = {},
): Promise<string> {
  const evidence = await readEvidence(comparison);
  const examples = await readExamples(comparison);
  const pictured = examples && (await pictureExamples(examples));
  const heldOut = await heldOutCharts(comparison);
  const title = titleOf(comparison);
  return htmlPage(
    title,
    html`<h1>${title}</h1>
<p class="lead">${describeFinding(comparison)}</p>
${await photographSection(photographs)}
${pictured === undefined ? section("Reconstructions", paragraphs([NO_EXAMPLES])) : examplesSection(pictured, comparison)}
${chartSection("Quality and its price", [...rateCharts(comparison), ...heldOut], "")}
${section("Figures", html`${figuresTable(comparison)}<p class="soft">${ARROWS_NOTE}</p>${chartColumns(figureCharts(comparison))}`)}
${section("What the figures rest on", paragraphs(headNotes(comparison)))}
${differences(comparison)}
${chartSection("Against what was swept", sweepCharts(comparison), "Every dot a seed; the line joins the means, and pale bars are 95 % intervals over seeds.")}
${chartSection("Training", overlayCharts(evidence, comparison), CURVES_NOTE)}
${section("Codebook usage", html`${usageTable(comparison)}${chartColumns(usageCharts(evidence))}`)}
${configSection(evidence)}
${metricCard(comparison)}`,
    {
      style: comparisonStyle,
      script: comparisonScript,
      data: pageData(comparison, { evidence, pictured }),
    },
  );
}

/**
 * The charts of a comparison, for `writePlots`.
 *
 * @throws as `renderComparisonPage`
 */
export async function comparisonCharts(comparison: Comparison): Promise<Chart[]> {
  const evidence = await readEvidence(comparison);
  return [
    ...rateCharts(comparison),
    ...(await heldOutCharts(comparison)),
    ...figureCharts(comparison),
    ...sweepCharts(comparison),
    ...overlayCharts(evidence, comparison),
    ...usageCharts(evidence),
  ];
}

const CURVES_NOTE =
  "Full: the mean over seeds, of noisy figures the mean of 15 neighbouring points (the geometric mean on logarithmic axes). Pale: each seed, and of a single seed what was recorded, thinned evenly where there is much of it.";

const ARROWS_NOTE =
  "Bold: the best of its column, but for bits, which are the price. Arrows: which way is better where all else is equal; usage and bits per pixel are also what quality costs. Speed stands in each run's own page: runs that did not take turns on a quiet machine cannot be compared by it.";

const NO_EXAMPLES =
  "There are none to compare: a run kept no examples, or the rows have no seed in common and show different images.";

function titleOf({ rows, sweep }: Comparison): string {
  const kinds = [...new Set(rows.map(({ quantizer }) => quantizer))].join(", ");
  return `Comparison of ${kinds}${sweep.length === 0 ? "" : ` over ${sweep.join(" and ")}`}`;
}

/** The notes of the table, but for those that stand beside the differences here. */
function headNotes(comparison: Comparison): string[] {
  const beside = differencesTable(comparison) === undefined ? [] : differenceNotes(comparison);
  return comparisonNotes(comparison).filter((note) => !beside.includes(note));
}

function chartSection(title: string, charts: readonly Chart[], note: string): Html | null {
  return charts.length === 0
    ? null
    : section(
        title,
        html`${note === "" ? null : html`<p class="soft">${note}</p>\n`}${chartColumns(charts)}`,
      );
}

function differences(comparison: Comparison): Html | null {
  const table = differencesTable(comparison);
  if (table === undefined) return null;
  const hasIntervals = comparison.rows.some(({ fromBaseline }) => fromBaseline?.psnr?.interval);
  const notes = [
    ...differenceNotes(comparison),
    `${hasIntervals ? "In bold where 0 lies outside of the interval. " : ""}A sign says nothing of better or worse: usage and bits per pixel are what quality costs.`,
  ];
  return section("Differences from the baseline", html`${paragraphs(notes)}${table}`);
}

function metricCard({ conventions: card, evaluations }: Comparison): Html {
  const digest = (text: string | null): string => (text === null ? "not recorded" : `${text.slice(0, 16)}…`);
  return section(
    "Metric card",
    html`<p class="soft">How every figure here was measured; runs that measured otherwise are refused.</p>
${htmlTable(
  [{ title: "Of" }, { title: "How" }],
  Object.entries(card).map(([name, value]) => [name, String(value)]),
)}
${htmlTable(
  [{ title: "Seed" }, { title: "Images" }, { title: "Digest of their pixels" }],
  evaluations.map(({ seed, images, imagesDigest }) => [
    String(seed),
    formatItems(images, "image"),
    digest(imagesDigest),
  ]),
)}`,
  );
}

/** What the page's program reads, and whoever else wants the figures. */
function pageData(
  comparison: Comparison,
  {
    evidence,
    pictured,
  }: { readonly evidence: readonly RowEvidence[]; readonly pictured: PicturedExamples | undefined },
) {
  return {
    comparison,
    configs: evidence.map(({ config }) => flatConfig(config)),
    examples:
      pictured === undefined
        ? null
        : {
            columns: pictured.columns,
            width: pictured.width,
            height: pictured.height,
            brightest: pictured.brightest,
            rows: pictured.rows.map(({ label, seed, psnr }) => ({ label, seed, psnr })),
          },
  };
}
