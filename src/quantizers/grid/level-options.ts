/** The options that say how many values each dimension of a grid has. */
import { z } from "zod";
import { ConfigError } from "../../core/errors.js";
import { gridSize, planLevels } from "../levels.js";
import { MAX_IMPLICIT_SIZE } from "../mixed-radix.js";

const DEFAULT_SIZE = 1024;

/** Beyond this, the margin of FSQ's bound would round to a level that is not there. */
const MAX_LEVEL = 1000;

export const levelOptions = {
  levels: z
    .array(z.int().min(2).max(MAX_LEVEL))
    .min(1)
    .optional()
    .describe("values of each latent dimension; their product is the codebook size"),
  codebookSize: z.int().min(2).max(MAX_IMPLICIT_SIZE).optional().meta({
    description: "in place of levels: the nearest size that the paper's rule allows",
    default: DEFAULT_SIZE,
  }),
} as const;

/** The levels, whichever way they are given. @throws ConfigError where both are given, or the grid is too large */
export function levelsOf({
  levels,
  codebookSize,
}: {
  readonly levels?: readonly number[] | undefined;
  readonly codebookSize?: number | undefined;
}): readonly number[] {
  if (levels === undefined) return planLevels(codebookSize ?? DEFAULT_SIZE).levels;
  if (codebookSize !== undefined) {
    throw new ConfigError(
      "quantizer.codebookSize",
      "expected nothing beside levels, which set the size. Remove one.",
    );
  }
  const size = gridSize(levels);
  if (size > MAX_IMPLICIT_SIZE) {
    const limit = `a product <= ${MAX_IMPLICIT_SIZE}, so that every index is exact`;
    throw new ConfigError("quantizer.levels", `expected ${limit}, got ${size}. Use fewer or lower levels.`);
  }
  return levels;
}
