import { type CodeCounts, type CodeTimeline, codeLives } from "../metrics/index.js";
import type { AtlasSheet } from "./code-atlas.js";
import type { UsageReport } from "./records/usage-report.js";

/** Codes whose counts are on a page at most; of more, those used most. */
const MOST_LISTED = 2 ** 18;
/** Codes, all codebooks together, whose lives are on a page at most; of more, none. */
const MOST_LIVES = 2 ** 18;

interface DataSource {
  readonly counts: CodeCounts;
  readonly timeline: CodeTimeline | undefined;
  /** One entry a codebook; undefined where it has no pictures. */
  readonly sheets: readonly (AtlasSheet | undefined)[];
}

/** What the program of a usage page reads, and other programs may: see docs/reports.md. JSON-safe. */
export function usageData(report: UsageReport, { counts, timeline, sheets }: DataSource) {
  const codebooks = report.codebooks.map((_, codebook) => {
    let used = counts.usedCodes(codebook);
    if (used.length > MOST_LISTED) used = used.sort((a, b) => b.count - a.count).slice(0, MOST_LISTED);
    return { indices: used.map(({ index }) => index), counts: used.map(({ count }) => count) };
  });
  const atlases = report.codebooks.map((_, codebook) => {
    const sheet = sheets[codebook];
    if (sheet === undefined) return null;
    const { name, entries, slots, perRow, rows } = sheet;
    return { name, entries, slots, perRow, rows };
  });
  const { codebookSize } = report;
  const lives = timeline === undefined ? null : livesData(timeline);
  return { format: "vqkit-usage-page", formatVersion: 1, codebookSize, report, codebooks, atlases, lives };
}

/**
 * For each codebook and code the number of the record, 1 for the first and 0 for never, in which it was born, last used,
 * and its present life began. Numbers of records and no steps, for they are shorter.
 */
function livesData(timeline: CodeTimeline) {
  const { records, codebookSize, numCodebooks } = timeline;
  if (records.length === 0 || codebookSize * numCodebooks > MOST_LIVES) return null;
  const numberOf = new Map(records.map(({ step }, i) => [step, i + 1]));
  const numbers = (steps: Float64Array): number[] => Array.from(steps, (step) => numberOf.get(step) ?? 0);
  const codebooks = Array.from({ length: numCodebooks }, (_, codebook) => {
    const { bornAt, lastUsedAt, aliveSince, deaths } = codeLives(timeline, codebook);
    return {
      born: numbers(bornAt),
      lastUsed: numbers(lastUsedAt),
      aliveSince: numbers(aliveSince),
      deaths: Array.from(deaths),
    };
  });
  return { steps: records.map(({ step }) => step), codebooks };
}
