import { ShapeError, VqkitError } from "../../core/errors.js";
import { symmetricEigenvalues } from "../../metrics/index.js";

/** What latents and their codes look like as vectors, over a set of images. */
export interface LatentFigures {
  /** Mean over latent vectors of ‖z‖. */
  readonly latentNorm: number;
  /** Mean over the same positions of ‖q‖, the norm of the code that stands for the latent. */
  readonly codeNorm: number;
  /** Effective rank of the centred latents, 0..D; null where D is over `LARGEST_RANK_DIMENSION`. */
  readonly latentEffectiveRank: number | null;
}

/** Above this code dimension the spectrum is left out: it costs D³ operations. */
export const LARGEST_RANK_DIMENSION = 1024;

/** What latents and their codes add up to. */
export interface LatentSums<A> {
  /** Latent vectors. */
  readonly count: number;
  /** Σ ‖z‖, Σ ‖q‖. */
  readonly latentNorms: number;
  readonly codeNorms: number;
  /** [D] */
  readonly mean: A;
  /** Σ (z − mean)(z − mean)ᵀ, [D, D]; empty where the rank is left out. */
  readonly scatter: A;
}

/** Gathers the sums of batches, in double precision. Batches of any size, in any number, give the same figures. */
export class LatentStatistics {
  readonly #dimensions: number;
  #count = 0;
  #latentNorms = 0;
  #codeNorms = 0;
  readonly #mean: Float64Array;
  /** Σ (z − mean)(z − mean)ᵀ, [D, D]; empty where the rank is left out. */
  readonly #scatter: Float64Array;

  /** @param dimensions D, >= 1 */
  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#mean = new Float64Array(dimensions);
    this.#scatter = new Float64Array(dimensions <= LARGEST_RANK_DIMENSION ? dimensions ** 2 : 0);
  }

  /** D. */
  get dimensions(): number {
    return this.#dimensions;
  }

  /**
   * @param sums of one batch, as `latentSums` returns them
   * @param count latent vectors in the batch, >= 1
   */
  add(sums: Float32Array, count: number): void {
    const d = this.#dimensions;
    const [latentNorms = 0, codeNorms = 0] = sums;
    const [mean, scatter] = [sums.subarray(2, 2 + d), sums.subarray(2 + d)];
    this.#unite({ count, latentNorms, codeNorms, mean, scatter });
  }

  /** Adds what other statistics have gathered, of vectors that come behind. */
  merge(other: LatentStatistics): void {
    if (other.#count > 0) this.#unite(other.state);
  }

  /** What it has gathered; not to be changed. */
  get state(): LatentSums<Float64Array> {
    return {
      count: this.#count,
      latentNorms: this.#latentNorms,
      codeNorms: this.#codeNorms,
      mean: this.#mean,
      scatter: this.#scatter,
    };
  }

  /** Statistics that have gathered what others had. @throws ShapeError for arrays of other lengths than D asks for */
  static of({ count, latentNorms, codeNorms, mean, scatter }: LatentSums<Float64Array>): LatentStatistics {
    const made = new LatentStatistics(mean.length);
    if (scatter.length !== made.#scatter.length) {
      throw new ShapeError("scatter", `[${made.#scatter.length}]`, [scatter.length]);
    }
    made.#count = count;
    made.#latentNorms = latentNorms;
    made.#codeNorms = codeNorms;
    made.#mean.set(mean);
    made.#scatter.set(scatter);
    return made;
  }

  #unite({ count, latentNorms, codeNorms, mean, scatter }: LatentSums<Float32Array | Float64Array>): void {
    const d = this.#dimensions;
    const total = this.#count + count;
    // The scatter of a union is the sum of both and that of the two means (Chan, Golub & LeVeque 1979).
    const between = (this.#count * count) / total;
    const gap = this.#mean.map((value, i) => (mean[i] as number) - value);
    for (let i = 0; i * d < this.#scatter.length; i++) {
      for (let j = 0; j < d; j++) {
        const at = i * d + j;
        const across = between * (gap[i] as number) * (gap[j] as number);
        this.#scatter[at] = (this.#scatter[at] as number) + (scatter[at] as number) + across;
      }
    }
    for (const [i, value] of gap.entries()) {
      this.#mean[i] = (this.#mean[i] as number) + (value * count) / total;
    }
    this.#latentNorms += latentNorms;
    this.#codeNorms += codeNorms;
    this.#count = total;
  }

  /** The figures of all batches; at least one must have been added. */
  figures(): LatentFigures {
    return {
      latentNorm: this.#latentNorms / this.#count,
      codeNorm: this.#codeNorms / this.#count,
      latentEffectiveRank: this.#scatter.length === 0 ? null : effectiveRank(this.#scatter, this.#dimensions),
    };
  }
}

/**
 * The effective rank of centred data: exp(−Σ pᵢ ln pᵢ) with pᵢ = σᵢ / Σσ, where σ are the data's singular values, the
 * roots of the eigenvalues of its scatter matrix. D equal singular values give D, a single one gives 1. Data that do
 * not vary have no singular value above 0 and get 0.
 *
 * Roy & Vetterli 2007, The effective rank: a measure of effective dimensionality, EUSIPCO.
 *
 * @param scatter Σ (x − mean)(x − mean)ᵀ or any multiple of it, [D, D] row by row
 * @throws VqkitError("numerics") for an element that is not finite
 */
export function effectiveRank(scatter: Float64Array, dimensions: number): number {
  if (!scatter.every(Number.isFinite)) {
    throw new VqkitError(
      "numerics",
      "latents: expected finite covariances, got some that are not. The model has diverged: train it again with a lower learning rate.",
    );
  }
  const eigenvalues = symmetricEigenvalues(scatter.slice(), dimensions);
  const largest = Math.max(...eigenvalues);
  if (!(largest > 0)) return 0;
  // What float32 sums leave where there is nothing.
  const rounding = dimensions * 2 ** -23 * largest;
  const values = [...eigenvalues].map((value) => (value > rounding ? Math.sqrt(value) : 0));
  const total = values.reduce((sum, value) => sum + value, 0);
  const entropy = values.reduce((sum, value) => {
    const p = value / total;
    return p === 0 ? sum : sum - p * Math.log(p);
  }, 0);
  return Math.exp(entropy);
}
