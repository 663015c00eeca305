import { type Chart, chartColumns, chartFigure } from "../drawing/charts/index.js";
import {
  formatCount,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  Html,
  html,
  htmlPage,
  htmlTable,
  NO_FIGURE,
  type PageParts,
  paragraphs,
  section,
} from "../drawing/index.js";
import type { CodeTimeline } from "../metrics/index.js";
import { type AtlasSheet, atlasEntries, atlasSheet } from "./code-atlas.js";
import { levelChart, vectorChart } from "./code-charts.js";
import { findingsHtml } from "./diagnosis/index.js";
import { lifeCharts } from "./life-charts.js";
import { usageScript } from "./page-script.js";
import { codedPhotographSection } from "./photograph-section.js";
import { placeCharts } from "./place-charts.js";
import { favouritePlaces } from "./place-pictures.js";
import type { UsageEvidence } from "./records/usage-evidence.js";
import type { CodebookReport, UsageReport, UsageScope } from "./records/usage-report.js";
import { scalesHtml } from "./scale-usage.js";
import { codebookMap, countCharts, mapColumns } from "./usage-charts.js";
import { usageData } from "./usage-data.js";
import {
  codebookTitle,
  describeCodebook,
  describeUsage,
  originLines,
  RAREFIED_NOTE,
  UNIFORM_NOTE,
} from "./usage-text.js";

/** A usage report as a page in one file that opens from disk: figures, curves, most and least used codes. */
export function renderUsageHtml(report: UsageReport): string {
  const { body } = usageParts(report, { evidence: {}, sheets: [], isWhole: true });
  const title = titleOf(report);
  return htmlPage(title, html`<h1>${title}</h1>\n${paragraphs(originLines(report.origin))}${body}`);
}

/** The same with all that is at hand: the map of the codebook, its geometry, places, neighbours, and what codes look like. */
export async function renderUsagePage(report: UsageReport, evidence: UsageEvidence = {}): Promise<string> {
  const { body, parts } = await usageBody(report, evidence, { isWhole: true });
  const title = titleOf(report);
  const { diagnosis, photograph } = evidence;
  const top = html`${diagnosis === undefined ? null : findingsHtml(diagnosis)}${paragraphs(originLines(report.origin))}${await codedPhotographSection(photograph)}`;
  return htmlPage(title, html`<h1>${title}</h1>\n${top}${body}`, parts);
}

/** The body of a usage report and what its page needs: the page itself, in sections, or a part of a larger one. */
async function usageBody(
  report: UsageReport,
  evidence: UsageEvidence,
  { isWhole }: { readonly isWhole: boolean },
): Promise<{ readonly body: Html; readonly parts: PageParts }> {
  const sheets = await Promise.all(
    (evidence.atlases ?? []).map((atlas, i) => atlasSheet(atlas, `sheet${i}`)),
  );
  return usageParts(report, { evidence, sheets, isWhole });
}

/** Every chart of a usage report, for files. */
export function usageCharts(report: UsageReport, evidence: UsageEvidence = {}): Chart[] {
  return report.codebooks.flatMap((codebook, i) => {
    const suffix = report.numCodebooks === 1 ? "" : `, codebook ${i}`;
    return [
      ...countCharts(codebook, suffix),
      ...(evidence.counts === undefined ? [] : codebookMap(evidence.counts, i, suffix)),
      ...geometryCharts(evidence, i, suffix),
      ...(evidence.places?.[i] === undefined ? [] : placeCharts(evidence.places[i], suffix)),
      ...(evidence.timeline === undefined ? [] : lifeCharts(evidence.timeline, i, suffix)),
    ];
  });
}

function titleOf({ name }: UsageReport): string {
  return `Codebook usage: ${name}`;
}

/** One entry a codebook; undefined where it has no pictures. */
type Sheets = readonly (AtlasSheet | undefined)[];

interface UsageSources {
  readonly evidence: UsageEvidence;
  readonly sheets: Sheets;
  /** Whether the page is about nothing else, and so has sections of its own. */
  readonly isWhole: boolean;
}

