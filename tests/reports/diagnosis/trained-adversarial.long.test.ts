import { describe, expect, it } from "vitest";
import { registerReconstructionLoss } from "../../../src/losses/registry/index.js";
import type { Finding } from "../../../src/reports/diagnosis/index.js";
import * as tf from "../../../src/tf/index.js";
import type { RunOptions } from "../../../src/training/index.js";
import { tinyFolders } from "../../training/tiny-runs.js";
import { findingsOf } from "./trained-runs.js";

const folders = await tinyFolders();

/** Amplitude of the marks, of pixels in −1..1. */
const MARK = 0.25;

/** Teaches the images with a chequered pattern on them, one pixel a field: what a bad upsampling leaves. */
registerReconstructionLoss({
  name: "chequered",
  formula: "mean (x + marks − x̂)²",
  repeatable: true,
  compute(target, reconstruction) {
    const [, height, width] = target.shape;
    const signs = Float32Array.from({ length: height * width }, (_, i) =>
      (Math.floor(i / width) + (i % width)) % 2 === 0 ? MARK : -MARK,
    );
    const marks = tf.tensor(signs, [1, height, width, 1]);
    return tf.mean(tf.squaredDifference(tf.add(target, marks), reconstruction)).asScalar();
  },
});

/** As `tinyRun` has it. */
const MODEL = {
  preset: "tiny",
  downsamplingFactor: 2,
  baseWidth: 8,
  residualBlocks: 1,
  latentChannels: 8,
} as const;

const RULES = ["discriminator-wins", "adversarial-weight-at-clamp", "checkerboard"];

/** Those of the three rules that found something: alone, or as symptoms of a run of too few steps. */
function adversarial(findings: readonly Finding[]): string[] {
  const all = findings.flatMap((finding) => [finding, ...finding.symptoms]);
  return RULES.filter((name) => all.some(({ rule }) => rule === name));
}

const run = (objective: object, changes: Partial<RunOptions> = {}): Partial<RunOptions> => ({
  steps: 150,
  data: { images: folders.images, cropSize: [16, 16], heldOut: 0.25, evaluationCropsPerImage: 1 },
  evaluateUntrained: false,
  objectives: { adversarial: { discriminator: { width: 8, layers: 2, norm: "none" }, ...objective } },
  ...changes,
});

describe("adversarial runs that were really trained", () => {
  it("a discriminator and a model that learn alike: none of the three", async () => {
    const findings = await findingsOf(folders, "adversarial-healthy", run({ start: 100, weight: 0.1 }));
    expect(adversarial(findings)).toEqual([]);
  });

  it("a model that hardly learns against a discriminator that does: it wins", async () => {
    const changes = { learningRate: 1e-6, warmupSteps: 0 };
    const findings = await findingsOf(folders, "adversarial-won", run({ learningRate: 4e-3 }, changes));
    expect(adversarial(findings)).toContain("discriminator-wins");
  });

  it("a discriminator without gradients beside a loss with large ones: the weight is at its limit", async () => {
    const objective = { learningRate: 1e-9, discriminator: { width: 4, layers: 2, norm: "none" } };
    const findings = await findingsOf(folders, "adversarial-clamped", run(objective, { loss: { l1: 500 } }));
    expect(adversarial(findings)).toContain("adversarial-weight-at-clamp");
  });

  it("a loss that teaches a chequered pattern: marks of upsampling", async () => {
    // Upsampling by nearest pixels has no pixels of its own to mark; by depth to space it has.
    const model = { ...MODEL, up: "depth-to-space" } as const;
    const changes = { loss: { chequered: 1 }, model, steps: 300 } as Partial<RunOptions>;
    const findings = await findingsOf(folders, "adversarial-marked", run({ start: 300, weight: 0 }, changes));
    expect(adversarial(findings)).toContain("checkerboard");
  });
});
