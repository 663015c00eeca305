/** Integers of 1..last, about evenly spaced on a logarithmic axis, both ends included, at most `count`, ascending. */
export function logSpacedRanks(last: number, count: number): number[] {
  if (last < 1) return [];
  if (count < 2) return [last];
  const ranks = Array.from({ length: count }, (_, i) => Math.round(last ** (i / (count - 1))));
  return [...new Set(ranks)];
}
