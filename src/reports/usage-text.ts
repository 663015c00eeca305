import {
  formatCount,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  NO_FIGURE,
  textTable,
} from "../drawing/index.js";
import { type Origin, originText } from "../runs/index.js";
import { rankChart } from "./rank-chart.js";
import type { CodebookReport, UsageReport } from "./records/usage-report.js";
import { scalesText } from "./scale-usage.js";

/** A usage report for the terminal, without colours; lines end without spaces. */
export function renderUsageText(report: UsageReport): string {
  const parts = [
    `Codebook usage: ${report.name}`,
    [...originLines(report.origin), ...describeUsage(report)].join("\n"),
    scopesTable(report),
    UNIFORM_NOTE,
    ...scalesText(report),
    ...report.codebooks.map((codebook, i) => codebookText(codebook, codebookTitle(report, i))),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** What a model goes back to, as a sentence; none where it goes back to nothing. */
export function originLines(origin: Origin | undefined): string[] {
  if (origin === undefined) return [];
  const text = originText(origin);
  return [`${text.charAt(0).toUpperCase()}${text.slice(1)}.`];
}

/** Why the expectation stands beside every usage. */
export const UNIFORM_NOTE =
  "Uniform source: the usage that as many draws would show on average if every code were equally likely.";

/** What stands beside the usage of smaller sets, on pages. */
export const RAREFIED_NOTE =
  "Whole set, as many: the usage that as many indices, drawn at random from the last line's set, show on average.";

/** What was counted, in one or two sentences. */
export function describeUsage(report: UsageReport): string[] {
  const { codebookSize, numCodebooks, images, geometry, entropyBits } = report;
  const codebooks = `${formatItems(numCodebooks, "codebook")} of ${formatItems(codebookSize, "code")}`;
  const size =
    geometry === null
      ? ""
      : ` of ${geometry.imageHeight}×${geometry.imageWidth} pixels, a grid of ${geometry.gridHeight}×${geometry.gridWidth} each`;
  const lines = [`${codebooks}; ${formatItems(images, "image")}${size}.`];
  if (entropyBits !== null) {
    const bits =
      report.bitsPerPixel === null ? "" : `, ${formatFixed(report.bitsPerPixel, 4)} bits per pixel`;
    const most = `of ${formatFixed(Math.log2(codebookSize), 2)} possible`;
    lines.push(`Entropy ${formatFixed(entropyBits, 2)} bits an index ${most}${bits}.`);
  }
  return lines;
}

/** "" for a single codebook, which needs no number. */
export function codebookTitle({ numCodebooks }: UsageReport, codebook: number): string {
  return numCodebooks === 1 ? "" : `Codebook ${codebook}`;
}

/** `123 of 1,024 codes in use, 901 never chosen.` */
export function describeCodebook({ figures }: CodebookReport): string {
  const { used, unused, codebookSize } = figures;
  const each =
    used === 0 ? "" : ` A uniform source: about ${aboutCount(figures.samples / codebookSize)} each.`;
  return `${formatCount(used)} of ${formatItems(codebookSize, "code")} in use, ${formatCount(unused)} never chosen.${each}`;
}

function aboutCount(count: number): string {
  return count < 10 ? count.toPrecision(2) : formatCount(Math.round(count));
}

function scopesTable({ scopes, codebookSize }: UsageReport): string {
  const rows = scopes.map(({ scope, samples, usage, expectedUniformUsage, perplexity }) => [
    scope,
    samples === null ? NO_FIGURE : formatCount(samples),
    formatCount(usage * codebookSize),
    formatPercent(usage),
    expectedUniformUsage === null ? NO_FIGURE : formatExpectation(expectedUniformUsage),
    perplexity === null ? NO_FIGURE : formatFixed(perplexity, 1),
  ]);
  return textTable(rows, {
    head: ["Counted over", "Indices", "Codes in use", "Usage", "Uniform source", "Perplexity"],
    alignments: ["left", "right", "right", "right", "right", "right"],
  });
}

function codebookText(codebook: CodebookReport, title: string): string {
  const { rankFrequency } = codebook;
  const head = title === "" ? [] : [title];
  const summary = describeCodebook(codebook);
  if (rankFrequency.length === 0) return [...head, summary].join("\n");
  return [
    [...head, summary].join("\n"),
    codesTable(codebook),
    `How often the code of each rank was chosen (both axes logarithmic)\n${rankChart(rankFrequency)}`,
  ].join("\n\n");
}

function codesTable({ figures, mostUsed, leastUsed }: CodebookReport): string {
  const share = (count: number): string => formatPercent(count / figures.samples);
  const rows = mostUsed.map((most, i) => {
    const least = leastUsed[i] ?? most; // both lists are equally long
    return [most, least].flatMap(({ index, count }) => [String(index), formatCount(count), share(count)]);
  });
  return textTable(rows, {
    head: ["Most used", "Count", "Share", "   Least used", "Count", "Share"],
    alignments: ["right", "right", "right", "right", "right", "right"],
  });
}
