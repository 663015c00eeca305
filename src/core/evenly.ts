/** `count` different integers of 0..n-1, evenly spaced and centred, ascending; needs count <= n. */
export function evenlySpaced(n: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * n) / count));
}
