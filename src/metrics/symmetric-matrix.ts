/*
 * What the Fréchet distance needs of linear algebra, in double precision: matrices are [D, D] (or [R, D]), row by row,
 * in a Float64Array. All inner loops run along rows, so that D = 2048 (33 MB a matrix) takes seconds.
 */

import { addCombination } from "./row-combination.js";

/** A matrix of `rows` rows; the number of columns follows from the length of `values`. */
export interface RowMatrix {
  readonly values: Float64Array;
  readonly rows: number;
}

/**
 * A factor R of a positive semidefinite matrix: S = RᵀR, by Cholesky's method with the largest remaining diagonal
 * element as pivot (Golub & Van Loan, Matrix Computations, section 4.2.8). The columns of R stand in S's own order.
 *
 * @param matrix S, [D, D], symmetric
 * @returns R, [rank, D]: rows end when what remains is rounding, D·ε times the largest diagonal element
 */
export function semidefiniteFactor(matrix: Float64Array, dimensions: number): RowMatrix {
  const d = dimensions;
  const remaining = Float64Array.from({ length: d }, (_, i) => matrix[i * d + i] as number);
  const rounding = d * Number.EPSILON * remaining.reduce((largest, value) => Math.max(largest, value), 0);
  const factor = new Float64Array(d * d);
  const coefficients = new Float64Array(d);
  let rows = 0;
  for (; rows < d; rows++) {
    const pivot = remaining.reduce((best, value, i) => (value > (remaining[best] as number) ? i : best), 0);
    const left = remaining[pivot] as number;
    if (left <= rounding) break;
    const row = factor.subarray(rows * d, (rows + 1) * d);
    row.set(matrix.subarray(pivot * d, (pivot + 1) * d));
    for (let m = 0; m < rows; m++) coefficients[m] = -(factor[m * d + pivot] as number);
    addCombination(row, coefficients.subarray(0, rows), { values: factor, stride: d, from: 0 });
    const scale = 1 / Math.sqrt(left);
    for (let j = 0; j < d; j++) {
      const value = (row[j] as number) * scale;
      row[j] = value;
      remaining[j] = (remaining[j] as number) - value * value;
    }
    remaining[pivot] = 0; // exactly, whatever rounding left there
  }
  return { values: factor.subarray(0, rows * d), rows };
}

/**
 * A·Bᵀ: every element is the product of two rows. Blocks of 4×2 elements are summed at once, so that each number that
 * is read takes part in several products; at the edges a block reaches back over rows that are done.
 *
 * @param a [N, D]
 * @param b [M, D]
 * @returns [N, M]
 */
export function multiplyTransposed(a: RowMatrix, b: RowMatrix): RowMatrix {
  const d = a.values.length / a.rows;
  const product = { values: new Float64Array(a.rows * b.rows), rows: a.rows };
  for (let from = 0; from < b.rows; from += CACHED_ROWS) {
    const to = Math.min(b.rows, from + CACHED_ROWS);
    for (let i = 0; i < a.rows; i += 4) {
      const rowsOfA = [i, i + 1, i + 2, i + 3].map((row) => Math.min(row, a.rows - 1));
      for (let j = from; j < to; j += 2) {
        multiplyBlock({ a: a.values, b: b.values, d }, [rowsOfA, [j, Math.min(j + 1, b.rows - 1)]], product);
      }
    }
  }
  return product;
}

/** Rows of B that stay in the processor's cache while all of A passes by. */
const CACHED_ROWS = 64;

/** The elements of a product where four rows of A meet two of B. */
function multiplyBlock(
  { a, b, d }: { readonly a: Float64Array; readonly b: Float64Array; readonly d: number },
  [rowsOfA, rowsOfB]: readonly [readonly number[], readonly number[]],
  { values, rows }: RowMatrix,
): void {
  const [i0, i1, i2, i3] = rowsOfA as [number, number, number, number];
  const [j0, j1] = rowsOfB as [number, number];
  const [a0, a1, a2, a3, b0, b1] = [i0 * d, i1 * d, i2 * d, i3 * d, j0 * d, j1 * d];
  let [s00, s01, s10, s11, s20, s21, s30, s31] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < d; k++) {
    const x = b[b0 + k] as number;
    const y = b[b1 + k] as number;
    const v0 = a[a0 + k] as number;
    const v1 = a[a1 + k] as number;
    const v2 = a[a2 + k] as number;
    const v3 = a[a3 + k] as number;
    s00 += v0 * x;
    s01 += v0 * y;
    s10 += v1 * x;
    s11 += v1 * y;
    s20 += v2 * x;
    s21 += v2 * y;
    s30 += v3 * x;
    s31 += v3 * y;
  }
  const columns = values.length / rows;
  values[i0 * columns + j0] = s00;
  values[i0 * columns + j1] = s01;
  values[i1 * columns + j0] = s10;
  values[i1 * columns + j1] = s11;
  values[i2 * columns + j0] = s20;
  values[i2 * columns + j1] = s21;
  values[i3 * columns + j0] = s30;
  values[i3 * columns + j1] = s31;
}

/**
 * All eigenvalues of a symmetric matrix, in no order: reduction to a tridiagonal matrix by reflections, then QR steps
 * with Wilkinson's shift (Golub & Van Loan, sections 8.3.1 and 8.3.5). No eigenvectors.
 *
 * @param matrix [D, D]; its upper half is read, and all of it is overwritten
 */
export function symmetricEigenvalues(matrix: Float64Array, dimensions: number): Float64Array {
  return tridiagonalEigenvalues(tridiagonal(matrix, dimensions));
}

