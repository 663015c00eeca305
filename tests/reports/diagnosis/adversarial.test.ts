import { describe, expect, it } from "vitest";
import { diagnose } from "../../../src/reports/diagnosis/index.js";
import { noise, type Planted, planted } from "./planted.js";

const config = (adversarial: object) => ({
  objectives: [{ kind: "perceptual" }, { kind: "adversarial", adaptive: true, weight: 0.8, ...adversarial }],
});

/** A run whose discriminator tells a good part of the patches, and not all. */
const HEALTHY: Planted = {
  discriminatorRealAccuracy: (at, step) => 0.5 + 0.3 * (1 - Math.exp(-6 * at)) + 0.05 * noise(step),
  discriminatorReconstructedAccuracy: (at, step) => 0.55 + 0.2 * at + 0.05 * noise(step + 7),
  adversarialWeight: (_, step) => 0.8 * (2 + noise(step)),
};

const judged = (curves: Planted, adversarial: object = {}) =>
  diagnose({ ...planted({ curves: { ...HEALTHY, ...curves } }), config: config(adversarial) });

describe("rules of adversarial training", () => {
  it("find nothing in a healthy run", () => {
    const { findings, fine } = judged({});
    expect(findings).toEqual([]);
    expect(fine.map(({ rule }) => rule)).toEqual(
      expect.arrayContaining(["discriminator-wins", "adversarial-weight-at-clamp"]),
    );
  });

  it("are no question for a run without", () => {
    const { findings, fine, notJudged } = diagnose(planted());
    const names = [...findings, ...fine, ...notJudged].map(({ rule }) => rule);
    expect(names.filter((name) => /discriminator|adversarial/.test(name))).toEqual([]);
    // Nor is the clamp of a weight that is fixed.
    const fixed = judged({ adversarialWeight: () => 8000 }, { adaptive: false });
    expect(fixed.findings).toEqual([]);
  });

  it.each<[string, number, string | undefined]>([
    ["tells every patch", 1, "critical"],
    ["tells nearly every patch", 0.97, "warning"],
    ["tells most patches", 0.94, undefined],
  ])("say that a discriminator wins that %s", (_, accuracy, severity) => {
    const rising = (at: number) => 0.6 + (accuracy - 0.6) * (1 - Math.exp(-12 * at));
    const { findings } = judged({
      discriminatorRealAccuracy: rising,
      discriminatorReconstructedAccuracy: rising,
    });
    const expected = severity === undefined ? [] : [{ rule: "discriminator-wins", severity }];
    expect(findings).toMatchObject(expected);
    expect(findings).toHaveLength(expected.length);
  });

  it("say nothing of one that tells reconstructions and no images: it calls all so", () => {
    const { findings } = judged({
      discriminatorRealAccuracy: () => 0.05,
      discriminatorReconstructedAccuracy: () => 1,
    });
    expect(findings).toEqual([]);
  });

  it.each<[number, string | undefined]>([
    [1e4, "critical"],
    [2e3, "warning"],
    [500, undefined],
  ])("say of a ratio of gradients of %d", (ratio, severity) => {
    const { findings } = judged({ adversarialWeight: (at) => 0.8 * (at < 0.3 ? 2 : ratio) });
    expect(findings.map((each) => [each.rule, each.severity])).toEqual(
      severity === undefined ? [] : [["adversarial-weight-at-clamp", severity]],
    );
  });

  it.each<[number | null, string | undefined]>([
    [40, "critical"],
    [6, "warning"],
    [1.5, undefined],
    [null, undefined],
  ])("say of marks of upsampling that stand out %d times as far", (ratio, severity) => {
    const record = { ...planted({ curves: HEALTHY }), config: config({}), checkerboard: ratio };
    const { findings, notJudged } = diagnose(record);
    expect(findings.map((each) => [each.rule, each.severity])).toEqual(
      severity === undefined ? [] : [["checkerboard", severity]],
    );
    expect(notJudged.map(({ rule }) => rule)).toEqual(ratio === null ? ["checkerboard"] : []);
  });
});
