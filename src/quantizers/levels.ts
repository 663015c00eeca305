/** From a codebook size to FSQ levels. Mentzer et al. 2023, https://arxiv.org/abs/2309.15505, section 4.1. */
import { MAX_IMPLICIT_SIZE } from "./mixed-radix.js";

/** The paper's Table 1. */
const RECOMMENDED: ReadonlyMap<number, readonly number[]> = new Map([
  [2 ** 8, [8, 6, 5]],
  [2 ** 10, [8, 5, 5, 5]],
  [2 ** 12, [7, 5, 5, 5, 5]],
  [2 ** 14, [8, 8, 8, 6, 5]],
  [2 ** 16, [8, 8, 8, 5, 5, 5]],
]);

/** The paper's rule. */
const LOWEST = 5;

/** The paper's table goes up to 8. Between 8·8 and 5·5·5 that leaves a gap, which two higher levels fill: 11·11 = 121. */
function highestLevel(nominalSize: number): number {
  return nominalSize < LOWEST ** 3 ? 11 : 8;
}

export interface LevelPlan {
  /** How many values each latent dimension takes, highest first. */
  readonly levels: readonly number[];
  /** The product of the levels: the codebook size that was really obtained. */
  readonly codebookSize: number;
}

/**
 * The levels for a nominal codebook size, and the exact size they give.
 *
 * The paper's own table where it has the size; else the levels of 5 to 8 (to 11 below 125) whose product is closest,
 * and of two equally close the smaller. Sizes below 25 are too small for two dimensions of 5 and get one dimension of
 * that many levels.
 *
 * @param nominalSize integer, 2..2^24
 * @param options.atMost leaves out what exceeds the nominal size
 */
export function planLevels(nominalSize: number, { atMost = false } = {}): LevelPlan {
  const recommended = RECOMMENDED.get(nominalSize);
  if (recommended !== undefined && (!atMost || gridSize(recommended) <= nominalSize))
    return plan(recommended);
  if (nominalSize < LOWEST * LOWEST) return plan([nominalSize]);
  let best = plan([LOWEST, LOWEST]);
  const limit = atMost ? nominalSize : Math.min(2 * nominalSize, MAX_IMPLICIT_SIZE);
  for (const candidate of grids(limit, highestLevel(nominalSize))) {
    if (isBetter(candidate, best, nominalSize)) best = candidate;
  }
  return best;
}

/** Π levels. */
export function gridSize(levels: readonly number[]): number {
  return levels.reduce((product, level) => product * level, 1);
}

function plan(levels: readonly number[]): LevelPlan {
  return { levels, codebookSize: gridSize(levels) };
}

function isBetter(a: LevelPlan, b: LevelPlan, nominalSize: number): boolean {
  const distances = Math.abs(a.codebookSize - nominalSize) - Math.abs(b.codebookSize - nominalSize);
  if (distances !== 0) return distances < 0;
  return a.codebookSize < b.codebookSize;
}

/** Every non-increasing list of levels, from `highest` down to 5, whose product is at most `limit`. */
function* grids(limit: number, highest: number, levels: readonly number[] = []): Generator<LevelPlan> {
  if (levels.length > 0) yield plan(levels);
  for (let level = levels.at(-1) ?? highest; level >= LOWEST; level--) {
    if (gridSize(levels) * level <= limit) yield* grids(limit, highest, [...levels, level]);
  }
}