function usageParts(
  report: UsageReport,
  { evidence, sheets, isWhole }: UsageSources,
): { readonly body: Html; readonly parts: PageParts } {
  const { counts } = evidence;
  const counted = html`${paragraphs(describeUsage(report))}
${scopesTable(report)}
<p class="soft">${UNIFORM_NOTE} ${RAREFIED_NOTE}</p>
${scalesHtml(report)}
`;
  const body = html`${isWhole ? section("What was counted", counted) : counted}
${report.codebooks.map((codebook, number) => {
  const title = codebookTitle(report, number);
  const parts = codebookParts(codebook, { report, evidence, sheet: sheets[number], number });
  // Of several codebooks each is a section; a single one has them for its parts.
  if (isWhole && title === "") return parts.map((part) => section(part.title, part.content));
  const inner = parts.map(({ title: head, content }) => html`<h3>${head}</h3>\n${content}\n`);
  if (title === "") return inner;
  return isWhole ? section(title, html`${inner}`) : html`<h3>${title}</h3>\n${inner}`;
})}`;
  if (counts === undefined) return { body, parts: {} };
  return {
    body,
    parts: {
      script: usageScript,
      data: usageData(report, { counts, timeline: evidence.timeline, sheets }),
      style: new Html(sheets.map((sheet) => sheet?.style.text ?? "").join("")),
    },
  };
}

function scopesTable({ scopes, codebookSize, numCodebooks, geometry }: UsageReport): Html {
  const columns = [
    "Indices",
    "Codes in use",
    "Usage",
    "Uniform source",
    "Whole set, as many",
    "Perplexity",
    "Bits an index",
    ...(geometry === null ? [] : ["Bits per pixel"]),
  ];
  // A mean of perplexities is not that of entropies: with several codebooks only the report's own is known.
  const bits = ({ perplexity }: UsageScope): number | null =>
    perplexity === null || numCodebooks > 1 ? null : Math.log2(perplexity);
  const perPixel =
    geometry === null
      ? null
      : (geometry.gridHeight * geometry.gridWidth) / (geometry.imageHeight * geometry.imageWidth);
  const fixed = (value: number | null, digits: number): string =>
    value === null ? NO_FIGURE : formatFixed(value, digits);
  return htmlTable(
    [{ title: "Counted over" }, ...columns.map((title) => ({ title, numeric: true }))],
    scopes.map((scope) => {
      const { samples, usage, expectedUniformUsage, rarefiedUsage = null, perplexity } = scope;
      const entropy = bits(scope);
      return [
        scope.scope,
        samples === null ? NO_FIGURE : formatCount(samples),
        formatCount(usage * codebookSize),
        formatPercent(usage),
        expectedUniformUsage === null ? NO_FIGURE : formatExpectation(expectedUniformUsage),
        rarefiedUsage === null ? NO_FIGURE : formatPercent(rarefiedUsage),
        fixed(perplexity, 1),
        fixed(entropy, 2),
        ...(perPixel === null ? [] : [fixed(entropy === null ? null : entropy * perPixel, 4)]),
      ];
    }),
  );
}

interface CodebookPlace {
  readonly report: UsageReport;
  readonly evidence: UsageEvidence;
  readonly sheet: AtlasSheet | undefined;
  readonly number: number;
}

interface UsagePart {
  readonly title: string;
  readonly content: Html;
}

