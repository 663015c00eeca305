/** How two gradients of the same variables lie to each other. */
export interface GradientComparison {
  /** Degrees between them, 0..180; null when one of them is zero. */
  readonly angle: number | null;
  /** ‖other‖ / ‖reference‖; null when the reference is zero. */
  readonly normRatio: number | null;
}

type Vector = Float32Array | Float64Array;

/**
 * Angle and norm ratio of two vectors: angle = 2 atan2(‖â − b̂‖, ‖â + b̂‖) with â, b̂ of length 1, which, unlike the
 * arc cosine of their product, is exact for small angles too (Kahan).
 *
 * @param reference a, e.g. straight-through's gradient
 * @param other b, of the same length
 */
export function compareGradients(reference: Vector, other: Vector): GradientComparison {
  const [a, b] = [norm(reference), norm(other)];
  if (a === 0) return { angle: null, normRatio: null };
  if (b === 0) return { angle: null, normRatio: 0 };
  let [apart, together] = [0, 0];
  for (const [i, value] of reference.entries()) {
    const [x, y] = [value / a, (other[i] as number) / b];
    apart += (x - y) ** 2;
    together += (x + y) ** 2;
  }
  return { angle: (2 * Math.atan2(Math.sqrt(apart), Math.sqrt(together)) * 180) / Math.PI, normRatio: b / a };
}

/**
 * The part of a gradient's squared length that points along the latents: Σ (ẑᵢ·gᵢ)² / Σ ‖gᵢ‖² over rows i, with
 * ẑ = z/‖z‖. 0: the gradient only turns latents. 1: it only stretches them. A gradient without preference has 1/D.
 * Rows with z = 0 have no direction and count as turning. Null when the gradient is zero.
 *
 * @param latents z, [M, D] flat
 * @param gradient g, [M, D] flat
 */
export function radialShare(latents: Vector, gradient: Vector, dimensions: number): number | null {
  let [radial, total] = [0, 0];
  for (let at = 0; at < gradient.length; at += dimensions) {
    const z = latents.subarray(at, at + dimensions);
    const g = gradient.subarray(at, at + dimensions);
    const length = norm(z);
    total += norm(g) ** 2;
    if (length > 0) radial += (dot(z, g) / length) ** 2;
  }
  return total === 0 ? null : radial / total;
}

/**
 * Every row at length 1, and zero where it is zero; and the sum of the rows' lengths, which is the derivative of the
 * loss per unit of distance when each latent moves along its own gradient.
 *
 * @param gradient [M, D] flat
 */
export function rowDirections(
  gradient: Vector,
  dimensions: number,
): { readonly directions: Float32Array; readonly slope: number } {
  const directions = new Float32Array(gradient.length);
  let slope = 0;
  for (let at = 0; at < gradient.length; at += dimensions) {
    const length = norm(gradient.subarray(at, at + dimensions));
    slope += length;
    if (length === 0) continue;
    for (let i = at; i < at + dimensions; i++) directions[i] = (gradient[i] as number) / length;
  }
  return { directions, slope };
}

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (const [i, value] of a.entries()) sum += value * (b[i] as number);
  return sum;
}

export function norm(vector: Vector): number {
  return Math.sqrt(dot(vector, vector));
}
