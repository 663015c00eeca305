import { describe, expect, it } from "vitest";
import { type Finding, LiveDiagnosis } from "../../../src/reports/diagnosis/index.js";
import { EVALUATED, HEALTHY, type Planted } from "./planted.js";

const STEPS = 500;
const RUN = { codebookSize: 512, codeDim: 32, plannedSteps: STEPS };

/** The step with the figures of a healthy run, but for those planted. */
function figures(step: number, curves: Planted = {}): Record<string, number> {
  const values = Object.entries({ ...HEALTHY, ...curves }).map(([name, figure]) => [
    name,
    figure(step / STEPS, step),
  ]);
  return {
    step,
    samplesBatch: 4096,
    samplesWindow: 4096 * Math.min(step, 50),
    ...Object.fromEntries(values),
  };
}

/** What is told from the first step to the last, with the step. */
function told(doctor: LiveDiagnosis, curves: Planted = {}, from = 1, to = STEPS): [number, Finding][] {
  const all: [number, Finding][] = [];
  for (let step = from; step <= to; step++) {
    for (const finding of doctor.add(figures(step, curves))) all.push([step, finding]);
  }
  return all;
}

const brief = (findings: readonly [number, Finding][]) =>
  findings.map(([step, { rule, severity }]) => [step, rule, severity]);

/** Usage that is gone from step 250 on. */
const COLLAPSE: Planted = {
  usageWindow: (_, step) => (step < 250 ? 0.8 : 0.2),
  usageBatch: (_, step) => (step < 250 ? 0.7 : 0.1),
};

describe("LiveDiagnosis", () => {
  it("says nothing of a healthy run", () => {
    const doctor = new LiveDiagnosis(RUN);
    expect(told(doctor)).toEqual([]);
    expect(doctor.finish({ final: EVALUATED, meanColourPsnr: 20 })).toEqual([]);
  });

  it("tells a collapse once, soon after it has come, and again when it is graver", () => {
    const findings = told(new LiveDiagnosis(RUN), COLLAPSE);
    const falling = brief(findings).filter(([, rule]) => rule === "usage-falling");
    // Full windows are recorded from step 50 on. At 260 they are 211, and 11 of the last tenth's 22 are low: a median
    // of 0.5, which is under 0.75 of 0.8. At 270 and 280 the median is 0.2, under 0.5 of it; that is the third look.
    expect(falling).toEqual([[280, "usage-falling", "critical"]]);
    // The newest value alone decides here, so 250, 260 and 270 see it.
    const dead = brief(findings).filter(([, rule]) => rule === "dead-codes");
    // 0.2 of the codes against all that a uniform source shows in 204,800 indices: under 0.5, not under 0.1.
    expect(dead).toEqual([[270, "dead-codes", "warning"]]);
    const graver = {
      ...COLLAPSE,
      usageWindow: (_: number, step: number) => (step < 250 ? 0.8 : step < 400 ? 0.2 : 0.02),
    };
    const again = brief(told(new LiveDiagnosis(RUN), graver)).filter(([, rule]) => rule === "dead-codes");
    expect(again).toEqual([
      [270, "dead-codes", "warning"],
      [400, "dead-codes", "critical"],
    ]);
  });

  it("passes over what the next look does not see", () => {
    // One look of the three at 300, 310, 320 finds full use.
    const flicker: Planted = {
      usageWindow: (_, step) => (step >= 295 && step <= 325 && step !== 310 ? 0.3 : 0.9),
    };
    expect(brief(told(new LiveDiagnosis(RUN), flicker)).filter(([, rule]) => rule === "dead-codes")).toEqual(
      [],
    );
  });

  it("does not look while the run is young", () => {
    const start: Planted = { commitmentLoss: (_, step) => 1e-4 * step ** 3 };
    expect(told(new LiveDiagnosis(RUN), start, 1, 49)).toEqual([]);
    expect(told(new LiveDiagnosis(RUN), start, 1, 80).length).toBeGreaterThan(0);
    expect(told(new LiveDiagnosis(RUN, { warmupSteps: 30 }), start, 1, 119)).toEqual([]);
    expect(told(new LiveDiagnosis(RUN, { warmupSteps: 30 }), start, 1, 140).length).toBeGreaterThan(0);
  });

  it("goes on with a run whose earlier steps it is told of", () => {
    const resumed = new LiveDiagnosis(RUN);
    for (let step = 1; step <= 255; step++) resumed.recall(figures(step, COLLAPSE));
    expect(brief(told(resumed, COLLAPSE, 256))).toEqual(
      expect.arrayContaining([[280, "usage-falling", "critical"]]),
    );
    // Who knows nothing of the first half sees a run whose usage was always low.
    const forgetful = new LiveDiagnosis(RUN);
    expect(brief(told(forgetful, COLLAPSE, 256)).map(([, rule]) => rule)).not.toContain("usage-falling");
  });

  it("ends with what only the evaluation shows", () => {
    const doctor = new LiveDiagnosis(RUN);
    told(doctor, COLLAPSE);
    const last = doctor.finish({ final: { ...EVALUATED, latentNorm: 30, usage: 0.2 }, meanColourPsnr: 20 });
    // Dead codes were told already.
    expect(last.map(({ rule, severity }) => [rule, severity])).toEqual([["norm-gap", "critical"]]);
  });

  it("costs a step nothing that counts", () => {
    const doctor = new LiveDiagnosis({ ...RUN, plannedSteps: 20_000 });
    const started = performance.now();
    for (let step = 1; step <= 20_000; step++) doctor.add(figures(step, COLLAPSE));
    expect((performance.now() - started) / 20_000).toBeLessThan(1); // milliseconds; about 0.02
  });
});
