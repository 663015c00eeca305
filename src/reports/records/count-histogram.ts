/** How many codes were chosen between `from` and `to` times. JSON-safe. */
export interface CountBin {
  readonly from: number;
  /** Inclusive; from is 0: 0, else twice `from` minus 1. */
  readonly to: number;
  readonly codes: number;
  /** How many it would be on average if every code were equally likely. */
  readonly uniform: number;
}

/**
 * Codes by how often they were chosen: never, once, 2–3, 4–7, 8–15, …
 *
 * @param counts those of the codes seen
 * @param set K codes, N indices
 */
export function countHistogram(
  counts: ArrayLike<number>,
  { codebookSize, samples }: { readonly codebookSize: number; readonly samples: number },
): CountBin[] {
  const codes: number[] = [codebookSize - counts.length];
  for (let i = 0; i < counts.length; i++) {
    const bin = Math.floor(Math.log2(counts[i] as number)) + 1;
    while (codes.length <= bin) codes.push(0);
    codes[bin] = (codes[bin] as number) + 1;
  }
  const uniform = binomialBins(samples, 1 / codebookSize, codes.length);
  return codes.map((number, bin) => ({
    from: bin === 0 ? 0 : 2 ** (bin - 1),
    to: bin === 0 ? 0 : 2 ** bin - 1,
    codes: number,
    uniform: codebookSize * (uniform[bin] as number),
  }));
}

/** Probabilities that Binomial(trials, chance) falls into each bin, summed in logarithms' steps. */
function binomialBins(trials: number, chance: number, bins: number): number[] {
  const sums = Array<number>(bins).fill(0);
  if (chance === 1) return sums.map((_, bin) => (trials >= 2 ** (bin - 1) && trials < 2 ** bin ? 1 : 0));
  const odds = Math.log(chance) - Math.log1p(-chance);
  let logarithm = trials * Math.log1p(-chance);
  const last = Math.min(trials, 2 ** (bins - 1) - 1);
  for (let count = 0; count <= last; count++) {
    const bin = count === 0 ? 0 : Math.floor(Math.log2(count)) + 1;
    sums[bin] = (sums[bin] as number) + Math.exp(logarithm);
    logarithm += Math.log((trials - count) / (count + 1)) + odds;
  }
  return sums;
}
