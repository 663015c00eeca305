import { evaluationImages } from "../../core/usage-words.js";
import {
  bitsPerPixel,
  type CodebookFigures,
  type CodeCounts,
  type CodeGeometry,
  expectedDistinctCodes,
  expectedUniformUsage,
  type IndexCount,
  leastUsedCodes,
  mostUsedCodes,
  rankFrequency,
  type ScaleCounts,
  type ScaleFigures,
  scaleFigures,
  usageFigures,
} from "../../metrics/index.js";
import type { Origin } from "../../runs/index.js";
import { type CountBin, countHistogram } from "./count-histogram.js";
import { logSpacedRanks } from "./log-scale.js";

/** A point of the rank-frequency curve: the code of rank `rank` (1 is the most used) was chosen `count` times. */
export interface RankPoint {
  readonly rank: number;
  readonly count: number;
}

/** Usage counted over one stated set of indices. JSON-safe. */
export interface UsageScope {
  /** What was counted, e.g. "held-out images", "the last 50 steps of training (step 400)". */
  readonly scope: string;
  /** N: indices counted in each codebook; null when it was not recorded. */
  readonly samples: number | null;
  /** Fraction of the codes seen at least once, 0..1. */
  readonly usage: number;
  /** What N draws from a uniform source would show on average; null when N is not known. */
  readonly expectedUniformUsage: number | null;
  /** null when nothing was counted. */
  readonly perplexity: number | null;
  /**
   * What as many indices, drawn at random from the whole set of the report, show on average: beside it `usage` can be
   * judged. null when N is not known or larger than that set. `usageReport` fills it in.
   */
  readonly rarefiedUsage?: number | null;
}

/** A point of the rarefaction curve. JSON-safe. */
export interface RarefactionPoint {
  /** Indices drawn at random, without putting them back, from those counted. */
  readonly samples: number;
  /** Fraction of the codes that they show on average (Hurlbert 1971). */
  readonly usage: number;
  /** What as many draws from a uniform source would show. */
  readonly uniform: number;
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
  /** Usage against indices seen, about evenly spaced on a logarithmic axis; the last point is all of them. */
  readonly rarefaction: readonly RarefactionPoint[];
  /** Codes by how often they were chosen. */
  readonly histogram: readonly CountBin[];
}

/** How a codebook was used, always with what it was counted on. JSON-safe. */
export interface UsageReport {
  readonly name: string;
  /** The published tokenizer that the model goes back to, where there is one. */
  readonly origin?: Origin;
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
  /** Each scale by itself, where codes are sequences of grids. */
  readonly scales?: readonly ScaleFigures[];
}

/** What a usage report is made of; `RunFolder.readUsage()` returns one. */
export interface UsageSource {
  readonly counts: CodeCounts;
  /** Images that the counts are of. */
  readonly images: number;
  readonly geometry: CodeGeometry | null;
  /** The counts scale by scale, where codes are sequences of grids. */
  readonly scales?: readonly ScaleCounts[];
}

export interface UsageReportOptions {
  /** What the report is about, for its title; default "codes". */
  readonly name?: string;
  /** What was counted; default "the evaluation images". */
  readonly scope?: string;
  /** Usage of other sets of the same codebook, such as a training batch; they come first. Default none. */
  readonly otherScopes?: readonly UsageScope[];
  /** The published tokenizer that the model goes back to. */
  readonly origin?: Origin | undefined;
  /** Codes to list as most and least used; default 10. */
  readonly codes?: number;
}

const CURVE_POINTS = 200;
const RAREFACTION_POINTS = 32;

/** Gathers every figure of a set of counts, the most and least used codes, and the rank-frequency curve. */
export function usageReport(
  { counts, images, geometry, scales }: UsageSource,
  options: UsageReportOptions = {},
): UsageReport {
  const { name = "codes", scope = evaluationImages(), otherScopes = [], codes = 10, origin } = options;
  const figures = usageFigures(counts);
  const { samples, usage, expectedUniformUsage: uniform, perplexity, entropyBits } = figures;
  return {
    name,
    ...(origin === undefined ? {} : { origin }),
    images,
    geometry,
    codebookSize: counts.codebookSize,
    numCodebooks: counts.numCodebooks,
    entropyBits,
    bitsPerPixel: geometry === null ? null : bitsPerPixel(entropyBits, geometry),
    scopes: [...otherScopes, { scope, samples, usage, expectedUniformUsage: uniform, perplexity }].map(
      (each) => ({
        ...each,
        rarefiedUsage: rarefiedUsage(counts, each.samples),
      }),
    ),
    codebooks: figures.perCodebook.map((codebookFigures, codebook) => ({
      figures: codebookFigures,
      mostUsed: mostUsedCodes(counts, codes, codebook),
      leastUsed: leastUsedCodes(counts, codes, codebook),
      ...curves(counts, codebook),
    })),
    ...(scales === undefined ? {} : { scales: scaleFigures(scales) }),
  };
}

function curves(
  counts: CodeCounts,
  codebook: number,
): Pick<CodebookReport, "rankFrequency" | "rarefaction" | "histogram"> {
  const { codebookSize, samples } = counts;
  const byRank = rankFrequency(counts, codebook);
  return {
    rankFrequency: thinned(byRank),
    rarefaction: logSpacedRanks(samples, RAREFACTION_POINTS).map((n) => ({
      samples: n,
      usage: expectedDistinctCodes(counts, n, codebook) / codebookSize,
      uniform: expectedUniformUsage(n, codebookSize),
    })),
    histogram: countHistogram(byRank, { codebookSize, samples }),
  };
}

/** Mean over codebooks. */
function rarefiedUsage(counts: CodeCounts, samples: number | null): number | null {
  const { codebookSize, numCodebooks } = counts;
  if (samples === null || samples > counts.samples) return null;
  let distinct = 0;
  for (let q = 0; q < numCodebooks; q++) distinct += expectedDistinctCodes(counts, samples, q);
  return distinct / numCodebooks / codebookSize;
}

function thinned(countsByRank: Float64Array): RankPoint[] {
  return logSpacedRanks(countsByRank.length, CURVE_POINTS).map((rank) => ({
    rank,
    count: countsByRank[rank - 1] as number,
  }));
}
