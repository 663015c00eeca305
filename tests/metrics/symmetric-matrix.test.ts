import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import {
  multiplyTransposed,
  type RowMatrix,
  semidefiniteFactor,
  symmetricEigenvalues,
} from "../../src/metrics/symmetric-matrix.js";

function noise(rows: number, columns: number, seed: number): RowMatrix {
  const random = new Random(seed, "matrix");
  return { values: Float64Array.from({ length: rows * columns }, () => random.normal()), rows };
}

/** [N, D] → [D, N]. */
function transpose({ values, rows }: RowMatrix): RowMatrix {
  const columns = values.length / rows;
  return {
    values: values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)] as number),
    rows: columns,
  };
}

/** A·B by its definition. */
function multiply(a: RowMatrix, b: RowMatrix): RowMatrix {
  const columns = b.values.length / b.rows;
  const values = Float64Array.from({ length: a.rows * columns }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < b.rows; k++) {
      const factor = a.values[Math.floor(at / columns) * b.rows + k] as number;
      sum += factor * (b.values[k * columns + (at % columns)] as number);
    }
    return sum;
  });
  return { values, rows: a.rows };
}

/** AᵀA: semidefinite, of rank at most the rows of A. */
function gram(a: RowMatrix): Float64Array {
  return multiply(transpose(a), a).values;
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
}

it.each([
  [1, 1, 1],
  [3, 5, 2],
  [5, 4, 131],
  [9, 7, 66],
])("multiplyTransposed: [%i, %i] times the transpose of %i rows, by its definition", (n, d, m) => {
  const a = noise(n, d, 1);
  const b = noise(m, d, 2);
  const product = multiplyTransposed(a, b);
  expect(product.rows).toBe(n);
  expect(largestDifference(product.values, multiply(a, transpose(b)).values)).toBeLessThan(1e-13);
});

describe("semidefiniteFactor", () => {
  it("RᵀR is the matrix again", () => {
    const matrix = gram(noise(11, 9, 3));
    const factor = semidefiniteFactor(matrix, 9);
    expect(factor.rows).toBe(9);
    expect(largestDifference(gram(factor), matrix)).toBeLessThan(1e-12);
  });

  it("has as many rows as the matrix has rank", () => {
    const matrix = gram(noise(4, 9, 4));
    const factor = semidefiniteFactor(matrix, 9);
    expect(factor.rows).toBe(4);
    expect(largestDifference(gram(factor), matrix)).toBeLessThan(1e-12);
    expect(semidefiniteFactor(new Float64Array(9), 3).rows).toBe(0);
  });
});

describe("symmetricEigenvalues", () => {
  const sorted = (matrix: Float64Array, d: number) => symmetricEigenvalues(matrix, d).sort();

  it("of the second difference matrix: 2 - 2·cos(kπ/(D+1))", () => {
    const d = 40;
    const matrix = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      matrix[i * d + i] = 2;
      if (i + 1 < d) matrix[i * d + i + 1] = -1;
    }
    const expected = Float64Array.from(
      { length: d },
      (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (d + 1)),
    );
    expect(largestDifference(sorted(matrix, d), expected)).toBeLessThan(1e-13);
  });

  it("of a rotated diagonal with equal, negative and tiny values", () => {
    // Q = I - 2·v·vᵀ/(vᵀv) is orthogonal whatever v is, so QΛQ has the eigenvalues Λ.
    const values = [-3, -3, 1e-9, 0, 2, 5.5, 700];
    const d = values.length;
    const v = [...noise(1, d, 5).values];
    const length = v.reduce((sum, x) => sum + x * x, 0);
    const q: RowMatrix = {
      values: Float64Array.from({ length: d * d }, (_, at) => {
        const [i, j] = [Math.floor(at / d), at % d];
        return (i === j ? 1 : 0) - (2 * (v[i] as number) * (v[j] as number)) / length;
      }),
      rows: d,
    };
    const diagonal = new Float64Array(d * d);
    values.forEach((value, i) => {
      diagonal[i * d + i] = value;
    });
    const matrix = multiply(multiply(q, { values: diagonal, rows: d }), q).values;
    expect(largestDifference(sorted(matrix, d), Float64Array.from(values).sort())).toBeLessThan(700 * 1e-14);
  });

  it("of small and degenerate matrices", () => {
    expect([...sorted(Float64Array.of(-4), 1)]).toEqual([-4]);
    expect([...sorted(new Float64Array(9), 3)]).toEqual([0, 0, 0]);
    // [[0, 2], [2, 0]]: nothing on the diagonal for a shift to hold on to.
    const pair = sorted(Float64Array.of(0, 2, 2, 0), 2);
    expect(pair[0]).toBeCloseTo(-2, 14);
    expect(pair[1]).toBeCloseTo(2, 14);
  });

  it("keeps trace and squared norm of a large random matrix", () => {
    const d = 150;
    const a = noise(d, d, 6);
    const turned = transpose(a);
    const matrix = a.values.map((value, i) => value + (turned.values[i] as number));
    let trace = 0;
    for (let i = 0; i < d; i++) trace += matrix[i * d + i] as number;
    const squares = matrix.reduce((sum, value) => sum + value * value, 0);
    const values = symmetricEigenvalues(matrix, d);
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(trace, 9);
    expect(values.reduce((sum, value) => sum + value * value, 0) / squares).toBeCloseTo(1, 12);
  });
});
