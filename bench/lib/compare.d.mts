type Better = "higher" | "lower";

export function median(values: readonly number[]): number;
export function summarize(rounds: readonly number[][], better: Better): { median: number; best: number };
export function compare(
  ours: readonly number[][],
  peer: readonly number[][],
  better: Better,
): { ratio: number; spread: [number, number]; bestRatio: number };
