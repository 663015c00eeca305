import { describe, expect, it, test } from "vitest";
import { diagnose, diagnosisRules, renderDiagnosis } from "../../../src/reports/diagnosis/index.js";
import { CASES } from "./cases.js";
import { type PlantedRun, planted } from "./planted.js";

describe("diagnose", () => {
  it("finds nothing in a healthy run, and has judged every rule", () => {
    const { findings, fine, notJudged } = diagnose(planted());
    expect(findings).toEqual([]);
    expect(notJudged).toEqual([]);
    expect(fine.map(({ rule }) => rule)).toEqual(diagnosisRules.map(({ name }) => name));
  });

  it.each(CASES)("%s", (_, run, rule, severity) => {
    const { findings } = diagnose(planted(run));
    expect(findings).toMatchObject([{ rule, severity }]);
    expect(findings[0]?.remedies.length).toBeGreaterThan(0);
  });

  test("every rule has a planted case", () => {
    expect(new Set(CASES.map(([, , rule]) => rule))).toEqual(new Set(diagnosisRules.map(({ name }) => name)));
  });

  describe("a run that was hardly trained", () => {
    /** As 60 steps of plain VQ on photographs look: its figures are those of such a run. */
    const short: PlantedRun = {
      steps: 60,
      codebookSize: 1024,
      config: { warmupSteps: 50, quantizer: { kind: "vq", codeDim: 64 } },
      curves: {
        reconstructionLoss: (at) => 0.35 - 0.1 * at,
        commitmentLoss: (at) => 0.017 * Math.exp(10 * (at - 0.5)),
        gradientNorm: (at) => 0.4 + 26 * Math.max(0, at - 0.85) * 6,
        usageBatch: (at) => 0.0088 - 0.0068 * at,
      },
      final: { psnr: 12.75, usage: 0.002, latentNorm: 16.3, codeNorm: 0.0852, latentEffectiveRank: 3.06 },
      meanColourPsnr: 20.19,
    };

    it("has one finding, with what else it looks like as symptoms", () => {
      const { findings } = diagnose(planted(short));
      expect(findings).toMatchObject([{ rule: "under-trained", severity: "critical" }]);
      expect(findings[0]?.symptoms.map(({ rule }) => rule)).toEqual([
        "usage-falling",
        "dead-codes",
        "commitment-growing",
        "norm-gap",
        "low-rank-latents",
        "exploding-gradient",
      ]);
      expect(renderDiagnosis(diagnose(planted(short)))).toContain(
        "  - norm-gap: mean norm 16.3 of the latents",
      );
    });

    it.each([
      ["it had its learning rate for long: they are no matter of steps", {}, 200],
      [
        "its loss has risen: it was trained wrongly",
        { reconstructionLoss: (at: number) => 0.3 + 0.2 * at },
        60,
      ],
    ])("has its findings where %s", (_, curves, steps) => {
      const { findings } = diagnose(planted({ ...short, steps, curves: { ...short.curves, ...curves } }));
      expect(findings.map(({ rule }) => rule)).toContain("dead-codes");
      expect(findings.flatMap(({ symptoms }) => symptoms)).toEqual([]);
    });

    it("has them where steps were not finite, and where its pictures are good", () => {
      const broken = { ...planted(short), nonFiniteSteps: 3 };
      expect(diagnose(broken).findings.map(({ rule }) => rule)).toContain("exploding-gradient");
      const good = planted({ ...short, final: { ...short.final, psnr: 27 }, curves: {} });
      expect(diagnose(good).findings.map(({ rule }) => rule)).not.toContain("under-trained");
      expect(diagnose(good).findings.map(({ rule }) => rule)).toContain("dead-codes");
    });
  });

  it("does not take for a fault what only looks like one", () => {
    const calm: PlantedRun[] = [
      // Usage rises while the window fills: the first steps of it are of fewer indices.
      { curves: { usageWindow: (_, step) => (step < 50 ? 0.99 : 0.5) } },
      // The commitment loss of fresh latents is near 0.
      { curves: { commitmentLoss: (at) => 0.01 * Math.min(1, 5 * at) } },
      // A large gradient in the first steps is that of fresh weights.
      { curves: { gradientNorm: (_, step) => (step < 20 ? 90 : 0.4) } },
      // Of several codebooks later ones have less to tell apart.
      { codebookUsage: [0.95, 0.6, 0.3] },
      // 22 % in use is all that a uniform source would show.
      { final: { usage: 0.2, expectedUniformUsage: 0.221 } },
    ];
    for (const run of calm) expect(diagnose(planted(run)).findings).toEqual([]);
  });

  it("says what could not be judged, and why", () => {
    const old = planted({ final: { latentNorm: null, codeNorm: null, latentEffectiveRank: null } });
    expect(diagnose(old).notJudged.map(({ rule }) => rule)).toEqual(["norm-gap", "low-rank-latents"]);
    const unbound = planted({ without: ["commitmentLoss"], final: { latentNorm: 40 } });
    expect(diagnose(unbound).findings).toEqual([]);
    expect(diagnose(unbound).notJudged).toEqual([
      { rule: "commitment-growing", seen: "commitmentLoss was not recorded" },
      { rule: "norm-gap", seen: expect.stringContaining("need not be alike") },
    ]);
    // Latents of 40 beside codes of 1, which are what they should be where the direction alone decides.
    const config = { quantizer: { kind: "vq", codebook: "sphere" } };
    const onSphere = diagnose({ ...planted({ final: { latentNorm: 40, codeNorm: 1 } }), config });
    expect(onSphere.notJudged).toEqual([
      { rule: "norm-gap", seen: expect.stringContaining("by direction alone") },
    ]);
    const begun = diagnose(planted({ steps: 7, plannedSteps: 500, final: null }));
    expect(begun.findings).toEqual([]);
    expect(begun.notJudged).toContainEqual({
      rule: "exploding-gradient",
      seen: "7 records of gradientNorm; a trend needs at least 20",
    });
    const nothing = diagnose(planted({ steps: 0, plannedSteps: 500, final: null }));
    expect(nothing.findings).toEqual([]);
    expect(nothing.fine).toEqual([]);
  });

  describe("what to try", () => {
    const ofRule = (rule: string, run: PlantedRun, config: unknown): string => {
      const { findings } = diagnose({ ...planted(run), config });
      return findings.find((finding) => finding.rule === rule)?.remedies.join("\n") ?? "no finding";
    };
    const collapsed: PlantedRun = { final: { usage: 8 / 512, perplexity: 5 } };
    const plain = { kind: "vq", codebook: "free", initialization: "uniform", codeDim: 64 };

    it("is everything for a run whose configuration is not known", () => {
      const all = ofRule("dead-codes", collapsed, undefined);
      expect(all).toMatch(/kmeans.*"ema".*codeDim.*codebookSize.*prune/s);
      expect(ofRule("dead-codes", collapsed, { quantizer: plain })).toBe(all);
      const replaceable = ofRule("dead-codes", collapsed, { quantizer: { ...plain, replaceBelow: 0 } });
      expect(replaceable).toBe(
        `replaceBelow 0.1: codes that nothing chooses become latents of the batch\n${all}`,
      );
      expect(ofRule("dead-codes", collapsed, { quantizer: { ...plain, replaceBelow: 0.1 } })).toBe(all);
    });

    it("is nothing that the run has already", () => {
      const averaged = { ...plain, codebook: "ema", initialization: "kmeans", codeDim: 8 };
      const advice = ofRule("dead-codes", collapsed, { quantizer: averaged });
      expect(advice).toContain("simvq");
      expect(advice).toContain("prune");
      expect(advice).not.toMatch(/kmeans|ema|codeDim/);
      const linear = { kind: "simvq", codebook: "linear", initialization: "normal", codeDim: 64 };
      expect(ofRule("dead-codes", collapsed, { quantizer: linear })).not.toMatch(/kmeans|simvq/);
      // On the sphere uniform codes lie as near to the latents as any.
      const onSphere = { ...plain, codebook: "sphere" };
      expect(ofRule("dead-codes", collapsed, { quantizer: onSphere })).not.toContain("initialization");
      expect(ofRule("dead-codes", collapsed, { quantizer: onSphere })).toContain(
        'codebook "ema" or "ema-sphere", or kind',
      );
      const levels = { kind: "fsq", levels: [8, 8, 8] };
      expect(ofRule("dead-codes", collapsed, { quantizer: levels })).toBe(
        "fewer or smaller levels: codes without use buy nothing",
      );
      const wild: PlantedRun = { curves: { gradientNorm: (at) => 0.4 * Math.exp(6 * at) } };
      expect(ofRule("exploding-gradient", wild, { gradientClip: null, model: {} })).toMatch(
        /Clip.*groupNorm/s,
      );
      expect(ofRule("exploding-gradient", wild, { gradientClip: 1, model: { groupNorm: true } })).toBe(
        "lower the learning rate, or raise warmupSteps",
      );
    });

    it("names options that the quantizer has: FSQ has neither a code dimension to choose nor a codebook", () => {
      const levels = { kind: "fsq", levels: [8, 8, 8] };
      for (const [, run] of CASES) {
        for (const { remedies } of diagnose({ ...planted(run), config: { quantizer: levels } }).findings)
          expect(remedies.join("\n")).not.toMatch(
            /codeDim|codebookSize|codebookWeight|emaDecay|initialization|prune/,
          );
      }
      const bits = { kind: "lfq", codeDim: 9, entropyWeight: 0.1, commitmentWeight: 0.25 };
      expect(ofRule("dead-codes", collapsed, { quantizer: bits })).toBe(
        "a larger entropyWeight, which asks for even use\na smaller codeDim, which is the bits of an index: codes without use buy nothing",
      );
      const averaged = { ...plain, codebook: "ema" };
      const gap = ofRule("norm-gap", { final: { latentNorm: 3.3 } }, { quantizer: averaged });
      expect(gap).toContain("commitmentWeight");
      expect(gap).not.toContain("codebookWeight");
    });

    it.each(CASES)("is something for each kind of run: %s", (_, run) => {
      const quantizers = [
        { ...plain, codebook: "ema", initialization: "kmeans", codeDim: 4 },
        { kind: "simvq", codebook: "linear", initialization: "normal", codeDim: 4 },
        { kind: "fsq", levels: [8, 8, 8] },
        { kind: "one-of-their-own" },
      ];
      for (const quantizer of quantizers) {
        const config = { quantizer, gradientClip: 1, model: { groupNorm: true } };
        for (const { remedies } of diagnose({ ...planted(run), config }).findings)
          expect(remedies.length).toBeGreaterThan(0);
      }
    });
  });

  it("counts steps that were not finite, and puts the gravest first", () => {
    const record = { ...planted({ final: { latentNorm: 3.3 } }), nonFiniteSteps: 2 };
    const { findings } = diagnose(record);
    expect(findings.map(({ rule, severity }) => [rule, severity])).toEqual([
      ["exploding-gradient", "critical"],
      ["norm-gap", "warning"],
    ]);
    const text = renderDiagnosis(diagnose(record));
    expect(text).toMatch(/^critical +exploding-gradient +2 of 500 steps/m);
    expect(text).toMatch(/^Latents and codes differ in length \(norm-gap\)\. Try:\n {2}- /m);
  });
});
