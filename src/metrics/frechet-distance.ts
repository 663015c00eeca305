import { ShapeError } from "../core/errors.js";
import type { Gaussian } from "./gaussian-fit.js";
import { multiplyTransposed, semidefiniteFactor, symmetricEigenvalues } from "./symmetric-matrix.js";

/**
 * The squared Fréchet (2-Wasserstein) distance of two normal distributions, as the Fréchet inception distance takes it
 * of image features (Heusel et al. 2017, arXiv 1706.08500, equation 6; Dowson & Landau 1982):
 * ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½.
 *
 * Σ₁Σ₂ is not symmetric, but with Σ₁ = RᵀR it has the nonzero eigenvalues of RΣ₂Rᵀ, which is: the last trace is the
 * sum of their square roots. No matrix is inverted, so covariances may be singular. Those that rounding made negative
 * count as 0. The result is accurate to about 1e-8·D times the largest variance: a square root turns rounding of 1e-16
 * into 1e-8.
 *
 * Takes O(D³) time on the calling thread (D = 2048: see docs/evaluation.md) and O(D²) memory.
 *
 * @throws ShapeError when the dimensions differ
 */
export function frechetDistance(a: Gaussian, b: Gaussian): number {
  const d = a.mean.length;
  for (const [name, { mean, covariance }] of Object.entries({ a, b })) {
    if (mean.length !== d) throw new ShapeError(`${name}.mean`, `[${d}]`, [mean.length]);
    if (covariance.length !== d * d) {
      throw new ShapeError(`${name}.covariance`, `[${d},${d}]`, [covariance.length]);
    }
  }
  const between = a.mean.reduce((sum, value, i) => sum + (value - (b.mean[i] as number)) ** 2, 0);
  const distance =
    between +
    trace(a.covariance, d) +
    trace(b.covariance, d) -
    2 * traceOfRoot(a.covariance, b.covariance, d);
  return Math.max(0, distance); // rounding must not carry it outside what it can be
}

/** tr (Σ₁Σ₂)^½. */
function traceOfRoot(first: Float64Array, second: Float64Array, d: number): number {
  const factor = semidefiniteFactor(first, d); // [R, D]
  if (factor.rows === 0) return 0;
  const half = multiplyTransposed(factor, { values: second, rows: d }); // R·Σ₂, for Σ₂ is symmetric: [R, D]
  const whole = multiplyTransposed(half, factor); // [R, R]
  const eigenvalues = symmetricEigenvalues(whole.values, whole.rows);
  return eigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
}

function trace(matrix: Float64Array, d: number): number {
  let sum = 0;
  for (let i = 0; i < d; i++) sum += matrix[i * d + i] as number;
  return sum;
}