interface Tridiagonal {
  /** [D] */
  readonly diagonal: Float64Array;
  /** [D]: element i couples i and i + 1; the last is 0. */
  readonly beside: Float64Array;
}

/** A similar tridiagonal matrix, by Householder reflections of what remains; reads the upper half. */
function tridiagonal(a: Float64Array, d: number): Tridiagonal {
  const diagonal = new Float64Array(d);
  const beside = new Float64Array(d);
  const product = new Float64Array(d);
  for (let k = 0; k < d; k++) {
    diagonal[k] = a[k * d + k] as number;
    if (k === d - 1) break;
    const v = a.subarray(k * d + k + 1, (k + 1) * d); // overwritten by the reflection's vector
    const { image, beta } = reflection(v);
    beside[k] = image;
    if (beta === 0) continue;
    const size = d - k - 1;
    const p = product.subarray(0, size);
    multiplyUpper(a, { from: k + 1, d }, { v, p });
    let along = 0;
    for (let i = 0; i < size; i++) along += (v[i] as number) * (p[i] as number);
    const half = (beta * beta * along) / 2;
    for (let i = 0; i < size; i++) p[i] = beta * (p[i] as number) - half * (v[i] as number);
    subtractProducts(a, { from: k + 1, d }, { v, w: p });
  }
  return { diagonal, beside };
}

/** Makes v the vector of the reflection I − β·v·vᵀ that maps it to a multiple `image` of the first axis. */
function reflection(v: Float64Array): { readonly image: number; readonly beta: number } {
  const first = v[0] as number;
  const largest = v.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let tail = 0; // of v / largest, which cannot overflow
  for (let i = 1; i < v.length; i++) tail += ((v[i] as number) / largest) ** 2;
  if (largest === 0 || tail === 0) return { image: first, beta: 0 };
  const norm = largest * Math.sqrt((first / largest) ** 2 + tail);
  const image = first > 0 ? -norm : norm; // the sign that does not cancel
  v[0] = first - image;
  return { image, beta: -1 / (image * (v[0] as number)) };
}

interface Corner {
  /** The first row and column that remain. */
  readonly from: number;
  readonly d: number;
}

/** p = S·v, where S is the symmetric matrix whose upper half is the lower right corner of `a`. */
function multiplyUpper(
  a: Float64Array,
  { from, d }: Corner,
  { v, p }: { readonly v: Float64Array; readonly p: Float64Array },
): void {
  const size = d - from;
  p.fill(0);
  for (let i = 0; i < size; i++) {
    const at = (from + i) * d + from;
    const vi = v[i] as number;
    let sum = (a[at + i] as number) * vi;
    for (let j = i + 1; j < size; j++) {
      const value = a[at + j] as number;
      sum += value * (v[j] as number);
      p[j] = (p[j] as number) + value * vi;
    }
    p[i] = (p[i] as number) + sum;
  }
}

/** S − v·wᵀ − w·vᵀ, on the upper half. */
function subtractProducts(
  a: Float64Array,
  { from, d }: Corner,
  { v, w }: { readonly v: Float64Array; readonly w: Float64Array },
): void {
  const size = d - from;
  for (let i = 0; i < size; i++) {
    const at = (from + i) * d + from;
    const vi = v[i] as number;
    const wi = w[i] as number;
    for (let j = i; j < size; j++)
      a[at + j] = (a[at + j] as number) - vi * (w[j] as number) - wi * (v[j] as number);
  }
}

/** Overwrites its argument. */
function tridiagonalEigenvalues({ diagonal, beside }: Tridiagonal): Float64Array {
  let end = diagonal.length - 1;
  while (end > 0) {
    const start = blockStart({ diagonal, beside }, end);
    if (start === end) end--;
    else qrStep({ diagonal, beside }, [start, end]);
  }
  return diagonal;
}

/** The first row of the block that ends with row `end`: couplings lost in rounding are set to 0 on the way. */
function blockStart({ diagonal, beside }: Tridiagonal, end: number): number {
  for (let i = end - 1; i >= 0; i--) {
    const scale = Math.abs(diagonal[i] as number) + Math.abs(diagonal[i + 1] as number);
    if (Math.abs(beside[i] as number) > Number.EPSILON * scale) continue;
    beside[i] = 0;
    return i + 1;
  }
  return 0;
}

/** One implicit QR step on rows start..end: the coupling to the last row shrinks, cubically in the end. */
function qrStep({ diagonal, beside }: Tridiagonal, [start, end]: readonly [number, number]): void {
  const last = diagonal[end] as number;
  const coupling = beside[end - 1] as number;
  const delta = ((diagonal[end - 1] as number) - last) / 2;
  const root = Math.hypot(delta, coupling);
  const shift = last - (coupling / (delta + (delta < 0 ? -root : root))) * coupling;
  let x = (diagonal[start] as number) - shift;
  let z = beside[start] as number;
  for (let k = start; k < end; k++) {
    const length = Math.hypot(x, z);
    const c = length === 0 ? 1 : x / length;
    const s = length === 0 ? 0 : z / length;
    if (k > start) beside[k - 1] = length;
    const upper = diagonal[k] as number;
    const lower = diagonal[k + 1] as number;
    const between = beside[k] as number;
    diagonal[k] = c * c * upper + 2 * c * s * between + s * s * lower;
    diagonal[k + 1] = s * s * upper - 2 * c * s * between + c * c * lower;
    x = c * s * (lower - upper) + (c * c - s * s) * between;
    beside[k] = x;
    if (k + 1 < end) {
      z = s * (beside[k + 1] as number);
      beside[k + 1] = c * (beside[k + 1] as number);
    }
  }
}
