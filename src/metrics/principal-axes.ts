/** The vectors of a codebook as plain numbers. */
export interface CodeVectors {
  /** D. */
  readonly codeDim: number;
  /** [K, D] */
  readonly values: ArrayLike<number>;
}

/** Vectors seen along the directions in which they vary most. */
export interface Projection {
  /** [K, axes], the strongest axis first. */
  readonly points: Float64Array;
  /** Share of the variance along each axis, 0..1. */
  readonly explained: readonly number[];
}

/** Enough for directions whose variances differ by a few per cent; closer ones may be taken in any mixture. */
const ITERATIONS = 300;
const NOISE = 1e-12;

/**
 * Principal component analysis by power iteration on the covariance. The sign of each axis is that which makes its
 * largest component positive, so equal codebooks give equal pictures. Along axes that there are not, points are 0.
 *
 * @param count how many axes, an integer >= 1
 */
export function projectToAxes({ codeDim: d, values }: CodeVectors, count: number): Projection {
  const rows = Math.floor(values.length / d);
  const means = columnMeans(values, d);
  const matrix = covariance(values, means);
  let total = 0;
  for (let i = 0; i < d; i++) total += matrix[i * d + i] as number;
  const axes: Float64Array[] = [];
  const explained = new Array<number>(count).fill(0);
  for (let k = 0; k < count; k++) {
    const { axis, variance } = strongestAxis(matrix, d);
    if (variance <= total * NOISE) {
      axes.push(new Float64Array(d)); // no direction is left, only rounding
      continue;
    }
    axes.push(axis);
    explained[k] = variance / total;
    // What is left without this direction.
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) {
        matrix[i * d + j] =
          (matrix[i * d + j] as number) - variance * (axis[i] as number) * (axis[j] as number);
      }
    }
  }
  const points = new Float64Array(count * rows);
  for (let row = 0; row < rows; row++) {
    for (const [k, axis] of axes.entries()) {
      let sum = 0;
      for (let i = 0; i < d; i++) {
        sum += ((values[row * d + i] as number) - (means[i] as number)) * (axis[i] as number);
      }
      points[count * row + k] = sum;
    }
  }
  return { points, explained };
}

function columnMeans(values: ArrayLike<number>, d: number): Float64Array {
  const means = new Float64Array(d);
  for (let i = 0; i < values.length; i++) means[i % d] = (means[i % d] as number) + (values[i] as number);
  return means.map((sum) => (sum * d) / values.length);
}

/** [d, d] */
function covariance(values: ArrayLike<number>, means: Float64Array): Float64Array {
  const d = means.length;
  const matrix = new Float64Array(d * d);
  const row = new Float64Array(d);
  for (let start = 0; start < values.length; start += d) {
    for (let i = 0; i < d; i++) row[i] = (values[start + i] as number) - (means[i] as number);
    for (let i = 0; i < d; i++) {
      for (let j = 0; j <= i; j++) {
        matrix[i * d + j] = (matrix[i * d + j] as number) + (row[i] as number) * (row[j] as number);
      }
    }
  }
  const scale = d / values.length;
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      const value = (matrix[i * d + j] as number) * scale;
      matrix[i * d + j] = value;
      matrix[j * d + i] = value;
    }
  }
  return matrix;
}

function strongestAxis(matrix: Float64Array, d: number): { axis: Float64Array; variance: number } {
  // Not along any coordinate, so that no start is at right angles to the answer but by chance.
  let axis = normalized(Float64Array.from({ length: d }, (_, i) => 1 + Math.sin(i + 1) / 2));
  let variance = 0;
  for (let step = 0; step < ITERATIONS; step++) {
    const next = new Float64Array(d);
    for (let i = 0; i < d; i++) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += (matrix[i * d + j] as number) * (axis[j] as number);
      next[i] = sum;
    }
    variance = Math.hypot(...next);
    if (variance === 0) break;
    axis = normalized(next);
  }
  const largest = axis.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return { axis: largest < 0 ? axis.map((value) => -value) : axis, variance };
}

function normalized(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
