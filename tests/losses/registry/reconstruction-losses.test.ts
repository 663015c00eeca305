import path from "node:path";
import { beforeAll, describe, expect, it, test } from "vitest";
import { parseConfig } from "../../../src/core/config.js";
import { reconstructionLoss, reconstructionLossSchema } from "../../../src/losses/index.js";
import {
  type ReconstructionLossDefinition,
  registerReconstructionLoss,
} from "../../../src/losses/registry/index.js";
import { lossCard } from "../../../src/reports/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";
import { tinyFolders, tinyRun, train } from "../../training/tiny-runs.js";

/** Mean |∂x − ∂x̂| along rows. */
const edges: ReconstructionLossDefinition = {
  name: "edges",
  formula: "mean |∂x − ∂x̂| along rows",
  repeatable: true,
  compute(target, reconstruction) {
    const error = tf.sub(reconstruction, target);
    const [n, h, w, c] = error.shape as [number, number, number, number];
    const steps = tf.sub(
      tf.slice(error, [0, 0, 1, 0], [n, h, w - 1, c]),
      tf.slice(error, 0, [n, h, w - 1, c]),
    );
    return tf.mean(tf.abs(steps)).asScalar();
  },
};
registerReconstructionLoss(edges);

const { images, runs } = await tinyFolders();
const resolve = (options: unknown) => parseConfig(reconstructionLossSchema, options, "loss");
beforeAll(useEngine);

test("a configuration names it as it names ours, and resolves to itself", () => {
  expect(resolve("edges")).toEqual({ l1: 0, l2: 0, huber: 0, ssim: 0, huberDelta: 1, edges: 1 });
  const sum = resolve({ l1: 1, edges: 0.5 });
  expect(sum).toEqual({ l1: 1, l2: 0, huber: 0, ssim: 0, huberDelta: 1, edges: 0.5 });
  expect(resolve(JSON.parse(JSON.stringify(sum)))).toEqual(sum);
  expect(() => resolve("edgse")).toThrow(/Did you mean "edges"\?.*module that registers it/);
  expect(() => resolve({ edges: -1 })).toThrow(/loss\.edges.*>= 0, got -1/);
  expect(() => resolve({ edges: 0 })).toThrow(
    /at least one of l1, l2, huber, ssim, edges, msSsim, sobel > 0/,
  );
});

test("it is computed beside ours, and weighted", async () => {
  // [1, 1, 3, 2]: errors of the first channel 0.5, 0, -1, of the second 0, 0.25, 0.25.
  const target = tf.tensor4d([0, 0, 0, 0, 0, 0], [1, 1, 3, 2]);
  const output = tf.tensor4d([0.5, 0, 0, 0.25, -1, 0.25], [1, 1, 3, 2]);
  const { total, terms } = reconstructionLoss(target, output, resolve({ l1: 2, edges: 4 }));
  // Steps of the error: -0.5, 0.25; -1, 0.
  const expected = { l1: 2 / 6, edges: 1.75 / 4 };
  expect(Object.keys(terms)).toEqual(["l1", "edges"]);
  expect((await terms.l1?.data())?.[0]).toBeCloseTo(expected.l1, 6);
  expect((await terms.edges?.data())?.[0]).toBeCloseTo(expected.edges, 6);
  expect((await total.data())[0]).toBeCloseTo(2 * expected.l1 + 4 * expected.edges, 5);
});

test("one that is no scalar is told, by its name", () => {
  registerReconstructionLoss({
    name: "perPixel",
    formula: "|x − x̂|",
    compute: (target, reconstruction) => tf.abs(tf.sub(target, reconstruction)) as unknown as tf.Scalar,
  });
  const pixels = tf.zeros([1, 2, 3, 1]) as tf.Tensor4D;
  expect(() => reconstructionLoss(pixels, pixels, resolve("perPixel"))).toThrow(/loss\.perPixel.*scalar/);
});

describe("names that cannot be", () => {
  it.each([
    ["ssim", /one of training's own/],
    ["commitment", /one of training's own/],
    ["my-loss", /letters and digits/],
    ["edges", /already registered with another definition/],
  ])("%s", (name, message) => {
    expect(() => registerReconstructionLoss({ ...edges, name })).toThrow(message);
  });

  it("the same definition again is no error", () => {
    expect(() => registerReconstructionLoss(edges)).not.toThrow();
  });
});

test("training minimises and records it, and the loss card says what it is", async () => {
  const loss = { l1: 1, edges: 3 };
  const { steps } = await train(tinyRun(images, { steps: 6, loss, out: path.join(runs, "edges") }));
  const [first, last] = [steps[0], steps.at(-1)];
  const own = Number(first?.edgesLoss);
  expect(first?.weightedEdgesLoss).toBeCloseTo(3 * own, 5);
  expect(first?.reconstructionLoss).toBeCloseTo(Number(first?.l1Loss) + 3 * own, 5);
  expect(Number(last?.reconstructionLoss)).toBeLessThan(Number(first?.reconstructionLoss));
  const card = lossCard({ loss: resolve(loss), quantizer: { kind: "fsq", levels: [3, 3] } });
  expect(card.terms.find((term) => term.loss.includes("edges"))).toMatchObject({
    loss: "reconstruction, edges",
    weight: 3,
    formula: "mean |∂x − ∂x̂| along rows",
  });
});
