import { describe, expect, it } from "vitest";
import { type LearningRateSchedule, learningRateAt } from "../../../src/nn/optimizer/index.js";

const base: LearningRateSchedule = {
  schedule: "constant",
  learningRate: 0.8,
  warmupSteps: 4,
  steps: 12,
  finalLearningRateFraction: 0.25,
};

describe("learningRateAt", () => {
  it("rises linearly to the peak, which it reaches at step warmupSteps", () => {
    const rise = [1, 2, 3, 4].map((step) => learningRateAt(step, base));
    expect(rise[0]).toBeCloseTo(0.2, 15);
    expect(rise[1]).toBeCloseTo(0.4, 15);
    expect(rise[2]).toBeCloseTo(0.6, 15);
    expect(rise[3]).toBe(0.8);
  });

  it("starts at the peak's decay without warm-up", () => {
    // p = 1/12 of a linear fall from 0.8 to 0.2.
    expect(learningRateAt(1, { ...base, schedule: "linear", warmupSteps: 0 })).toBeCloseTo(0.75, 15);
    expect(learningRateAt(1, { ...base, warmupSteps: 0 })).toBe(0.8);
  });

  it("constant: stays at the peak and ignores the final fraction", () => {
    expect([5, 8, 12, 99].map((step) => learningRateAt(step, base))).toEqual([0.8, 0.8, 0.8, 0.8]);
  });

  it("linear: falls by equal steps to the final fraction at the last step", () => {
    // From 0.8 to 0.2 in the 8 steps after the warm-up: 0.075 a step.
    const linear = { ...base, schedule: "linear" } as const;
    expect(learningRateAt(5, linear)).toBeCloseTo(0.725, 15);
    expect(learningRateAt(6, linear)).toBeCloseTo(0.65, 15);
    expect(learningRateAt(8, linear)).toBeCloseTo(0.5, 15);
    expect(learningRateAt(12, linear)).toBe(0.2);
  });

  it("cosine: half of the fall at half of the way, (1 ± √½)/2 of it at the quarters", () => {
    const cosine = { ...base, schedule: "cosine" } as const;
    expect(learningRateAt(6, cosine)).toBeCloseTo(0.2 + (0.6 * (1 + Math.SQRT1_2)) / 2, 15);
    expect(learningRateAt(8, cosine)).toBeCloseTo(0.5, 15);
    expect(learningRateAt(10, cosine)).toBeCloseTo(0.2 + (0.6 * (1 - Math.SQRT1_2)) / 2, 15);
    expect(learningRateAt(12, cosine)).toBe(0.2);
  });

  it("holds the final value past the last step", () => {
    expect(learningRateAt(13, { ...base, schedule: "cosine" })).toBe(0.2);
    expect(learningRateAt(1000, { ...base, schedule: "linear" })).toBe(0.2);
  });

  it("decays to 0 when the final fraction is 0", () => {
    const toZero = { ...base, finalLearningRateFraction: 0 };
    expect(learningRateAt(12, { ...toZero, schedule: "cosine" })).toBe(0);
    expect(learningRateAt(12, { ...toZero, schedule: "linear" })).toBe(0);
  });

  it("ends inside the warm-up when the run is shorter, and goes to the final value when it is prolonged", () => {
    const short = { ...base, schedule: "linear", steps: 3 } as const;
    expect(learningRateAt(3, short)).toBeCloseTo(0.6, 15);
    expect(learningRateAt(4, short)).toBe(0.8);
    expect(learningRateAt(5, short)).toBe(0.2);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses step %s", (step) => {
    expect(() => learningRateAt(step, base)).toThrow(RangeError);
  });
});
