/** The papers' maths in plain numbers, one latent vector at a time, written independently of src/. */
import type { Surrogate } from "../../src/testing/index.js";

export type Vector = readonly number[];

export const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
export const norm = (a: Vector): number => Math.hypot(...a);
export const scaled = (a: Vector, factor: number): number[] => a.map((x) => x * factor);
export const sum = (a: Vector, b: Vector): number[] => a.map((x, i) => x + (b[i] as number));

/**
 * Turns `v` by the rotation in the plane of `from` and `to` that carries the one's direction to the other's.
 *
 * By Gram-Schmidt and an angle, not by the paper's product of two reflections: the same rotation another way.
 */
export function rotate(v: Vector, from: Vector, to: Vector): number[] {
  const a = scaled(from, 1 / norm(from));
  const q = scaled(to, 1 / norm(to));
  const cosine = dot(a, q);
  const across = sum(q, scaled(a, -cosine));
  const sine = norm(across);
  const b = scaled(across, 1 / sine);
  const alongA = dot(a, v);
  const alongB = dot(b, v);
  const rest = sum(v, sum(scaled(a, -alongA), scaled(b, -alongB)));
  return sum(
    rest,
    sum(scaled(a, cosine * alongA - sine * alongB), scaled(b, sine * alongA + cosine * alongB)),
  );
}

/** sg[λR]·z. */
export const rotationSurrogate: Surrogate = (z, { latent, code }) =>
  scaled(rotate(z, latent, code), norm(code) / norm(latent));

/** sg[‖q‖ R]·(z/‖z‖): what remains when z is normalised inside the graph. */
export const rotationWithoutRadialSurrogate: Surrogate = (z, { latent, code }) =>
  scaled(rotate(scaled(z, 1 / norm(z)), latent, code), norm(code));

/** sg[λH]·z, H the mirror image that swaps the directions of z and q. */
export const reflectionSurrogate: Surrogate = (z, { latent, code }) => {
  const mirror = sum(scaled(latent, 1 / norm(latent)), scaled(code, -1 / norm(code)));
  const unit = scaled(mirror, 1 / norm(mirror));
  return scaled(sum(z, scaled(unit, -2 * dot(unit, z))), norm(code) / norm(latent));
};

/** z + ‖q − z‖·sg[(q − z)/‖q − z‖]. */
export const diveqDetachSurrogate: Surrogate = (z, { latent, code }) => {
  const error = sum(code, scaled(latent, -1));
  const length = norm(sum(code, scaled(z, -1)));
  return sum(z, scaled(error, length / norm(error)));
};

export type SoftScore = (z: Vector, code: Vector) => number;
export const minusSquaredDistance: SoftScore = (z, code) => -(norm(sum(z, scaled(code, -1))) ** 2);

/** The code, moved as the mean of all codes moves that a softmax of the scores weights. */
export function softChoice(
  z: Vector,
  { latent, code }: { readonly latent: Vector; readonly code: Vector },
  soft: { readonly codes: readonly Vector[]; readonly score: SoftScore; readonly temperature: number },
): number[] {
  const meanAt = (at: Vector): number[] => {
    const weights = soft.codes.map((each) => Math.exp(soft.score(at, each) / soft.temperature));
    const total = weights.reduce((all, weight) => all + weight, 0);
    return soft.codes.reduce<number[]>(
      (mean, each, k) => sum(mean, scaled(each, (weights[k] as number) / total)),
      at.map(() => 0),
    );
  };
  return sum(code, sum(meanAt(z), scaled(meanAt(latent), -1)));
}

/**
 * The code, moved as ReinMax moves it: 2·softmax(θ(z) + c) − ½·softmax(θ(z)) of all codes, with c such that the first is
 * (D + softmax(θ))/2 where the gradient is taken.
 */
