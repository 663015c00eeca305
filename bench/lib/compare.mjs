/** The middle value, or the mean of the two middle ones; NaN for none. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * One side's figures: the median of its rounds' medians, and its best single sample.
 *
 * @param {number[][]} rounds samples of each round
 * @param {"higher" | "lower"} better
 */
export function summarize(rounds, better) {
  const best = better === "higher" ? Math.max : Math.min;
  return { median: median(rounds.map(median)), best: best(...rounds.flat()) };
}

/**
 * How far ahead `ours` is, above 1 meaning ahead whichever way is better: the median over rounds of the ratio of the
 * two sides' medians in the same round, its range over rounds, and the ratio of the best samples.
 *
 * @param {number[][]} ours samples of each round
 * @param {number[][]} peer of the same rounds
 * @param {"higher" | "lower"} better
 */
export function compare(ours, peer, better) {
  const ahead = (a, b) => (better === "higher" ? a / b : b / a);
  const ratios = ours.map((samples, round) => ahead(median(samples), median(peer[round])));
  return {
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    bestRatio: ahead(summarize(ours, better).best, summarize(peer, better).best),
  };
}
