import { VqkitError } from "../core/errors.js";
import { mean, sampleStandardDeviation } from "./statistics.js";

/** Where a mean lies with a given confidence. JSON-safe. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The confidence of every interval in a report. */
export const CONFIDENCE = 0.95;

/**
 * The interval of the mean of a normal distribution of unknown spread, by Student's t with n - 1 degrees of freedom:
 * mean ± t·s/√n. null for a single value, which says nothing of the spread.
 *
 * @param confidence above 0, below 1
 * @throws VqkitError("numerics") for no values, one that is not finite, or another confidence
 */
export function meanInterval(values: readonly number[], confidence = CONFIDENCE): Interval | null {
  const centre = mean(values);
  const deviation = sampleStandardDeviation(values);
  if (deviation === null) return null;
  const half = (criticalT(confidence, values.length - 1) * deviation) / Math.sqrt(values.length);
  return { low: centre - half, high: centre + half };
}

/**
 * The t for which P(|T| <= t) is `confidence`, T of Student's distribution: criticalT(0.95, 2) = 4.303.
 *
 * The probability is the closed form for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4), so
 * nothing is approximated but the root, which is bisected in θ = atan(t/√ν) to the last bit.
 *
 * @param confidence above 0, below 1
 * @param degreesOfFreedom ν, an integer >= 1
 * @throws VqkitError("numerics")
 */
export function criticalT(confidence: number, degreesOfFreedom: number): number {
  if (!(confidence > 0 && confidence < 1)) {
    throw new VqkitError("numerics", `confidence: expected a number between 0 and 1, got ${confidence}.`);
  }
  if (!Number.isInteger(degreesOfFreedom) || degreesOfFreedom < 1) {
    throw new VqkitError(
      "numerics",
      `degrees of freedom: expected an integer >= 1, got ${degreesOfFreedom}.`,
    );
  }
  let low = 0;
  let high = Math.PI / 2;
  for (;;) {
    const theta = (low + high) / 2;
    if (theta <= low || theta >= high) return Math.sqrt(degreesOfFreedom) * Math.tan(theta);
    if (centralProbability(theta, degreesOfFreedom) < confidence) low = theta;
    else high = theta;
  }
}

/** P(|T| <= √ν·tan θ). */
function centralProbability(theta: number, degreesOfFreedom: number): number {
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const isOdd = degreesOfFreedom % 2 === 1;
  // Odd: cos θ + 2/3 cos³θ + (2·4)/(3·5) cos⁵θ + …; even: 1 + 1/2 cos²θ + (1·3)/(2·4) cos⁴θ + …; up to cos^(ν-2) θ.
  let sum = 0;
  let term = isOdd ? cosine : 1;
  for (let power = isOdd ? 1 : 0; power <= degreesOfFreedom - 2; power += 2) {
    sum += term;
    term *= ((power + 1) / (power + 2)) * cosine ** 2;
  }
  return isOdd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
}
