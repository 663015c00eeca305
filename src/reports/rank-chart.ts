import { formatSignificant } from "../drawing/index.js";
import type { RankPoint } from "./records/usage-report.js";

const WIDTH = 60;
const HEIGHT = 10;

/**
 * The rank-frequency curve for the terminal, both axes logarithmic.
 *
 * @param curve by ascending rank, from rank 1 on, counts >= 1
 */
export function rankChart(curve: readonly RankPoint[]): string {
  const last = curve.at(-1);
  const first = curve[0];
  if (first === undefined || last === undefined) return "(no code was chosen)";
  const columns = Array.from({ length: WIDTH }, (_, i) => last.rank ** (i / (WIDTH - 1)));
  const top = Math.max(1, Math.log10(first.count)); // at least a decade, or a flat curve would have no height
  const levels = columns.map((rank) => Math.round((Math.log10(countAt(curve, rank)) / top) * HEIGHT));
  const rows = fallingCurve(levels).map((row, fromTop) => {
    const level = HEIGHT - fromTop;
    const label = formatSignificant(10 ** ((top * level) / HEIGHT), 2).padStart(LABEL_WIDTH);
    return `${label} ${level === levels[0] ? "┼" : "┤"}${row}`.trimEnd();
  });
  return [...rows, rankAxis(last.rank)].join("\n");
}

const LABEL_WIDTH = 8;
/** Behind the label, a space and the axis. */
const CURVE_START = LABEL_WIDTH + 2;

/**
 * A curve of box-drawing characters, from the highest row to the lowest: one fewer a row than there are levels.
 *
 * @param levels the row of each column, 0 the lowest; none higher than the one before it
 */
function fallingCurve(levels: readonly number[]): string[] {
  const grid = Array.from({ length: HEIGHT + 1 }, () => Array<string>(levels.length - 1).fill(" "));
  levels.slice(1).forEach((to, column) => {
    const from = levels[column] as number;
    for (let level = to; level <= from; level++) {
      const mark = from === to ? "─" : level === to ? "╰" : level === from ? "╮" : "│";
      (grid[HEIGHT - level] as string[])[column] = mark;
    }
  });
  return grid.map((row) => row.join(""));
}

/** The count between two points of the curve, straight on logarithmic axes. */
function countAt(curve: readonly RankPoint[], rank: number): number {
  const next = curve.findIndex((point) => point.rank >= rank);
  const right = curve[next === -1 ? curve.length - 1 : next] as RankPoint;
  const left = curve[Math.max(0, next - 1)] as RankPoint;
  if (next <= 0 || right.rank === left.rank) return right.count;
  const share = Math.log(rank / left.rank) / Math.log(right.rank / left.rank);
  return left.count * (right.count / left.count) ** share;
}

/** Powers of ten, and the last rank, below the columns they belong to. */
function rankAxis(last: number): string {
  let line = "".padEnd(CURVE_START);
  const decades = Array.from({ length: Math.floor(Math.log10(last)) + 1 }, (_, i) => 10 ** i);
  for (const rank of [...decades, last]) {
    const share = last === 1 ? 0 : Math.log(rank) / Math.log(last);
    const label = rank.toLocaleString("en-US");
    const column = CURVE_START + Math.round(share * (WIDTH - 1));
    if (line.trimEnd().length + 1 < column || line.trim() === "")
      line = line.padEnd(column).slice(0, column) + label;
  }
  return `${line}  rank`;
}
