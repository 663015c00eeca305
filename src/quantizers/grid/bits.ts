/** What quantizers have in common whose digits are signs. */

import { z } from "zod";
import { ConfigError } from "../../core/errors.js";
import type { Tensor4D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import type { GridRule } from "./grid-rule.js";

/** 2^24, the largest implicit codebook. */
const MAX_BITS = 24;

const DEFAULT_BITS = 10;

/** The options that say how many bits there are, and which of them the batch's entropy takes together. */
export const bitOptions = {
  codeDim: z.int().min(1).max(MAX_BITS).optional().meta({
    description: "bits of an index (D): numbers in a code, each of two values",
    default: DEFAULT_BITS,
  }),
  codebookSize: z
    .int()
    .min(2)
    .max(2 ** MAX_BITS)
    .optional()
    .describe("in place of codeDim: the nearest power of two"),
  bitsTogether: z
    .int()
    .min(1)
    .max(MAX_BITS)
    .optional()
    .describe(
      "bits whose joint distribution the batch's entropy has, 2^this numbers; groups of so many count as independent",
    ),
} as const;

/** D, from either option, or the default. @throws ConfigError where both are given and differ */
export function bitCount({
  codebookSize,
  codeDim,
}: {
  readonly codebookSize?: number | undefined;
  readonly codeDim?: number | undefined;
}): number {
  if (codebookSize === undefined) return codeDim ?? DEFAULT_BITS;
  // Of two powers equally near, which 3·2^n has, the smaller.
  const bits = Math.max(1, Math.ceil(Math.log2(codebookSize / 1.5)));
  if (codeDim !== undefined && codeDim !== bits) {
    throw new ConfigError(
      "quantizer.codebookSize",
      `expected nothing beside codeDim, which sets the size to ${2 ** codeDim}, got ${codebookSize}. Remove one.`,
    );
  }
  return codeDim ?? bits;
}

/** A bit for each dimension, set where the latent is above 0. Gradients pass to the latents unchanged. */
export function signs(bits: number): Pick<GridRule, "levels" | "place" | "writeDigits"> {
  return {
    levels: Array<number>(bits).fill(2),
    place: (latents) => ({ digits: tf.cast(tf.greater(latents, 0), "int32") as Tensor4D, smooth: latents }),
    writeDigits: (g, latents) => g.cast(g.op("Greater", [latents, g.scalar(0)]), "int32"),
  };
}
