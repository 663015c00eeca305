import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { renderRunReport } from "../../src/reports/index.js";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import type { StepMetrics } from "../../src/training/index.js";
import { resolveRun } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { adversarialRun, checkpointOf, expectSameBytes } from "./adversarial-runs.js";
import { logged, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

describe("training against a discriminator", () => {
  const out = path.join(runs, "adversarial");
  let steps: StepMetrics[];

  beforeAll(async () => {
    const adversarial = { start: 5, warmup: 2, r1Weight: 2, r1Every: 2, lecamWeight: 0.1, lecamDecay: 0.9 };
    ({ steps } = await train(adversarialRun(images, adversarial, { out, steps: 8 })));
  });

  it("begins with the discriminator alone, then with both, and is recorded from there on", async () => {
    const records = await logged(out);
    const fields = (name: string) => records.filter((each) => name in each).map(({ step }) => step);
    expect(fields("discriminatorLoss")).toEqual([3, 4, 5, 6, 7, 8]);
    expect(fields("discriminatorRealAccuracy")).toEqual([3, 4, 5, 6, 7, 8]);
    expect(fields("discriminatorGradientNorm")).toEqual([3, 4, 5, 6, 7, 8]);
    expect(fields("lecamLoss")).toEqual([3, 4, 5, 6, 7, 8]);
    // Its second update is of step 4.
    expect(fields("r1Loss")).toEqual([4, 6, 8]);
    expect(fields("adversarialLoss")).toEqual([5, 6, 7, 8]);
    expect(fields("adversarialWeight")).toEqual([5, 6, 7, 8]);
  });

  it("adds up: what is minimised is the sum of the weighted terms", () => {
    for (const step of steps) {
      const record = step as unknown as Record<string, number>;
      const sum = (names: readonly string[]) => names.reduce((total, name) => total + (record[name] ?? 0), 0);
      const ofModel = sum([
        "weightedL2Loss",
        "weightedCodebookLoss",
        "weightedCommitmentLoss",
        "weightedAdversarialLoss",
      ]);
      expect(record.totalLoss).toBeCloseTo(ofModel, 5);
      if (record.discriminatorLoss === undefined) continue;
      const ofDiscriminator = sum([
        "weightedRealPatchesLoss",
        "weightedReconstructedPatchesLoss",
        "weightedR1Loss",
        "weightedLecamLoss",
      ]);
      expect(record.discriminatorLoss).toBeCloseTo(ofDiscriminator, 5);
    }
  });

  it("weighs the adversarial loss by the gradients at the last layer", () => {
    for (const step of steps.slice(4) as unknown as Record<string, number>[]) {
      const ratio =
        (step.reconstructionGradientAtLast as number) / ((step.adversarialGradientAtLast as number) + 1e-4);
      expect(step.adversarialWeight).toBeCloseTo(0.8 * ratio, 4);
      expect(step.weightedAdversarialLoss).toBeCloseTo(
        (step.adversarialWeight as number) * (step.adversarialLoss as number),
        4,
      );
    }
  });

  it("changes nothing of the model before it begins", async () => {
    const { steps: alone } = await train(tinyRun(images, { steps: 8, evaluateUntrained: false, out: null }));
    const losses = (all: readonly StepMetrics[]) => all.map(({ reconstructionLoss }) => reconstructionLoss);
    // The first step that has it still reports the weights that it started from.
    expect(losses(steps).slice(0, 5)).toEqual(losses(alone).slice(0, 5));
    expect(losses(steps)[5]).not.toBe(losses(alone)[5]);
  });

  it("keeps the discriminator, its moments and its running statistics in checkpoints", async () => {
    const [before, after] = [await checkpointOf(out, 7), await checkpointOf(out, 8)];
    const own = Object.keys(after).filter((name) => name.includes("discriminator"));
    expect(own).toEqual(
      expect.arrayContaining([
        "modules/discriminator/layer0/kernel",
        "modules/discriminator/layer1/norm/mean",
        "modules/discriminator/layer2/norm/variance",
        "modules/discriminator/lecam/images",
        "modules/discriminator/lecam/reconstructions",
        "optimizer/discriminator/firstMoment/discriminator/out/bias",
        "optimizer/discriminator/secondMoment/discriminator/layer1/norm/scale",
      ]),
    );
    expect(own.filter((name) => name.includes("Moment") && /mean|variance|lecam/.test(name))).toEqual([]);
    // All of it moves.
    expect(own.filter((name) => before[name] === after[name])).toEqual([]);
  });

  it("has its curves and its lines of the loss card on the page of the run", async () => {
    const page = await renderRunReport(await RunFolder.open(out));
    for (const name of ["discriminatorRealAccuracy", "adversarialWeight", "adversarialGradientAtLast"]) {
      expect(page).toContain(name);
    }
    expect(page).toContain("adversarial, hinge");
    expect(page).toContain("the discriminator from step 3");
  });
});

it("ends in the same bytes when it was killed before and after it began", async () => {
  const adversarial = { start: 3, warmup: 1, r1Weight: 2, r1Every: 2, lecamWeight: 0.1 };
  const options = adversarialRun(images, adversarial, { out: path.join(runs, "killed"), steps: 5 });
  await expectSameBytes(options, [1, 4]);
});

it("frees everything", async () => {
  const before = tf.memory().numTensors;
  const adversarial = { discriminator: { norm: "spectral" }, lecamWeight: 1, adaptive: false, every: 2 };
  const { steps } = await train(adversarialRun(images, adversarial, { steps: 2, checkpointEvery: null }));
  expect(tf.memory().numTensors).toBe(before);
  expect(steps.map((step) => "discriminatorLoss" in step)).toEqual([false, true]);
  expect(steps[0]?.weightedAdversarialLoss).toBeCloseTo(0.8 * (steps[0]?.adversarialLoss as number), 6);
});

describe("objectives by kind", () => {
  const run = (objectives: object) => resolveRun({ data: "photos", objectives });

  it("are the list that they stand for", () => {
    const { objectives } = run({ adversarial: { start: 7 } });
    expect(objectives).toMatchObject([{ kind: "adversarial", start: 7, loss: "hinge" }]);
    expect(run(objectives as unknown as object).objectives).toEqual(objectives);
    expect(run({ adversarial: null }).objectives).toEqual([]);
  });

  it.each([
    [{ adversarial: { strat: 1 } }, /^objectives\.adversarial: .*strat/],
    [{ adversarial: 3 }, /^objectives\.adversarial: expected options/],
    [{ adversarail: {} }, /^objectives\.adversarail\.kind: .*Did you mean "adversarial"/],
  ])("refuse %j", (objectives, message) => {
    expect(() => run(objectives)).toThrow(message);
  });

  it("need crops that the discriminator's layers leave something of", () => {
    const small = { data: { images: "photos", cropSize: [32, 20] }, objectives: { adversarial: {} } };
    expect(() => resolveRun(small)).toThrow(/data\.cropSize: expected sides >= 24 pixels .*"adversarial"/);
  });
});
