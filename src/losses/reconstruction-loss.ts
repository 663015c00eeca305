import { z } from "zod";
import { ConfigError, ShapeError } from "../core/errors.js";
import { unknownName } from "../core/suggest.js";
import * as tf from "../tf/index.js";
import { ownReconstructionLoss, ownReconstructionLosses } from "./registry/index.js";
import { meanSsim } from "./ssim.js";

/** Our ways to compare an image with its reconstruction; `registerReconstructionLoss` adds one's own. */
export const reconstructionLossNames = ["l1", "l2", "huber", "ssim"] as const;
export type ReconstructionLossName = (typeof reconstructionLossNames)[number];

const weight = z.number().min(0).default(0);

const weightsSchema = z
  .object({
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
  // Losses of one's own, whose names are looked up below.
  .catchall(z.number().min(0))
  .superRefine((weights, context) => {
    if (weightsOf(weights).length > 0) return;
    const names = [...reconstructionLossNames, ...ownReconstructionLosses()].join(", ");
    context.addIssue({ code: "custom", message: `expected at least one of ${names} > 0, got none.` });
  });

/**
 * The weight of each loss (0 is off) and the Huber loss's threshold. JSON. Losses of one's own stand there by the name
 * that they are registered under.
 */
export type ReconstructionLossConfig = Readonly<z.output<typeof weightsSchema>>;
/** What a caller may write: one name, or weights by name. */
export type ReconstructionLossOptions =
  | ReconstructionLossName
  // Any name that is registered; ours are still offered by editors.
  | (string & Record<never, never>)
  | z.input<typeof weightsSchema>;

/** The losses with a weight above 0, ours first, then one's own as the configuration has them. */
export function weightsOf(
  config: Readonly<Record<string, number>>,
): readonly { readonly name: string; readonly weight: number }[] {
  const own = Object.keys(config).filter(
    (name) => name !== "huberDelta" && !(reconstructionLossNames as readonly string[]).includes(name),
  );
  return [...reconstructionLossNames, ...own].flatMap((name) => {
    const weight = config[name] ?? 0;
    return weight > 0 ? [{ name, weight }] : [];
  });
}

/**
 * `"l2"`, or a weighted sum such as `{ l1: 1, ssim: 0.2 }`. Parses to every weight written out, which itself parses to
 * an equal one. Inside a larger schema use `.prefault("l2")` to make it optional.
 */
export const reconstructionLossSchema = z
  .custom<ReconstructionLossOptions>()
  .transform((options, context): unknown => {
    const weights = typeof options === "string" ? { [options]: 1 } : options;
    const ours = typeof options === "string" ? reconstructionLossNames : Object.keys(weightsSchema.shape);
    const known: readonly string[] = [...ours, ...ownReconstructionLosses()];
    const unknown = Object.keys(weights ?? {}).find((key) => !known.includes(key));
    if (unknown === undefined) return weights;
    const message = `${unknownName("reconstruction loss", unknown, known)} One of your own is known once the module that registers it is loaded.`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  })
  .pipe(weightsSchema);

/** A training loss and what it was made of. */
export interface ReconstructionLoss {
  /** The weighted sum. */
  readonly total: tf.Scalar;
  /** Each loss with a weight above 0, before its weight. */
  readonly terms: Readonly<Partial<Record<ReconstructionLossName, tf.Scalar>>> &
    Readonly<Record<string, tf.Scalar>>;
}

/**
 * How far a reconstruction is from its target. All losses are means over every element, on pixels in -1..1 (an error
 * of one 8-bit step is 2/255):
 *
 * - l1: |d|
 * - l2: d²
 * - huber: d²/2 up to δ = `huberDelta`, δ(|d| − δ/2) beyond
 * - ssim: 1 − SSIM (see `meanSsim`), 0..2
 * - any other name: as it was registered
 *
 * @param target [N, H, W, C]
 * @param reconstruction [N, H, W, C]
 * @throws ShapeError when the shapes differ, or when SSIM is asked for on images under 11×11, or for a loss of one's own
 * that is no scalar; ConfigError for one that is not registered
 */
export function reconstructionLoss(
  target: tf.Tensor4D,
  reconstruction: tf.Tensor4D,
  config: ReconstructionLossConfig,
): ReconstructionLoss {
  if (!tf.util.arraysEqual(target.shape, reconstruction.shape)) {
    throw new ShapeError("reconstruction", `[${target.shape.join(",")}], the target's`, reconstruction.shape);
  }
  const weighted = weightsOf(config);
  const terms: Record<string, tf.Scalar> = {};
  for (const { name } of weighted) {
    terms[name] = tf.tidy(() =>
      isOurs(name)
        ? lossTerm(name, target, { reconstruction, config })
        : ownTerm(name, target, reconstruction),
    );
  }
  const total = tf.tidy(() =>
    weighted
      .map(({ name, weight }) => tf.mul(terms[name] as tf.Scalar, weight))
      .reduce((sum, term) => tf.add(sum, term))
      .asScalar(),
  );
  return { total, terms };
}

/** Whether a loss is vqkit's and not one's own. */
export function isOurs(name: string): name is ReconstructionLossName {
  return (reconstructionLossNames as readonly string[]).includes(name);
}

function ownTerm(name: string, target: tf.Tensor4D, reconstruction: tf.Tensor4D): tf.Scalar {
  const definition = ownReconstructionLoss(name);
  if (definition === undefined) {
    throw new ConfigError(
      `loss.${name}`,
      unknownName("reconstruction loss", name, ownReconstructionLosses()),
    );
  }
  const value = definition.compute(target, reconstruction);
  if (value.size !== 1) throw new ShapeError(`loss.${name}`, "[], a scalar", value.shape);
  return value.asScalar();
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
