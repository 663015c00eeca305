/**
 * The rotation trick: the gradient reaches the latent through the rotation and rescaling that carry it to its code.
 *
 * Fifty et al. 2024, https://arxiv.org/abs/2410.06424, section 4.2. Names, for latent e and code q of one row:
 * ê = e/‖e‖ (`from`), q̂ = q/‖q‖ (`to`), λ = ‖q‖/‖e‖ (`scale`), r = (ê+q̂)/‖ê+q̂‖ (`axis`).
 * The output is sg[λR]·e with R = I − 2rrᵀ + 2q̂êᵀ, which equals q. R, λ are constants of the backward pass, so the
 * gradient g at the output reaches e as λRᵀg = λ(g − 2r(r·g) + 2ê(q̂·g)). R itself, D×D for each row, is never built.
 */

import { z } from "zod";
import type { Scalar, Tensor, Tensor2D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import {
  type BackwardArguments,
  estimatorPart,
  type GradientEstimator,
  replaceByCodes,
} from "./estimator.js";
import { withoutGradient } from "./stop-gradient.js";

const PAPER = { title: "Restructuring Vector Quantization with the Rotation Trick", arxiv: "2410.06424" };

/** Norms below this count as zero. */
const NORM_GUARD = 1e-6;

/**
 * ê + q̂ (or ê − q̂) shorter than this has no direction worth using: each term carries a rounding error near 1e-7, so
 * at this length the direction is known to about 1e-4.
 */
const SHORTEST_AXIS = 1e-3;

export interface RotationOptions {
  /**
   * true: as the paper's section 4.2 (Table 1). false: as the paper's released VQGAN files, which normalise e inside
   * the graph and so lose the part of the gradient along e: λ(I − êêᵀ)Rᵀg.
   */
  readonly radialGradient: boolean;
}

/** The rotation estimator. Rows where the rotation is undefined (ê = −q̂, or e = 0) fall back to straight-through. */
export function rotation({ radialGradient }: RotationOptions): GradientEstimator {
  return (latents, codes) =>
    replaceByCodes(latents, codes, ({ gradient: g, latents: e, codes: q }) => {
      const { from, to, axis, scale, reflected, usable } = frame({ latents: e, codes: q, sign: 1 });
      // scale·g − 2·scale·r(r·g) + 2·scale·ê(q̂·g); `reflected` is 2λ, or 0 in a row that falls back
      const alongAxis = tf.mul(axis, tf.mul(reflected, dot(axis, g)));
      const alongFrom = tf.mul(from, tf.mul(reflected, dot(to, g)));
      const turned = tf.add(tf.sub(tf.mul(scale, g), alongAxis), alongFrom) as Tensor2D;
      if (radialGradient) return turned;
      const radial = tf.mul(from, tf.mul(tf.cast(usable, "float32"), dot(from, turned)));
      return tf.sub(turned, radial) as Tensor2D;
    });
}

/**
 * The same trick with one Householder reflection instead of a rotation: H = I − 2wwᵀ, w = (ê−q̂)/‖ê−q̂‖ carries ê to
 * q̂, and the gradient is λ(g − 2w(w·g)). Rows where it is undefined (ê = q̂, or e = 0) fall back to straight-through.
 */
export const reflection: GradientEstimator = (latents, codes) =>
  replaceByCodes(latents, codes, ({ gradient: g, latents: e, codes: q }) => {
    const { axis, scale, reflected } = frame({ latents: e, codes: q, sign: -1 });
    return tf.sub(tf.mul(scale, g), tf.mul(axis, tf.mul(reflected, dot(axis, g)))) as Tensor2D;
  });

export const rotationEstimator = estimatorPart({
  name: "rotation",
  summary: "the gradient turned back and rescaled as the code lies to its latent",
  paper: PAPER,
  options: {
    radialGradient: z
      .boolean()
      .default(true)
      .describe("keep the gradient along the latent; false repeats the paper's VQGAN files"),
  },
  teachesCodes: false,
  card: ({ radialGradient }) =>
    `Rotation: the gradient at the code is turned back and rescaled as the code lies to its latent${
      radialGradient ? "" : "; its part along the latent is dropped, as in the paper's released VQGAN files"
    }.`,
  create: rotation,
  variants: { rotation: { radialGradient: true }, "rotation, not radial": { radialGradient: false } },
});

export const reflectionEstimator = estimatorPart({
  name: "reflection",
  summary: "as rotation, by one reflection",
  paper: PAPER,
  options: {},
  teachesCodes: false,
  card: () =>
    "Reflection: as rotation, but by one reflection that carries the latent's direction to the code's.",
  create: () => reflection,
  variants: { reflection: {} },
});

/**
 * How many rows the rotation estimator hands to straight-through.
 *
 * @param latents [..., D]
 * @param codes the chosen codes, same shape
 * @returns an int32 scalar
 */
export function countRotationFallbacks(latents: Tensor, codes: Tensor): Scalar {
  return withoutGradient(() => {
    const dim = latents.shape.at(-1) ?? 1;
    const rows = latents.size / dim;
    const { usable } = frame({
      latents: tf.reshape(latents, [rows, dim]),
      codes: tf.reshape(codes, [rows, dim]),
      sign: 1,
    });
    return tf.sub(tf.scalar(rows, "int32"), tf.sum(tf.cast(usable, "int32"))) as Scalar;
  });
}

interface Frame {
  /** ê and q̂, [M, D]. */
  readonly from: Tensor2D;
  readonly to: Tensor2D;
  /** The direction of ê + sign·q̂, [M, D]. */
  readonly axis: Tensor2D;
  /** λ, or 1 in a row that falls back, [M, 1]. */
  readonly scale: Tensor2D;
  /** 2λ, or 0 in a row that falls back, [M, 1]. */
  readonly reflected: Tensor2D;
  /** false in a row that falls back, [M, 1]. */
  readonly usable: Tensor2D;
}

interface FrameArguments extends Pick<BackwardArguments<Tensor2D>, "latents" | "codes"> {
  readonly sign: 1 | -1;
}

function frame({ latents, codes, sign }: FrameArguments): Frame {
  const latentNorm = norm(latents);
  const codeNorm = norm(codes);
  const from = tf.div(latents, tf.maximum(latentNorm, NORM_GUARD)) as Tensor2D;
  const to = tf.div(codes, tf.maximum(codeNorm, NORM_GUARD)) as Tensor2D;
  const between = (sign === 1 ? tf.add(from, to) : tf.sub(from, to)) as Tensor2D;
  const length = norm(between);
  const usable = tf.logicalAnd(
    tf.greater(length, SHORTEST_AXIS),
    tf.greater(latentNorm, NORM_GUARD),
  ) as Tensor2D;
  const ratio: Tensor2D = tf.div(codeNorm, tf.maximum(latentNorm, NORM_GUARD));
  return {
    from,
    to,
    axis: tf.div(between, tf.maximum(length, SHORTEST_AXIS)),
    scale: tf.where(usable, ratio, tf.onesLike(ratio)),
    reflected: tf.where(usable, tf.mul(ratio, 2), tf.zerosLike(ratio)),
    usable,
  };
}

/** Row by row, [M, D] → [M, 1]. */
function norm(rows: Tensor2D): Tensor2D {
  return tf.sqrt(tf.sum(tf.square(rows), 1, true));
}

/** Row by row, [M, D] · [M, D] → [M, 1]. */
function dot(a: Tensor2D, b: Tensor2D): Tensor2D {
  return tf.sum(tf.mul(a, b), 1, true);
}
