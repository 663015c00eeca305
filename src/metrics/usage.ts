import { VqkitError } from "../core/errors.js";
import type { CodeCounts, IndexCount } from "./code-counts.js";

/** What a set of N indices into a codebook of K codes says about its use. JSON-safe. */
export interface CodebookFigures {
  /** N: how many indices were counted; every other figure depends on it. */
  readonly samples: number;
  /** K. */
  readonly codebookSize: number;
  /** Codes seen at least once, 0..K. */
  readonly used: number;
  /** Codes never seen: K - used. */
  readonly unused: number;
  /** used / K, 0..1. 0 when N is 0. */
  readonly usage: number;
  /** What `usage` would be on average if all codes were equally likely: 1 - (1 - 1/K)^N. 0 when N is 0. */
  readonly expectedUniformUsage: number;
  /** exp of the entropy in nats (2 to the entropy in bits), 1..K. null when N is 0: no distribution was seen. */
  readonly perplexity: number | null;
  /** Entropy of the counts, in bits, 0..log2(K): log2(perplexity). null when N is 0. */
  readonly entropyBits: number | null;
}

/**
 * Usage of Q codebooks. The figures at the top are means over the codebooks (of each figure by itself: the mean
 * perplexity is the mean of perplexities); with Q = 1 they are the codebook's own. `samples` counts positions, not
 * positions × Q.
 */
export interface UsageFigures extends CodebookFigures {
  readonly numCodebooks: number;
  readonly perCodebook: readonly CodebookFigures[];
}

/** The sizes that turn entropy per index into bits per pixel. */
export interface CodeGeometry {
  /** Latent grid, in positions. */
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Image, in pixels. */
  readonly imageHeight: number;
  readonly imageWidth: number;
  /** Q: indices at each position. */
  readonly numCodebooks: number;
}

/** Every usage figure of a set of counts. */
export function usageFigures(counts: CodeCounts): UsageFigures {
  const perCodebook = Array.from({ length: counts.numCodebooks }, (_, q) => codebookFigures(counts, q));
  const mean = (figure: (figures: CodebookFigures) => number): number =>
    perCodebook.reduce((sum, figures) => sum + figure(figures), 0) / perCodebook.length;
  const empty = counts.samples === 0;
  return {
    samples: counts.samples,
    codebookSize: counts.codebookSize,
    used: mean(({ used }) => used),
    unused: mean(({ unused }) => unused),
    usage: mean(({ usage }) => usage),
    expectedUniformUsage: expectedUniformUsage(counts.samples, counts.codebookSize),
    perplexity: empty ? null : mean(({ perplexity }) => perplexity as number),
    entropyBits: empty ? null : mean(({ entropyBits }) => entropyBits as number),
    numCodebooks: counts.numCodebooks,
    perCodebook,
  };
}

/**
 * The fraction of K codes that `samples` draws from a perfectly uniform source show on average: 1 - (1 - 1/K)^N.
 * Computed without cancellation, so it is right for K = 2^40 too.
 */
export function expectedUniformUsage(samples: number, codebookSize: number): number {
  return samples === 0 ? 0 : -Math.expm1(samples * Math.log1p(-1 / codebookSize));
}

/**
 * Bits an ideal entropy coder spends per pixel: gridH·gridW·Q·entropy / (imageH·imageW).
 *
 * @param entropyBits entropy of one index, the mean over codebooks when Q > 1; null (nothing counted) gives null
 */
export function bitsPerPixel(entropyBits: number | null, geometry: CodeGeometry): number | null {
  const { gridHeight, gridWidth, imageHeight, imageWidth, numCodebooks } = geometry;
  for (const [name, value] of Object.entries({
    gridHeight,
    gridWidth,
    imageHeight,
    imageWidth,
    numCodebooks,
  })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new VqkitError("codes", `${name}: expected an integer >= 1, got ${value}.`);
    }
  }
  return entropyBits === null
    ? null
    : (gridHeight * gridWidth * numCodebooks * entropyBits) / (imageHeight * imageWidth);
}

/** The `limit` most used codes, most used first; ties by lowest index. */
export function mostUsedCodes(counts: CodeCounts, limit: number, codebook = 0): IndexCount[] {
  return counts
    .usedCodes(codebook)
    .sort((a, b) => b.count - a.count || a.index - b.index)
    .slice(0, limit);
}

/**
 * The `limit` least used codes among those seen at least once, least used first; ties by lowest index. Codes never
 * seen are what `unused` counts.
 */
export function leastUsedCodes(counts: CodeCounts, limit: number, codebook = 0): IndexCount[] {
  return counts
    .usedCodes(codebook)
    .sort((a, b) => a.count - b.count || a.index - b.index)
    .slice(0, limit);
}

/** Counts of the codes seen, largest first: element r is the count of the code of rank r. [used] */
export function rankFrequency(counts: CodeCounts, codebook = 0): Float64Array {
  const sorted = Float64Array.from(counts.usedCodes(codebook), ({ count }) => count).sort();
  return sorted.reverse();
}

/**
 * How many distinct codes a random `samples` of the N counted indices show on average (Hurlbert 1971, rarefaction):
 * Σ_k 1 - C(N - n_k, n) / C(N, n). It makes sets of different sizes comparable.
 *
 * The ratio is Π_{j < n_k} (N - n - j) / (N - j), summed as logarithms over ascending n_k, so nothing overflows and
 * the cost is at most the largest count.
 *
 * @param samples n, an integer in 0..N
 * @throws VqkitError("codes") outside that range
 */
export function expectedDistinctCodes(counts: CodeCounts, samples: number, codebook = 0): number {
  const total = counts.samples;
  if (!Number.isSafeInteger(samples) || samples < 0 || samples > total) {
    throw new VqkitError("codes", `samples: expected an integer in 0..${total}, got ${samples}.`);
  }
  let distinct = 0;
  let logMissing = 0; // ln P(a code counted `reached` times is not drawn)
  let reached = 0;
  for (const count of rankFrequency(counts, codebook).reverse()) {
    for (; reached < count && logMissing > LOG_OF_ZERO; reached++) {
      // From j = N - n on the code cannot be missed: the logarithm is of 0.
      logMissing += total - reached > samples ? Math.log1p(-samples / (total - reached)) : -Infinity;
    }
    distinct -= Math.expm1(logMissing);
  }
  return distinct;
}

/** exp of this is 0 in float64. */
const LOG_OF_ZERO = -746;

function codebookFigures(counts: CodeCounts, codebook: number): CodebookFigures {
  const { samples, codebookSize } = counts;
  const used = counts.used(codebook);
  let bits = 0;
  counts.forEachUsed(codebook, (_, count) => {
    const p = count / samples;
    bits -= p * Math.log2(p);
  });
  // Rounding must not carry the figures outside what they can be.
  const entropyBits = samples === 0 ? null : Math.min(Math.log2(used), Math.max(0, bits));
  return {
    samples,
    codebookSize,
    used,
    unused: codebookSize - used,
    usage: used / codebookSize,
    expectedUniformUsage: expectedUniformUsage(samples, codebookSize),
    perplexity: entropyBits === null ? null : Math.min(used, 2 ** entropyBits),
    entropyBits,
  };
}
