import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseConfig } from "../../src/core/config.js";
import { ConfigError } from "../../src/core/errors.js";
import { trainingFields, trainingSchema } from "../../src/training/run-config.js";

describe("trainingSchema", () => {
  it("writes every default out", () => {
    expect(parseConfig(trainingSchema, {}, "")).toEqual({
      seed: 0,
      steps: 1000,
      batchSize: 16,
      accumulate: 1,
      partLearningRates: {},
      stopAfter: null,
      monitor: "psnr",
      learningRate: 4e-4,
      warmupSteps: 50,
      schedule: "cosine",
      finalLearningRateFraction: 0.1,
      optimizer: { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      gradientClip: 1,
      weightAverageDecay: null,
      usageWindow: 50,
      timelineRecords: 50,
      reconstructionStrips: 12,
      logEvery: 1,
      evaluateEvery: null,
      checkpointEvery: 250,
      onNan: "stop",
    });
  });

  it("keeps zeros and nulls, and survives JSON", () => {
    const given = {
      seed: 7,
      steps: 1,
      batchSize: 3,
      accumulate: 4,
      partLearningRates: { encoder: 1e-5 },
      stopAfter: 2,
      monitor: "ssim",
      learningRate: 0.02,
      warmupSteps: 0,
      schedule: "linear",
      finalLearningRateFraction: 0,
      optimizer: { kind: "adamw", beta1: 0, beta2: 0.5, epsilon: 1e-3, weightDecay: 0.05 },
      gradientClip: null,
      weightAverageDecay: 0,
      usageWindow: 1,
      timelineRecords: 0,
      reconstructionStrips: 0,
      logEvery: 20,
      evaluateEvery: 5,
      checkpointEvery: null,
      onNan: "rollback",
    };
    const parsed = parseConfig(trainingSchema, given, "");
    expect(parsed).toEqual(given);
    expect(parseConfig(trainingSchema, JSON.parse(JSON.stringify(parsed)), "")).toEqual(given);
  });

  it("fills an optimizer that is given in part", () => {
    const { optimizer } = parseConfig(trainingSchema, { optimizer: { beta2: 0.99 } }, "");
    expect(optimizer).toEqual({ kind: "adam", beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 });
  });

  it.each([
    [{ steps: 0 }, "steps"],
    [{ steps: 2.5 }, "steps"],
    [{ seed: -1 }, "seed"],
    [{ batchSize: "16" }, "batchSize"],
    [{ learningRate: 0 }, "learningRate"],
    [{ learningRate: Number.NaN }, "learningRate"],
    [{ learningRate: Number.POSITIVE_INFINITY }, "learningRate"],
    [{ schedule: "cosin" }, "schedule"],
    [{ finalLearningRateFraction: 1.1 }, "finalLearningRateFraction"],
    [{ optimizer: { beta1: 1 } }, "optimizer.beta1"],
    [{ optimizer: { epsilon: 0 } }, "optimizer.epsilon"],
    [{ optimizer: { weightDecay: -1 } }, "optimizer.weightDecay"],
    [{ gradientClip: 0 }, "gradientClip"],
    [{ weightAverageDecay: 1 }, "weightAverageDecay"],
    [{ usageWindow: 0 }, "usageWindow"],
    [{ evaluateEvery: 0 }, "evaluateEvery"],
  ])("refuses %j and names the field", (config, path) => {
    const attempt = (): unknown => parseConfig(trainingSchema, config, "");
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("suggests the key that was meant", () => {
    expect(() => parseConfig(trainingSchema, { warmupStep: 1 }, "")).toThrow('Did you mean "warmupSteps"?');
  });

  it("can be spread into a larger schema", () => {
    const larger = z.strictObject({ ...trainingFields, data: z.string() });
    expect(parseConfig(larger, { data: "photos/", steps: 5 }, "")).toMatchObject({
      data: "photos/",
      steps: 5,
      seed: 0,
    });
  });
});
