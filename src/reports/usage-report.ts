import {
  bitsPerPixel,
  type CodebookFigures,
  type CodeCounts,
  type CodeGeometry,
  type IndexCount,
  leastUsedCodes,
  mostUsedCodes,
  rankFrequency,
  usageFigures,
} from "../metrics/index.js";
import { logSpacedRanks } from "./log-scale.js";
import type { RankPoint } from "./rank-chart.js";

/** Usage counted over one stated set of indices. JSON-safe. */
export interface UsageScope {
  /** What was counted, e.g. "evaluation set", "window of 50 batches (step 400)". */
  readonly scope: string;
  /** N: indices counted in each codebook; null when it was not recorded. */
  readonly samples: number | null;
  /** Fraction of the codes seen at least once, 0..1. */
  readonly usage: number;
  /** What N draws from a uniform source would show on average; null when N is not known. */
  readonly expectedUniformUsage: number | null;
  /** null when nothing was counted. */
  readonly perplexity: number | null;
}

/** One codebook in detail. JSON-safe. */
export interface CodebookReport {
  readonly figures: CodebookFigures;
  /** Most used first; ties by lowest index. */
  readonly mostUsed: readonly IndexCount[];
  /** Least used first, among the codes seen at least once. */
  readonly leastUsed: readonly IndexCount[];
  /** The rank-frequency curve, thinned to ranks evenly spaced on a logarithmic axis; both ends are kept. */
  readonly rankFrequency: readonly RankPoint[];
}

/** How a codebook was used, always with what it was counted on. JSON-safe. */
export interface UsageReport {
  readonly name: string;
  readonly images: number;
  /** null where the images have no common size. */
  readonly geometry: CodeGeometry | null;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /** Entropy of one index in bits, mean over codebooks; null when nothing was counted. */
  readonly entropyBits: number | null;
  /** null when nothing was counted, or without a geometry. */
  readonly bitsPerPixel: number | null;
  /** Every denominator there is, the smallest first; the last one is what the rest of the report is about. */
  readonly scopes: readonly UsageScope[];
  readonly codebooks: readonly CodebookReport[];
}

/** What a usage report is made of; `RunFolder.readUsage()` returns one. */
export interface UsageSource {
  readonly counts: CodeCounts;
  /** Images that the counts are of. */
  readonly images: number;
  readonly geometry: CodeGeometry | null;
}

export interface UsageReportOptions {
  /** What the report is about, for its title; default "codes". */
  readonly name?: string;
  /** What was counted; default "evaluation set". */
  readonly scope?: string;
  /** Usage of other sets of the same codebook, such as a training batch; they come first. Default none. */
  readonly otherScopes?: readonly UsageScope[];
  /** Codes to list as most and least used; default 10. */
  readonly codes?: number;
}

const CURVE_POINTS = 200;

/** Gathers every figure of a set of counts, the most and least used codes, and the rank-frequency curve. */
export function usageReport(
  { counts, images, geometry }: UsageSource,
  options: UsageReportOptions = {},
): UsageReport {
  const { name = "codes", scope = "evaluation set", otherScopes = [], codes = 10 } = options;
  const figures = usageFigures(counts);
  const { samples, usage, expectedUniformUsage, perplexity, entropyBits } = figures;
  return {
    name,
    images,
    geometry,
    codebookSize: counts.codebookSize,
    numCodebooks: counts.numCodebooks,
    entropyBits,
    bitsPerPixel: geometry === null ? null : bitsPerPixel(entropyBits, geometry),
    scopes: [...otherScopes, { scope, samples, usage, expectedUniformUsage, perplexity }],
    codebooks: figures.perCodebook.map((codebookFigures, codebook) => ({
      figures: codebookFigures,
      mostUsed: mostUsedCodes(counts, codes, codebook),
      leastUsed: leastUsedCodes(counts, codes, codebook),
      rankFrequency: thinned(rankFrequency(counts, codebook)),
    })),
  };
}

function thinned(countsByRank: Float64Array): RankPoint[] {
  return logSpacedRanks(countsByRank.length, CURVE_POINTS).map((rank) => ({
    rank,
    count: countsByRank[rank - 1] as number,
  }));
}
