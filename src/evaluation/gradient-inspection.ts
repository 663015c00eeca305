/**
 * What each gradient estimator would tell the encoder of a model, on one batch. Nothing here is drawn at random: the
 * same model and batch give the same figures.
 *
 * Names: z latents, q codes, L the reconstruction loss (the quantizer's own losses do not pass the estimator and are
 * left out), g = ∂L/∂q at the quantizer's output, gₑ an estimator's gradient at the latents. Straight-through's is g.
 */

import { type ImageAutoencoder, pixelsToTensor } from "../autoencoder/index.js";
import type { ImageBatch } from "../data/index.js";
import { type ReconstructionLossConfig, reconstructionLoss } from "../losses/index.js";
import { type GradientEstimator, straightThrough } from "../quantizers/index.js";
import * as tf from "../tf/index.js";
import {
  compareGradients,
  type GradientComparison,
  radialShare,
  rowDirections,
} from "./figures/gradient-geometry.js";

/** The loss as it really is, quantizer and all, at a distance from the latents along an estimator's gradient. */
export interface GradientProbe {
  /** How far every latent is moved, in units of `GradientInspection.probeUnit`. */
  readonly distance: number;
  /**
   * (L(z + h·u) − L(z − h·u)) / (2h·Σ‖gₑ‖) with u each row of gₑ at length 1 and h the distance: 1 where the loss
   * changes as the estimator says, 0 where it does not change, negative where it changes the other way. Null when gₑ = 0.
   */
  readonly agreement: number | null;
  /** The part of the indices that differ from those of z, mean of both ends, 0..1. */
  readonly reassigned: number;
}

/** One estimator's gradient beside straight-through's. */
export interface EstimatorGradient {
  /** `own` is that of the model's quantizer, whatever it is. */
  readonly estimator: string;
  /** At the encoder's weights, all as one vector. */
  readonly weights: GradientComparison;
  /** At the latents, all as one vector. */
  readonly latents: GradientComparison;
  /** Of gₑ; see `radialShare`. */
  readonly radialShare: number | null;
  readonly probes: readonly GradientProbe[];
}

/** What an inspection found. JSON-safe; holds no tensor. */
export interface GradientInspection {
  readonly images: number;
  /** Rows of z. */
  readonly latentVectors: number;
  /** D: a gradient without preference has a radial share of 1/D. */
  readonly codeDim: number;
  readonly reconstructionLoss: number;
  /** √ of the mean of ‖z − q‖²; 1 % of that of ‖z‖² where every latent is a code. */
  readonly probeUnit: number;
  readonly estimators: readonly EstimatorGradient[];
}

export interface GradientInspectionOptions {
  readonly loss: ReconstructionLossConfig;
  /** By name. Default: those of the quantizer, all of vqkit's for a vector quantizer; else straight-through alone. */
  readonly estimators?: Readonly<Record<string, GradientEstimator>>;
  /** Distances to probe at, each > 0, in units of the quantization error; default ¼, ½, 1, 2. */
  readonly distances?: readonly number[];
}

const DISTANCES = [0.25, 0.5, 1, 2] as const;

/**
 * Compares the gradients of several estimators on one batch. Changes no weight, and disposes of every tensor it makes.
 *
 * @param batch images whose sides are multiples of the model's downsampling factor
 * @throws ShapeError for another size
 */
export async function inspectGradients(
  model: ImageAutoencoder,
  batch: ImageBatch,
  options: GradientInspectionOptions,
): Promise<GradientInspection> {
  const { loss, distances = DISTANCES } = options;
  // Straight-through stands for itself; other estimators need z and q in the same space.
  const estimators = options.estimators ??
    model.quantizer.estimators ?? { "straight-through": straightThrough };
  const point = forwardPoint(model, batch, loss);
  try {
    const values = await readPoint(point);
    const inspected = { model, point, values, loss, distances };
    const reference = await weightGradient(model, point, point.gradient);
    const found: EstimatorGradient[] = [];
    for (const [estimator, gradientOf] of [
      ["own", () => ownGradient(model, point)] as const,
      ...Object.entries(estimators).map(([name, one]) => [name, () => latentGradient(one, point)] as const),
    ]) {
      const gradient = gradientOf();
      try {
        found.push({ estimator, ...(await inspectOne(inspected, gradient, reference)) });
      } finally {
        gradient.dispose();
      }
    }
    return {
      images: batch.count,
      latentVectors: values.latents.length / model.quantizer.codeDim,
      codeDim: model.quantizer.codeDim,
      reconstructionLoss: values.loss,
      probeUnit: values.unit,
      estimators: found,
    };
  } finally {
    tf.dispose(point);
  }
}

/** Where gradients are taken. A type, so that `tf.dispose` takes it whole. */
export type GradientPoint = {
  /** z, [N, H, W, D]. */
  readonly latents: tf.Tensor4D;
  /** q, [N, H, W, D]. */
  readonly codes: tf.Tensor4D;
  /** g, [N, H, W, D]. */
  readonly gradient: tf.Tensor4D;
};

type ModelPoint = GradientPoint & {
  readonly pixels: tf.Tensor4D;
  readonly indices: tf.Tensor4D;
  readonly loss: tf.Scalar;
};

function forwardPoint(
  model: ImageAutoencoder,
  batch: ImageBatch,
  config: ReconstructionLossConfig,
): ModelPoint {
  return tf.tidy(() => {
    const pixels = pixelsToTensor(batch);
    const latents = model.encode(pixels);
    const { quantized, indices } = model.quantizer.quantize(latents);
    const lossOf = (codes: tf.Tensor4D) => reconstructionLoss(pixels, model.decode(codes), config).total;
    const { value, grad } = tf.valueAndGrad((codes) => lossOf(codes as tf.Tensor4D))(quantized);
    return {
      pixels,
      latents,
      codes: quantized,
      indices,
      loss: value as tf.Scalar,
      gradient: grad as tf.Tensor4D,
    };
  });
}

