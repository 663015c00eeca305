import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import {
  activation,
  convolution,
  Network,
  residual,
  sequence,
  upsampledConvolution,
} from "../../src/nn/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

const layer = sequence([
  convolution({ name: "in", kernel: [2, 3], inputs: 3, outputs: 4 }),
  residual({
    body: [activation("relu"), convolution({ name: "body", kernel: 3, padding: 1, inputs: 4, outputs: 4 })],
    shortcut: [convolution({ name: "beside", kernel: 1, inputs: 4, outputs: 4, bias: false })],
  }),
  upsampledConvolution({ name: "up", inputs: 4, outputs: 2, start: { normal: 0.02 } }),
]);
const names = ["in/kernel", "in/bias", "body/kernel", "body/bias", "beside/kernel", "up/kernel", "up/bias"];

async function valuesOf(network: Network): Promise<Record<string, number[]>> {
  const entries = [...network.variables()].map(
    async ([name, v]) => [name, Array.from(await v.data())] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

describe("Network.create", () => {
  it("draws each parameter from the seed and its name alone, in the ranges of its start", async () => {
    const network = Network.create(layer, { seed: 3 });
    const values = await valuesOf(network);
    expect(Object.keys(values)).toEqual(names);
    // fanIn = 2·3·3 = 18, so b = 1/√18.
    const random = new Random(3, "weights", "in/kernel");
    const b = 1 / Math.sqrt(18);
    expect(values["in/kernel"]).toEqual(Array.from(random.fill(2 * 3 * 3 * 4, (r) => r.uniform(-b, b))));
    const up = values["up/kernel"] as number[];
    const deviation = Math.sqrt(up.reduce((sum, value) => sum + value ** 2, 0) / up.length);
    expect(deviation).toBeGreaterThan(0.015);
    expect(deviation).toBeLessThan(0.025);
    const alone = Network.create(
      convolution({ name: "up", kernel: 3, inputs: 4, outputs: 2, start: { normal: 0.02 } }),
      {
        seed: 3,
      },
    );
    expect((await valuesOf(alone))["up/kernel"]).toEqual(up);
    network.dispose();
    alone.dispose();
  });

  it("takes what is given, and draws the rest alone", async () => {
    const fresh = await valuesOf(Network.create(layer, { seed: 3 }));
    const data = Float32Array.from({ length: 16 }, (_, i) => i - 7.5);
    const weights = new Map([["beside/kernel", { shape: [1, 1, 4, 4], data }]]);
    const network = Network.create(layer, { seed: 3, weights });
    data.fill(9); // a copy was taken
    const values = await valuesOf(network);
    expect(values["beside/kernel"]?.slice(0, 3)).toEqual([-7.5, -6.5, -5.5]);
    expect({ ...values, "beside/kernel": fresh["beside/kernel"] }).toEqual(fresh);
    network.dispose();
  });

  it.each([
    ["missing", new Map(), /the file lacks "in\/kernel", .*and 2 more/],
    [
      "of another shape",
      new Map([["in/bias", { shape: [5], data: new Float32Array(5) }]]),
      /model has \[4\], file has \[5\]/,
    ],
    [
      "unknown",
      new Map([["out/bias", { shape: [1], data: new Float32Array(1) }]]),
      /the model has no "out\/bias"/,
    ],
    [
      "cut short",
      new Map([["in/bias", { shape: [4], data: new Float32Array(3) }]]),
      /expected 4 values for \[4\], got 3/,
    ],
  ])("refuses weights that are %s, and leaves no tensor behind", (what, weights, message) => {
    const before = tf.memory().numTensors;
    const start = what === "missing" ? { weights } : { seed: 0, weights };
    expect(() => Network.create(layer, start)).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses two parameters of one name", () => {
    const twice = sequence([layer, convolution({ name: "body", kernel: 1, inputs: 2, outputs: 1 })]);
    expect(() => Network.create(twice, { seed: 0 })).toThrow("two parameters of one name: body/kernel");
  });
});

it("a pass leaves its result alone, and dispose nothing", () => {
  const before = tf.memory().numTensors;
  const network = Network.create(layer, { seed: 0 });
  const image = tf.zeros<tf.Rank.R4>([1, 5, 6, 3]);
  const made = network.apply(image);
  const trained = network.applyTraining(image);
  expect(tf.memory().numTensors).toBe(before + names.length + 3);
  expect(made.shape).toEqual([1, 8, 8, 2]);
  expect(network.cost([5, 6, 3]).output).toEqual([8, 8, 2]);
  expect(trained.statistics).toEqual({});
  tf.dispose([image, made, trained.output]);
  network.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
