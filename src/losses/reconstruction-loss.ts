import { z } from "zod";
import { ShapeError } from "../core/errors.js";
import { unknownName } from "../core/suggest.js";
import * as tf from "../tf/index.js";
import { meanSsim } from "./ssim.js";

/** The ways to compare an image with its reconstruction. */
export const reconstructionLossNames = ["l1", "l2", "huber", "ssim"] as const;
export type ReconstructionLossName = (typeof reconstructionLossNames)[number];

const weight = z.number().min(0).default(0);

const weightsSchema = z
  .strictObject({
    /** Weight of the mean absolute error; 0 is off. */
    l1: weight,
    /** Weight of the mean squared error; 0 is off. */
    l2: weight,
    /** Weight of the mean Huber loss; 0 is off. */
    huber: weight,
    /** Weight of 1 − mean SSIM; 0 is off. */
    ssim: weight,
    /** Where the Huber loss turns from squared to linear, in units of -1..1 pixels. */
    huberDelta: z.number().positive().default(1),
  })
  .refine((weights) => reconstructionLossNames.some((name) => weights[name] > 0), {
    message: `expected at least one of ${reconstructionLossNames.join(", ")} > 0, got none.`,
  });

/** The weight of each loss (0 is off) and the Huber loss's threshold. JSON. */
export type ReconstructionLossConfig = Readonly<z.output<typeof weightsSchema>>;
/** What a caller may write: one name, or weights by name. */
export type ReconstructionLossOptions = ReconstructionLossName | z.input<typeof weightsSchema>;

/**
 * `"l2"`, or a weighted sum such as `{ l1: 1, ssim: 0.2 }`. Parses to every weight written out, which itself parses to
 * an equal one. Inside a larger schema use `.prefault("l2")` to make it optional.
 */
export const reconstructionLossSchema = z
  .custom<ReconstructionLossOptions>()
  .transform((options, context): unknown => {
    const weights = typeof options === "string" ? { [options]: 1 } : options;
    // Here and not in the strict object, whose keys a message could not list for a mere name.
    const known: readonly string[] =
      typeof options === "string" ? reconstructionLossNames : Object.keys(weightsSchema.shape);
    const unknown = Object.keys(weights ?? {}).find((key) => !known.includes(key));
    if (unknown === undefined) return weights;
    context.addIssue({ code: "custom", message: unknownName("reconstruction loss", unknown, known) });
    return z.NEVER;
  })
  .pipe(weightsSchema);

/** A training loss and what it was made of. */
export interface ReconstructionLoss {
  /** The weighted sum. */
  readonly total: tf.Scalar;
  /** Each loss with a weight above 0, before its weight. */
  readonly terms: Readonly<Partial<Record<ReconstructionLossName, tf.Scalar>>>;
}

/**
 * How far a reconstruction is from its target. All losses are means over every element, on pixels in -1..1 (an error
 * of one 8-bit step is 2/255):
 *
 * - l1: |d|
 * - l2: d²
 * - huber: d²/2 up to δ = `huberDelta`, δ(|d| − δ/2) beyond
 * - ssim: 1 − SSIM (see `meanSsim`), 0..2
 *
 * @param target [N, H, W, C]
 * @param reconstruction [N, H, W, C]
 * @throws ShapeError when the shapes differ, or when SSIM is asked for on images under 11×11
 */
export function reconstructionLoss(
  target: tf.Tensor4D,
  reconstruction: tf.Tensor4D,
  config: ReconstructionLossConfig,
): ReconstructionLoss {
  if (!tf.util.arraysEqual(target.shape, reconstruction.shape)) {
    throw new ShapeError("reconstruction", `[${target.shape.join(",")}], the target's`, reconstruction.shape);
  }
  const terms: Partial<Record<ReconstructionLossName, tf.Scalar>> = {};
  for (const name of reconstructionLossNames) {
    if (config[name] > 0) terms[name] = tf.tidy(() => lossTerm(name, target, { reconstruction, config }));
  }
  const total = tf.tidy(() => {
    const weighted = reconstructionLossNames.flatMap((name) => {
      const term = terms[name];
      return term === undefined ? [] : [tf.mul(term, config[name])];
    });
    return weighted.reduce((sum, term) => tf.add(sum, term)).asScalar();
  });
  return { total, terms };
}

function lossTerm(
  name: ReconstructionLossName,
  target: tf.Tensor4D,
  {
    reconstruction,
    config,
  }: { readonly reconstruction: tf.Tensor4D; readonly config: ReconstructionLossConfig },
): tf.Scalar {
  switch (name) {
    case "l1":
      return tf.mean(tf.abs(tf.sub(reconstruction, target))).asScalar();
    case "l2":
      return tf.mean(tf.square(tf.sub(reconstruction, target))).asScalar();
    case "huber": {
      const error = tf.abs(tf.sub(reconstruction, target));
      const inner = tf.minimum(error, config.huberDelta);
      // inner·(|d| − inner/2) is both branches at once.
      return tf.mean(tf.mul(inner, tf.sub(error, tf.mul(inner, 0.5)))).asScalar();
    }
    case "ssim":
      return tf.sub(1, meanSsim(target, reconstruction)).asScalar();
    default:
      return name satisfies never;
  }
}