export function secondOrderChoice(
  z: Vector,
  { latent, code }: { readonly latent: Vector; readonly code: Vector },
  { codes, score }: { readonly codes: readonly Vector[]; readonly score: SoftScore },
): number[] {
  const softmax = (scores: readonly number[]): number[] => {
    const weights = scores.map((each) => Math.exp(each - Math.max(...scores)));
    const total = weights.reduce((all, weight) => all + weight, 0);
    return weights.map((weight) => weight / total);
  };
  const scoresAt = (at: Vector): number[] => codes.map((each) => score(at, each));
  const atPoint = scoresAt(latent);
  const isChosen = codes.map((each) => norm(sum(each, scaled(code, -1))) < 1e-6);
  const shift = softmax(atPoint).map(
    (each, k) => Math.log((each + (isChosen[k] ? 1 : 0)) / 2) - (atPoint[k] as number),
  );
  const meanAt = (at: Vector): number[] => {
    const scores = scoresAt(at);
    const [plain, middle] = [softmax(scores), softmax(scores.map((each, k) => each + (shift[k] as number)))];
    return codes.reduce<number[]>(
      (mean, each, k) => sum(mean, scaled(each, 2 * (middle[k] as number) - 0.5 * (plain[k] as number))),
      at.map(() => 0),
    );
  };
  return sum(code, sum(meanAt(z), scaled(meanAt(latent), -1)));
}

/** An estimator's surrogate for latents that are first divided by their lengths. */
export const onSphere =
  (surrogate: Surrogate): Surrogate =>
  (z, { latent, code }) =>
    surrogate(scaled(z, 1 / norm(z)), { latent: scaled(latent, 1 / norm(latent)), code });

/** FSQ's bounded latent over ⌊L/2⌋, one dimension. */
export function fsqBounded(z: number, level: number): number {
  const half = ((level - 1) * 1.001) / 2;
  const offset = level % 2 === 0 ? 0.5 : 0;
  return Math.tanh(z + Math.atanh(offset / half)) * half - offset;
}

/** Bounded latent plus a constant: the rounding is passed over. */
export const fsqSurrogate =
  (levels: readonly number[]): Surrogate =>
  (z, { latent, code }) =>
    z.map((value, i) => {
      const level = levels[i] as number;
      const moved = fsqBounded(value, level) - fsqBounded(latent[i] as number, level);
      return (code[i] as number) + moved / Math.floor(level / 2);
    });

/** Residual FSQ's bounded latent plus a constant: c·tanh(z/c) with c = L/(L−1). */
export const residualFsqSurrogate =
  (levels: readonly number[]): Surrogate =>
  (z, { latent, code }) =>
    z.map((value, i) => {
      const level = levels[i] as number;
      const bounded = (x: number): number => (level / (level - 1)) * Math.tanh((x * (level - 1)) / level);
      return (code[i] as number) + bounded(value) - bounded(latent[i] as number);
    });

/** Each group of channels by its own surrogate. */
export const sideBySide =
  (groups: readonly (readonly [size: number, surrogate: Surrogate])[]): Surrogate =>
  (z, { latent, code }) => {
    let start = 0;
    return groups.flatMap(([size, surrogate]) => {
      const part = (all: Vector): Vector => all.slice(start, start + size);
      const made = surrogate(part(z), { latent: part(latent), code: part(code) });
      start += size;
      return made;
    });
  };

/** A bounded latent plus a constant, where each number is bounded alike. */
export const squashedSurrogate =
  (squash: (z: number) => number): Surrogate =>
  (z, { latent, code }) =>
    z.map((value, i) => (code[i] as number) + squash(value) - squash(latent[i] as number));

/** The index of the nearest code by brute force, in double precision; the lowest of equals. */
export function nearest(z: Vector, codes: readonly Vector[]): number {
  const distances = codes.map((code) => norm(sum(z, scaled(code, -1))));
  return distances.indexOf(Math.min(...distances));
}

/** Round half to even. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