function codebookParts(
  codebook: CodebookReport,
  { report, evidence, sheet, number }: CodebookPlace,
): UsagePart[] {
  const { counts, timeline } = evidence;
  const places = evidence.places?.[number];
  const maps = counts === undefined ? [] : codebookMap(counts, number, "");
  const geometry = geometryCharts(evidence, number, "");
  const parts: (UsagePart | undefined | false)[] = [
    {
      title: "How often codes were chosen",
      content: html`<p>${describeCodebook(codebook)}</p>
${chartColumns(countCharts(codebook, ""))}`,
    },
    (counts !== undefined || codebook.mostUsed.length > 0) && {
      title: "The codebook",
      content: html`${counts === undefined ? null : search(number, report, sheet)}
${maps.length + geometry.length === 0 ? null : html`<div class="columns">${maps.map((chart) => mapFigure(chart, number, report.codebookSize))}${geometry.map(chartFigure)}</div>`}
${codeLists(codebook)}`,
    },
    timeline && { title: "Over training", content: lifeFigures(timeline, number) },
    places && {
      title: "Where codes stand",
      content: html`${chartColumns(placeCharts(places, ""))}${favouritePlaces(places)}`,
    },
    sheet && {
      title: "What codes look like",
      content: atlasBody(codebook, { sheet, isOnly: report.numCodebooks === 1 }),
    },
  ];
  return parts.filter((part) => typeof part === "object");
}

/** How the codes of one codebook came into use and fell out of it. */
export function lifeFigures(timeline: CodeTimeline, codebook: number): Html {
  return chartColumns(lifeCharts(timeline, codebook, ""));
}

function geometryCharts(
  { counts, levels, vectors }: UsageEvidence,
  codebook: number,
  suffix: string,
): Chart[] {
  if (counts === undefined) return [];
  if (levels !== undefined) return [levelChart(levels, counts, { codebook, suffix })];
  const own = vectors?.[codebook];
  return own === undefined ? [] : [vectorChart(own, counts, { codebook, suffix })];
}

function mapFigure(chart: Chart, codebook: number, codebookSize: number): Html {
  const columns = mapColumns(codebookSize);
  return html`<div data-map="${codebook}" data-columns="${columns}" data-rows="${Math.ceil(codebookSize / columns)}">${chartFigure(chart)}<p class="readout soft"></p></div>`;
}

/** Hidden until the page's script shows it: without the script there is nothing to search with. */
function search(codebook: number, { codebookSize }: UsageReport, sheet: AtlasSheet | undefined): Html {
  return html`<form class="search" data-codebook="${codebook}" hidden><label>Find a code <input type="number" name="code" min="0" max="${codebookSize - 1}" step="1" placeholder="0 to ${codebookSize - 1}"></label><button>Show</button>
<span id="found-${codebook}" class="readout" role="status"></span>${sheet === undefined ? null : html`<span id="pictures-${codebook}" class="sprites"></span>`}</form>`;
}

function codeLists({ figures, mostUsed, leastUsed }: CodebookReport): Html {
  if (mostUsed.length === 0) return html``;
  const list = (heading: string, codes: CodebookReport["mostUsed"]): Html =>
    html`<div><h3>${heading}</h3>${htmlTable(
      [
        { title: "Index", numeric: true },
        { title: "Count", numeric: true },
        { title: "Share", numeric: true },
      ],
      codes.map(({ index, count }) => [
        String(index),
        formatCount(count),
        formatPercent(count / figures.samples),
      ]),
    )}</div>`;
  return html`<div class="lists">${list("Most used", mostUsed)}${list("Least used", leastUsed)}</div>`;
}

function atlasBody(
  { figures, mostUsed, leastUsed }: CodebookReport,
  { sheet, isOnly }: { readonly sheet: AtlasSheet; readonly isOnly: boolean },
): Html {
  const { samples } = figures;
  const others = isOnly ? "" : "; the other codebooks have the code that they used most";
  return html`<p class="soft">Framed: what the model makes of the code alone, the middle of a grid filled with it${others}. Then places in ${formatItems(sheet.images, "image")} that have this code, with their surroundings: the code stands for the middle of each. ${formatItems(sheet.entries.length, "code")} can be found by the search above.</p>
<h3>Most used</h3>${atlasEntries(sheet, mostUsed, samples)}
<h3>Least used</h3>${atlasEntries(sheet, leastUsed, samples)}`;
}

/** The usage of a run as a section of its report. */
export async function usageSection(
  report: UsageReport,
  evidence: UsageEvidence = {},
): Promise<{ readonly content: Html; readonly parts: PageParts }> {
  const { body, parts } = await usageBody(report, evidence, { isWhole: false });
  return { content: section("Codebook usage", body), parts };
}
