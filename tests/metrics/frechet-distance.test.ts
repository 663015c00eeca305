import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { frechetDistance, type Gaussian, GaussianFit } from "../../src/metrics/index.js";

/** n vectors of d numbers that numpy computes alike: integers below 2^53, one division. */
function vectors(n: number, d: number, [step, modulus]: readonly [number, number]): Float64Array {
  return Float64Array.from(
    { length: n * d },
    (_, i) => (((i * step) % modulus) / modulus) * 3 + (i % d) * 0.25,
  );
}

/** Fitted in batches of 3 vectors. */
function fit(features: Float64Array, d: number): GaussianFit {
  const result = new GaussianFit(d);
  for (let at = 0; at < features.length; at += 3 * d) result.add(features.subarray(at, at + 3 * d));
  return result;
}

const first = vectors(40, 5, [7919, 1009]);
const second = vectors(23, 5, [104_729, 1013]).map((value) => value ** 2 / 4);

describe("GaussianFit", () => {
  it("has numpy's mean and covariance", () => {
    // numpy: A.mean(0); numpy.cov(A, rowvar=False)
    const { mean, covariance } = fit(first, 5).gaussian();
    const expected = [
      1.4716798810703668, 1.7167740336967292, 2.036868186323092, 2.2819623389494548, 2.5270564915758174,
    ];
    expected.forEach((value, i) => {
      expect(mean[i]).toBeCloseTo(value, 13);
    });
    expect(covariance[1 * 5 + 3]).toBeCloseTo(-0.22387078842827457, 13);
    expect(covariance[3 * 5 + 1]).toBe(covariance[1 * 5 + 3]);
    expect(covariance[2 * 5 + 2]).toBeCloseTo(0.781461985834133, 13);
  });

  it("does not depend on the batches, and loses nothing to a mean far from 0", () => {
    const whole = new GaussianFit(5);
    whole.add(first);
    const far = fit(
      first.map((value) => value + 1e6),
      5,
    );
    expect(far.samples).toBe(40);
    const { covariance } = fit(first, 5).gaussian();
    for (const [i, value] of whole.gaussian().covariance.entries()) {
      expect(covariance[i]).toBeCloseTo(value, 13);
      // 1e6 + x is rounded to 1e-10, so no better than that.
      expect(far.gaussian().covariance[i]).toBeCloseTo(value, 8);
    }
  });

  it("refuses what it cannot fit, and adds nothing then", () => {
    expect(() => new GaussianFit(0)).toThrow(expect.objectContaining({ code: "numerics" }));
    const one = new GaussianFit(3);
    one.add(Float32Array.of(1, 2, 3));
    expect(() => one.gaussian()).toThrow(/at least 2 vectors, got 1/);
    expect(() => one.add(Float32Array.of(1, 2))).toThrow(expect.objectContaining({ code: "shape" }));
    expect(() => one.add(Float32Array.of(1, 2, 3, 4, Number.NaN, 6))).toThrow(/features\[1,1\].*got NaN/);
    expect(one.samples).toBe(1);
  });
});

describe("frechetDistance", () => {
  it("equals numbers computed with numpy", () => {
    // numpy, S = numpy.cov(., rowvar=False): m@m + trace(S1) + trace(S2) - 2·Σ sqrt(eigvals(S1@S2).real), an
    // unsymmetric eigenproblem; the same by the square root of S1 from eigh to 12 digits.
    const distance = frechetDistance(fit(first, 5).gaussian(), fit(second, 5).gaussian());
    expect(distance).toBeCloseTo(4.789157355459107, 11);
  });

  it("of singular covariances too: fewer vectors than dimensions", () => {
    // numpy as above: 10.17831955 by eigvals, 10.17831949 by eigh; rounding of 1e-16 under a square root is 1e-8.
    const a = fit(vectors(6, 9, [7919, 1009]), 9).gaussian();
    const b = fit(vectors(4, 9, [104_729, 1013]), 9).gaussian();
    expect(frechetDistance(a, b)).toBeCloseTo(10.1783195, 6);
    expect(frechetDistance(b, a)).toBeCloseTo(10.1783195, 6);
  });

  it("of independent coordinates is Σ (μ₁ − μ₂)² + (σ₁ − σ₂)²", () => {
    const independent = (mean: number[], deviations: number[]): Gaussian => ({
      mean: Float64Array.from(mean),
      covariance: Float64Array.from({ length: 16 }, (_, at) =>
        at % 5 === 0 ? (deviations[at / 5] as number) ** 2 : 0,
      ),
    });
    const a = independent([1, -2, 0, 4], [3, 0.5, 2, 0]);
    const b = independent([1.5, -2, 1, 4], [1, 0.25, 2, 6]);
    // 0.25 + 0 + 1 + 0, and 4 + 0.0625 + 0 + 36
    expect(frechetDistance(a, b)).toBeCloseTo(41.3125, 10);
  });

  it("of a scaled and shifted copy: ‖shift‖² + (scale − 1)²·trace", () => {
    const d = 60;
    const random = new Random(3, "features");
    const features = Float64Array.from({ length: 200 * d }, (_, i) => random.normal() * (1 + (i % 7)));
    const a = fit(features, d).gaussian();
    const b = {
      mean: a.mean.map((value) => value + 0.5),
      covariance: a.covariance.map((value) => value * 9),
    };
    const trace = a.mean.reduce((sum, _, i) => sum + (a.covariance[i * d + i] as number), 0);
    expect(frechetDistance(a, b)).toBeCloseTo(d * 0.25 + 4 * trace, 8);
    expect(frechetDistance(b, a)).toBeCloseTo(d * 0.25 + 4 * trace, 8);
    expect(frechetDistance(a, a)).toBeLessThan(1e-10);
  });

  it("refuses distributions of different dimensions", () => {
    const a = fit(first, 5).gaussian();
    const b = fit(vectors(9, 4, [7919, 1009]), 4).gaussian();
    const shape = expect.objectContaining({ code: "shape" });
    expect(() => frechetDistance(a, b)).toThrow(shape);
    expect(() => frechetDistance(a, { ...a, covariance: b.covariance })).toThrow(shape);
  });
});
