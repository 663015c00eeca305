import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { planComparison } from "../../../src/training/index.js";
import { tinyRun } from "../tiny-runs.js";

function options(changes: object): object {
  const { quantizer: _, ...base } = tinyRun("photos", { steps: 3 });
  return { base, quantizers: ["vq", "fsq"], codebookSize: 30, out: "runs/sweep", ...changes };
}

describe("a sweep", () => {
  it("trains every quantizer with every value, seed by seed", () => {
    const plan = planComparison(options({ sweep: { codebookSize: [64, 16] }, seeds: [2, 0] }));
    expect(plan.map(({ dir }) => dir)).toEqual([
      "runs/sweep/vq-codebookSize64-seed2",
      "runs/sweep/fsq-codebookSize64-seed2",
      "runs/sweep/vq-codebookSize16-seed2",
      "runs/sweep/fsq-codebookSize16-seed2",
      "runs/sweep/vq-codebookSize64-seed0",
      "runs/sweep/fsq-codebookSize64-seed0",
      "runs/sweep/vq-codebookSize16-seed0",
      "runs/sweep/fsq-codebookSize16-seed0",
    ]);
    const [vq, fsq, small] = plan;
    expect(vq?.config.quantizer.codebookSize).toBe(64);
    expect(small?.config.quantizer.codebookSize).toBe(16);
    // FSQ comes near the size that was asked for, and both are known.
    expect(fsq?.config.nominalCodebookSize).toBe(64);
    expect(fsq?.swept).toEqual({ codebookSize: 64 });
    expect(fsq?.quantizer).toBe("fsq");
  });

  it("of several fields is a grid; values differ in nothing else", () => {
    const plan = planComparison(
      options({
        quantizers: ["vq"],
        sweep: {
          "model.baseWidth": [8, 12],
          learningRate: [1e-3, 4e-4],
          "quantizer.commitmentWeight": [0.5],
        },
      }),
    );
    expect(
      plan.map(({ config: { model, learningRate, quantizer } }) => [
        model.baseWidth,
        learningRate,
        quantizer.commitmentWeight,
      ]),
    ).toEqual([
      [8, 1e-3, 0.5],
      [8, 4e-4, 0.5],
      [12, 1e-3, 0.5],
      [12, 4e-4, 0.5],
    ]);
    const [first, , third] = plan.map(({ config }) => config);
    expect({ ...third, out: first?.out, model: { ...third?.model, baseWidth: 8 } }).toEqual(first);
    expect(plan[3]?.dir).toBe("runs/sweep/vq-baseWidth12-learningRate0.0004-commitmentWeight0.5-seed0");
  });

  it("takes lists and words as values, under names that a folder can have", () => {
    const sweep = { "model.residualBlocks": [1, [0, 2]], schedule: ["cosine", "constant"] };
    const { quantizer: _, ...base } = tinyRun("photos", {
      model: { preset: "tiny", downsamplingFactor: 4, baseWidth: 8 },
    });
    const plan = planComparison(options({ base, quantizers: ["vq"], sweep }));
    expect(plan.map(({ dir }) => dir.replace("runs/sweep/vq-", ""))).toEqual([
      "residualBlocks1-schedulecosine-seed0",
      "residualBlocks1-scheduleconstant-seed0",
      "residualBlocks0_2-schedulecosine-seed0",
      "residualBlocks0_2-scheduleconstant-seed0",
    ]);
    expect(plan[3]?.config).toMatchObject({ schedule: "constant", model: { residualBlocks: [0, 2] } });
  });

  it.each([
    [{ seed: [1, 2] }, "sweep.seed", /seeds are a list of their own/],
    [{ "quantizer.kind": ["vq"] }, "sweep.quantizer.kind", /option quantizers/],
    [{ "data.cropSize": [32, 64] }, "sweep.data.cropSize", /changes what is measured/],
    [{ loss: ["l1", "l2"] }, "sweep.loss", /changes what is measured/],
    [{ "loss.ssim": [0, 1] }, "sweep.loss.ssim", /changes what is measured/],
    [{ model: [{ baseWidth: 8 }] }, "sweep.model", /only single fields/],
    [{ out: ["a"] }, "sweep.out", /the comparison sets it/],
    [{ steps: [3, 4, 3] }, "sweep.steps[2]", /got 3 again/],
    [{ steps: [] }, "sweep.steps", /expected >= 1 items/],
    [{ steps: [3, -1] }, "steps", /got -1/],
    [{ stepz: [3] }, "", /Did you mean "steps"\?$/],
    [{ "model.baseWidht": [8] }, "model", /Did you mean "baseWidth"\?$/],
    [{ "steps.deep": [8] }, "sweep.steps.deep", /expected steps to have fields, got 3/],
    [{ codebookSize: [64, "many"] }, "sweep.codebookSize[1]", /an integer >= 2, got "many"/],
    [{ codebookSize: [1] }, "sweep.codebookSize[0]", /an integer >= 2, got 1/],
    [{ schedule: ["cosine", "cos ine"] }, "schedule", /got "cos ine"/],
  ])("refuses %j before anything is trained", (sweep, at, message) => {
    const refused = () => planComparison(options({ quantizers: ["vq"], sweep }));
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ path: at }));
  });

  it("of sizes refuses quantizers that would not follow it", () => {
    for (const own of [
      { kind: "fsq", levels: [4, 3] },
      { kind: "vq", codebookSize: 64 },
    ]) {
      expect(() =>
        planComparison(options({ quantizers: ["rotation", own], sweep: { codebookSize: [16, 64] } })),
      ).toThrow(expect.objectContaining({ path: "quantizers[1]" }));
    }
  });

  it("refuses values whose folders would be the same", () => {
    const sweep = { "model.residualBlocks": [1, [1]] };
    expect(() => planComparison(options({ quantizers: ["vq"], sweep }))).toThrow(
      /told apart in names of folders, got two for runs\/sweep\/vq-residualBlocks1-seed0/,
    );
  });
});
