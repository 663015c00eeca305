import { ShapeError, VqkitError } from "../core/errors.js";
import { addCombination } from "./row-combination.js";

/** A multivariate normal distribution. */
export interface Gaussian {
  /** [D] */
  readonly mean: Float64Array;
  /** [D, D], symmetric. */
  readonly covariance: Float64Array;
}

/** What a fit has summed up, as it goes into files. */
export interface GaussianSums {
  /** N. */
  readonly samples: number;
  /** The first vector. [D] */
  readonly origin: Float64Array;
  /** Σ (x − origin). [D] */
  readonly sums: Float64Array;
  /** Σ (x − origin)(x − origin)ᵀ, upper half. [D, D] */
  readonly products: Float64Array;
}

/**
 * Mean and covariance of feature vectors that arrive in batches, in double precision. Holds O(D²) numbers however many
 * vectors there are.
 *
 * Sums are taken of the vectors minus the first one: a mean far from 0 would otherwise cancel in the covariance.
 */
export class GaussianFit {
  /** D. */
  readonly dimensions: number;
  #samples = 0;
  /** The first vector. [D] */
  readonly #origin: Float64Array;
  /** Σ (x − origin). [D] */
  readonly #sums: Float64Array;
  /** Σ (x − origin)(x − origin)ᵀ, upper half. [D, D] */
  readonly #products: Float64Array;

  /** @throws VqkitError("numerics") unless D is an integer >= 1 */
  constructor(dimensions: number) {
    if (!Number.isSafeInteger(dimensions) || dimensions < 1) {
      throw new VqkitError("numerics", `dimensions: expected an integer >= 1, got ${dimensions}.`);
    }
    this.dimensions = dimensions;
    this.#origin = new Float64Array(dimensions);
    this.#sums = new Float64Array(dimensions);
    this.#products = new Float64Array(dimensions * dimensions);
  }

  /** N: vectors added so far. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * @param features [N, D], flat
   * @throws ShapeError when the length is no multiple of D; VqkitError("numerics") for a value that is not finite.
   * Nothing is added then.
   */
  add(features: Float32Array | Float64Array): void {
    const d = this.dimensions;
    if (features.length % d !== 0) throw new ShapeError("features", `[N,${d}]`, [features.length]);
    const odd = features.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0) {
      throw new VqkitError(
        "numerics",
        `features[${Math.floor(odd / d)},${odd % d}]: expected a finite number, got ${features[odd]}.`,
      );
    }
    const count = features.length / d;
    if (count === 0) return;
    if (this.#samples === 0) this.#origin.set(features.subarray(0, d));
    const centred = Float64Array.from(features, (value, i) => value - (this.#origin[i % d] as number));
    for (const [i, value] of centred.entries()) this.#sums[i % d] = (this.#sums[i % d] as number) + value;
    this.#addProducts(centred, count);
    this.#samples += count;
  }

  /** What it has summed up; not to be changed. */
  get state(): GaussianSums {
    return { samples: this.#samples, origin: this.#origin, sums: this.#sums, products: this.#products };
  }

  /** A fit that has summed up what another had. @throws ShapeError for arrays that are not [D], [D], [D, D] */
  static of({ samples, origin, sums, products }: GaussianSums): GaussianFit {
    const d = origin.length;
    const fit = new GaussianFit(d);
    if (sums.length !== d) throw new ShapeError("sums", `[${d}]`, [sums.length]);
    if (products.length !== d * d) throw new ShapeError("products", `[${d},${d}]`, [products.length]);
    fit.#samples = samples;
    fit.#origin.set(origin);
    fit.#sums.set(sums);
    fit.#products.set(products);
    return fit;
  }

  /**
   * Adds the vectors of another fit, which come behind those of this one.
   *
   * With s = the other's origin − this one's, and S and P its sums and products of N vectors, those about this origin are
   * S + N s and P + S sᵀ + s Sᵀ + N s sᵀ.
   *
   * @throws ShapeError when D differs
   */
  merge(other: GaussianFit): void {
    const d = this.dimensions;
    if (other.dimensions !== d) throw new ShapeError("merge", `[${d}]`, [other.dimensions]);
    const { samples: n, origin, sums, products } = other.state;
    if (n === 0) return;
    if (this.#samples === 0) this.#origin.set(origin);
    const shift = origin.map((value, i) => value - (this.#origin[i] as number));
    for (let i = 0; i < d; i++) {
      const [shiftI, sumI] = [shift[i] as number, sums[i] as number];
      for (let j = i; j < d; j++) {
        const [shiftJ, sumJ] = [shift[j] as number, sums[j] as number];
        const moved = (products[i * d + j] as number) + sumI * shiftJ + shiftI * sumJ + n * shiftI * shiftJ;
        this.#products[i * d + j] = (this.#products[i * d + j] as number) + moved;
      }
    }
    for (const [i, value] of shift.entries()) {
      this.#sums[i] = (this.#sums[i] as number) + (sums[i] as number) + n * value;
    }
    this.#samples += n;
  }

  /**
   * Mean, and covariance divided by N − 1.
   *
   * @throws VqkitError("numerics") for fewer than two vectors
   */
  gaussian(): Gaussian {
    const n = this.#samples;
    if (n < 2) throw new VqkitError("numerics", `features: expected at least 2 vectors, got ${n}.`);
    const d = this.dimensions;
    const covariance = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      const centre = (this.#sums[i] as number) / n;
      for (let j = i; j < d; j++) {
        const value = ((this.#products[i * d + j] as number) - centre * (this.#sums[j] as number)) / (n - 1);
        covariance[i * d + j] = value;
        covariance[j * d + i] = value;
      }
    }
    return { mean: this.#origin.map((value, i) => value + (this.#sums[i] as number) / n), covariance };
  }

  /** Row by row of the sums, which then stay in the processor's cache for the whole batch. */
  #addProducts(centred: Float64Array, count: number): void {
    const d = this.dimensions;
    const column = new Float64Array(count);
    for (let i = 0; i < d; i++) {
      for (let n = 0; n < count; n++) column[n] = centred[n * d + i] as number;
      const row = this.#products.subarray(i * d + i, (i + 1) * d);
      addCombination(row, column, { values: centred, stride: d, from: i });
    }
  }
}
