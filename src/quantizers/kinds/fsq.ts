import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError } from "../../core/errors.js";
import type { QuantizerDefinition } from "../definition.js";
import { type FiniteScalarConfig, FiniteScalarQuantizer } from "../finite-scalar-quantizer.js";
import { gridSize, planLevels } from "../levels.js";
import { MAX_IMPLICIT_SIZE } from "../mixed-radix.js";
import { describeOptions } from "../options.js";

const DEFAULT_SIZE = 1024;

/** Beyond this, the margin ε of the bound (see finite-scalar-quantizer.ts) would round to a level that is not there. */
const MAX_LEVEL = 1000;

const schema = z.strictObject({
  kind: z.literal("fsq"),
  levels: z
    .array(z.int().min(2).max(MAX_LEVEL))
    .min(1)
    .optional()
    .describe("values of each latent dimension; their product is the codebook size"),
  codebookSize: z.int().min(2).max(MAX_IMPLICIT_SIZE).optional().meta({
    description: "in place of levels: the nearest size that the paper's rule allows",
    default: DEFAULT_SIZE,
  }),
});

function parse(value: unknown): FiniteScalarConfig {
  const { kind, levels, codebookSize } = parseConfig(schema, value, "quantizer");
  if (levels === undefined) return { kind, levels: planLevels(codebookSize ?? DEFAULT_SIZE).levels };
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
  return { kind, levels };
}

/** Finite scalar quantization. The resolved configuration holds levels only, whichever way they were given. */
export const fsq: QuantizerDefinition<FiniteScalarConfig> = {
  kind: "fsq",
  summary: "Each latent dimension rounded to a few levels; no codebook to learn",
  paper: { title: "Finite Scalar Quantization: VQ-VAE Made Simple", arxiv: "2309.15505" },
  options: describeOptions(schema),
  parse,
  create: (config) => new FiniteScalarQuantizer(config),
  warnings: ({ levels }) =>
    levels.flatMap((level, i) =>
      level === 2
        ? [
            `quantizer.levels[${i}]: 2 levels saturate at a latent of 0 and learn badly; the paper advises 5 or more.`,
          ]
        : [],
    ),
};
