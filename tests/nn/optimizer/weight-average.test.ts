import { beforeAll, describe, expect, it } from "vitest";
import { averageDecayAt, WeightAverage } from "../../../src/nn/optimizer/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

const values = async (tensor: tf.Tensor | undefined): Promise<number[]> => [
  ...((await tensor?.data()) ?? []),
];

function variables(): Map<string, tf.Variable> {
  return new Map([
    ["kernel", tf.tidy(() => tf.variable(tf.tensor([1, -2, 4], [1, 3])))],
    ["counts", tf.tidy(() => tf.variable(tf.tensor([8]), false))],
  ]);
}

function set(variable: tf.Variable | undefined, numbers: number[]): void {
  tf.tidy(() => variable?.assign(tf.tensor(numbers, variable.shape)));
}

describe("averageDecayAt", () => {
  it("is (1 + t)/(10 + t) until that passes the decay", () => {
    expect(averageDecayAt(1, 0.99)).toBe(2 / 11);
    expect(averageDecayAt(8, 0.99)).toBe(0.5);
    // (1 + t)/(10 + t) = 0.99 at t = 890.
    expect(averageDecayAt(889, 0.99)).toBeLessThan(0.99);
    expect(averageDecayAt(891, 0.99)).toBe(0.99);
  });
});

function update(average: WeightAverage, step: number): void {
  tf.tidy(() => average.update(average.stepShare(step)));
}

describe("WeightAverage", () => {
  it("starts as a copy and follows a + (1 − d)·(θ − a)", async () => {
    const weights = variables();
    const average = new WeightAverage(weights, 0.5);
    expect(await values(average.values().get("kernel"))).toEqual([1, -2, 4]);

    set(weights.get("kernel"), [12, 9, 4]);
    set(weights.get("counts"), [-3]);
    update(average, 1); // d = 2/11: 1 + 9/11·11 = 10, −2 + 9/11·11 = 7, 4; 8 + 9/11·(−11) = −1
    const first = await values(average.values().get("kernel"));
    for (const [i, expected] of [10, 7, 4].entries()) expect(first[i]).toBeCloseTo(expected, 5);
    expect((await values(average.values().get("counts")))[0]).toBeCloseTo(-1, 5);

    set(weights.get("kernel"), [20, 7, -4]);
    update(average, 100); // d = min(0.5, 101/110): half of the way
    const second = await values(average.values().get("kernel"));
    for (const [i, expected] of [15, 7, 0].entries()) expect(second[i]).toBeCloseTo(expected, 5);
    average.dispose();
    tf.dispose([...weights.values()]);
  });

  it("lends the average to the variables during a body, and restores the trained weights bit for bit", async () => {
    const weights = variables();
    const average = new WeightAverage(weights, 0);
    set(weights.get("kernel"), [0.1, 0.2, 0.3]);
    const trained = await values(weights.get("kernel"));
    const seen = await average.during(() => values(weights.get("kernel")));
    expect(seen).toEqual([1, -2, 4]);
    expect(await values(weights.get("kernel"))).toEqual(trained);
    expect(await values(average.values().get("kernel"))).toEqual([1, -2, 4]);
    average.dispose();
    tf.dispose([...weights.values()]);
  });

  it("restores the trained weights when the body fails", async () => {
    const weights = variables();
    const average = new WeightAverage(weights, 0);
    set(weights.get("counts"), [5]);
    const failure = average.during(async () => {
      throw new Error("no disk");
    });
    await expect(failure).rejects.toThrow("no disk");
    expect(await values(weights.get("counts"))).toEqual([5]);
    average.dispose();
    tf.dispose([...weights.values()]);
  });

  it("refuses an update or a second use while the average is in use", async () => {
    const weights = variables();
    const average = new WeightAverage(weights, 0.9);
    await average.during(async () => {
      expect(() => update(average, 1)).toThrow(TypeError);
      await expect(average.during(() => 0)).rejects.toThrow(TypeError);
    });
    update(average, 1);
    average.dispose();
    tf.dispose([...weights.values()]);
  });

  it("keeps the number of tensors constant, and frees all of its own", async () => {
    const before = tf.memory().numTensors;
    const weights = variables();
    const average = new WeightAverage(weights, 0.9);
    const running = tf.memory().numTensors;
    expect(running).toBe(before + 4);
    for (let step = 1; step <= 100; step++) update(average, step);
    await average.during(() => undefined);
    expect(tf.memory().numTensors).toBe(running);
    average.dispose();
    tf.dispose([...weights.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("starts again from the present weights at reset, and not while it is in use", async () => {
    const weights = variables();
    const average = new WeightAverage(weights, 0.9);
    set(weights.get("kernel"), [5, 6, -7]);
    average.reset();
    expect(await values(average.values().get("kernel"))).toEqual([5, 6, -7]);
    // A copy: what happens to the weights does not reach it.
    set(weights.get("kernel"), [0, 0, 0]);
    expect(await values(average.values().get("kernel"))).toEqual([5, 6, -7]);
    await average.during(() => expect(() => average.reset()).toThrow(TypeError));
    average.dispose();
    tf.dispose([...weights.values()]);
  });
});