/**
 * gₑ: what an estimator makes of the gradient at its output.
 *
 * @returns [N, H, W, D]
 */
export function latentGradient(
  estimate: GradientEstimator,
  { latents, codes, gradient }: GradientPoint,
): tf.Tensor4D {
  return tf.tidy(() => {
    const dim = latents.shape[3];
    const rows = (tensor: tf.Tensor4D): tf.Tensor2D => tf.reshape(tensor, [tensor.size / dim, dim]);
    const [q, g] = [rows(codes), rows(gradient)];
    const product = (z: tf.Tensor): tf.Scalar => tf.sum(tf.mul(g, estimate(z as tf.Tensor2D, q)));
    return tf.reshape(tf.grad(product)(rows(latents)), latents.shape);
  });
}

function ownGradient({ quantizer }: ImageAutoencoder, { latents, gradient }: GradientPoint): tf.Tensor4D {
  return tf.tidy(() => {
    const product = (z: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(gradient, quantizer.quantize(z as tf.Tensor4D).quantized));
    return tf.grad(product)(latents) as tf.Tensor4D;
  });
}

/** The gradient at the encoder's weights (and those of the projection behind it) that follows from one at the latents. */
async function weightGradient(
  model: ImageAutoencoder,
  { pixels }: ModelPoint,
  gradient: tf.Tensor4D,
): Promise<Float32Array> {
  const weights = [...model.trainableVariables()]
    .filter(([name]) => name.startsWith("encoder/") || name.startsWith("projection/in/"))
    .map(([, variable]) => variable);
  const flat = tf.tidy(() => {
    const product = (): tf.Scalar => tf.sum(tf.mul(gradient, model.encode(pixels)));
    const { grads } = tf.variableGrads(product, weights);
    return tf.concat(weights.map(({ name, size }) => tf.reshape(grads[name] as tf.Tensor, [size])));
  });
  try {
    return (await flat.data()) as Float32Array;
  } finally {
    flat.dispose();
  }
}

interface PointValues {
  readonly latents: Float32Array;
  readonly indices: Int32Array;
  readonly gradient: Float32Array;
  readonly loss: number;
  /** The probe unit. */
  readonly unit: number;
}

async function readPoint({ latents, codes, gradient, indices, loss }: ModelPoint): Promise<PointValues> {
  const [z, q, g, chosen, [value = Number.NaN]] = (await Promise.all(
    [latents, codes, gradient, indices, loss].map((tensor) => tensor.data()),
  )) as [Float32Array, Float32Array, Float32Array, Int32Array, Float32Array];
  const rows = z.length / latents.shape[3];
  const rootMeanSquare = (of: (z: number, i: number) => number) =>
    Math.sqrt(z.reduce((sum, value, i) => sum + of(value, i) ** 2, 0) / rows);
  const error = rootMeanSquare((value, i) => value - (q[i] as number));
  const unit = error > 0 ? error : rootMeanSquare((value) => value) / 100;
  return { latents: z, gradient: g, indices: chosen, loss: value, unit };
}

interface Inspected {
  readonly model: ImageAutoencoder;
  readonly point: ModelPoint;
  readonly values: PointValues;
  readonly loss: ReconstructionLossConfig;
  readonly distances: readonly number[];
}

async function inspectOne(
  inspected: Inspected,
  gradient: tf.Tensor4D,
  reference: Float32Array,
): Promise<Omit<EstimatorGradient, "estimator">> {
  const { model, point, values } = inspected;
  const dim = model.quantizer.codeDim;
  const found = (await gradient.data()) as Float32Array;
  const { directions, slope } = rowDirections(found, dim);
  const probes: GradientProbe[] = [];
  for (const distance of inspected.distances) {
    const step = distance * values.unit;
    const [ahead, behind] = [
      await lossAt(inspected, directions, step),
      await lossAt(inspected, directions, -step),
    ];
    const agreement = slope === 0 ? null : (ahead.loss - behind.loss) / (2 * step * slope);
    probes.push({ distance, agreement, reassigned: (ahead.reassigned + behind.reassigned) / 2 });
  }
  return {
    weights: compareGradients(reference, await weightGradient(model, point, gradient)),
    latents: compareGradients(values.gradient, found),
    radialShare: radialShare(values.latents, found, dim),
    probes,
  };
}

/** The true loss with every latent moved by `step` along its direction, and how many indices that changed. */
async function lossAt(
  { model, point, values, loss }: Inspected,
  directions: Float32Array,
  step: number,
): Promise<{ readonly loss: number; readonly reassigned: number }> {
  const moved = tf.tidy(() => {
    const latents: tf.Tensor4D = tf.add(
      point.latents,
      tf.mul(tf.tensor(directions, point.latents.shape), step),
    );
    const { quantized, indices } = model.quantizer.quantize(latents);
    return { loss: reconstructionLoss(point.pixels, model.decode(quantized), loss).total, indices };
  });
  try {
    const [[value = Number.NaN], indices] = await Promise.all([moved.loss.data(), moved.indices.data()]);
    const changed = values.indices.reduce((sum, index, i) => (index === indices[i] ? sum : sum + 1), 0);
    return { loss: value, reassigned: changed / values.indices.length };
  } finally {
    tf.dispose(moved);
  }
}
