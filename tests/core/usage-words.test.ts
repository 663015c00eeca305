import { expect, test } from "vitest";
import { evaluationImages, lastSteps, stepsInWindow } from "../../src/core/usage-words.js";

test("a window has as many steps as its indices are batches; without these it has some", () => {
  // 50 batches of 4,096 indices, and the 3 that a run of 3 steps has.
  expect(lastSteps(stepsInWindow({ samplesBatch: 4096, samplesWindow: 204_800 }))).toBe("the last 50 steps");
  expect(lastSteps(stepsInWindow({ samplesBatch: 7, samplesWindow: 21 }))).toBe("the last 3 steps");
  expect(lastSteps(stepsInWindow({ samplesBatch: 7, samplesWindow: 7 }))).toBe("the last step");
  for (const record of [undefined, {}, { samplesWindow: 21 }, { samplesBatch: 0, samplesWindow: 21 }])
    expect(lastSteps(stepsInWindow(record))).toBe("the last steps");
});

test("images of an evaluation were held out, or not, or nobody knows", () => {
  expect([true, false, undefined].map(evaluationImages)).toEqual([
    "held-out images",
    "images trained on",
    "the evaluation images",
  ]);
});
