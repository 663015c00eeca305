import { formatCount, formatExpectation, formatFixed, formatPercent, NO_FIGURE } from "./format.js";
import { type Html, html } from "./html.js";
import { lineChart } from "./line-chart.js";
import { htmlPage, htmlTable, paragraphs, section } from "./page.js";
import type { CodebookReport, UsageReport } from "./usage-report.js";
import { codebookTitle, describeCodebook, describeUsage, UNIFORM_NOTE } from "./usage-text.js";

/** A usage report as a page in one file that opens from disk. */
export function renderUsageHtml(report: UsageReport): string {
  const title = `Codebook usage: ${report.name}`;
  return htmlPage(title, html`<h1>${title}</h1>\n${usageBody(report)}`);
}

/** The body of a usage report, to stand on a page of its own or in a larger one. */
export function usageBody(report: UsageReport): Html {
  return html`${paragraphs(describeUsage(report))}
${scopesTable(report)}
<p class="soft">${UNIFORM_NOTE}</p>
${report.codebooks.map((codebook, i) => codebookBody(codebook, codebookTitle(report, i)))}`;
}

function scopesTable({ scopes, codebookSize }: UsageReport): Html {
  const columns = ["Indices", "Codes in use", "Usage", "Uniform source", "Perplexity"];
  return htmlTable(
    [{ title: "Counted over" }, ...columns.map((title) => ({ title, numeric: true }))],
    scopes.map(({ scope, samples, usage, expectedUniformUsage, perplexity }) => [
      scope,
      samples === null ? NO_FIGURE : formatCount(samples),
      formatCount(usage * codebookSize),
      formatPercent(usage),
      expectedUniformUsage === null ? NO_FIGURE : formatExpectation(expectedUniformUsage),
      perplexity === null ? NO_FIGURE : formatFixed(perplexity, 1),
    ]),
  );
}

function codebookBody(codebook: CodebookReport, title: string): Html {
  const { figures, mostUsed, leastUsed, rankFrequency } = codebook;
  const curve = {
    name: "count",
    points: rankFrequency.map(({ rank, count }) => [rank, count] as const),
  };
  const chart = lineChart([curve], {
    title: "How often the code of each rank was chosen",
    xTitle: "rank",
    xScale: "log",
    yScale: "log",
    formatY: (count) => formatCount(Math.round(count)),
  });
  const codes = (heading: string, list: CodebookReport["mostUsed"]): Html =>
    html`<div><h3>${heading}</h3>${htmlTable(
      [
        { title: "Index", numeric: true },
        { title: "Count", numeric: true },
        { title: "Share", numeric: true },
      ],
      list.map(({ index, count }) => [
        String(index),
        formatCount(count),
        formatPercent(count / figures.samples),
      ]),
    )}</div>`;
  const heading = title === "" ? null : html`<h3>${title}</h3>\n`;
  const lists =
    mostUsed.length === 0
      ? null
      : html`<div class="lists">${codes("Most used", mostUsed)}${codes("Least used", leastUsed)}</div>`;
  return html`${heading}<p>${describeCodebook(codebook)}</p>
<div class="columns">${chart}${lists}</div>
`;
}

/** The usage of a run as a section of its report. */
export function usageSection(report: UsageReport): Html {
  return section("Codebook usage", usageBody(report));
}
