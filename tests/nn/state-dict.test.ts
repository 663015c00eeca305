import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  assignWeightValues,
  copyWeightValues,
  renameWeights,
  storedWeightValues,
  type WeightValue,
} from "../../src/nn/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

const variables = new Map<string, tf.Variable>();

beforeAll(async () => {
  await useEngine();
  variables.set("conv/kernel", tf.variable(tf.tensor([1, 2, 3, 4, 5, 6], [2, 3])));
  variables.set("conv/bias", tf.variable(tf.tensor([7, 8, 9])));
  variables.set("norm/scale", tf.variable(tf.tensor([0.5])));
});

afterAll(() => tf.dispose([...variables.values()]));

const value = (shape: number[], ...data: number[]): WeightValue => ({ shape, data: Float32Array.from(data) });

async function valuesNow(): Promise<Record<string, number[]>> {
  return Object.fromEntries(
    [...(await copyWeightValues(variables))].map(([name, { data }]) => [name, [...data]]),
  );
}

describe("a state dictionary", () => {
  it("is loaded in part: what kept its values is named", async () => {
    const before = await valuesNow();
    const left = assignWeightValues(variables, new Map([["conv/bias", value([3], -1, -2, -3)]]), {
      part: true,
    });
    expect(left).toEqual(["conv/kernel", "norm/scale"]);
    expect(await valuesNow()).toEqual({ ...before, "conv/bias": [-1, -2, -3] });
  });

  it.each([
    [
      "a weight that the variables lack",
      new Map([["conv/beta", value([1], 1)]]),
      /the model has no "conv\/beta"/,
    ],
    [
      "other shapes",
      new Map([
        ["norm/scale", value([2], 3, 4)],
        ["conv/kernel", value([3, 2], 1, 2, 3, 4, 5, 6)], // named first, as the variables have it
      ]),
      /Weight "conv\/kernel": model has \[2,3\], file has \[3,2\]/,
    ],
    ["too few values", new Map([["conv/bias", value([3], 1, 2)]]), /expected 3 values for \[3\], got 2/],
  ])("in part is still refused whole for %s", async (_, weights, message) => {
    const before = await valuesNow();
    expect(() => assignWeightValues(variables, weights, { part: true })).toThrow(message);
    expect(await valuesNow()).toEqual(before);
  });

  it("that lacks a weight is refused unless it may", () => {
    const weights = new Map([["conv/bias", value([3], 1, 2, 3)]]);
    expect(() => assignWeightValues(variables, weights)).toThrow(/lacks "conv\/kernel", "norm\/scale"/);
  });
});

describe("renameWeights", () => {
  const theirs = new Map([
    ["model.0.weight", value([1], 1)],
    ["model.0.bias", value([1], 2)],
    ["loss.weight", value([1], 3)],
  ]);

  it("gives other names, in the same order, and leaves out what has none", () => {
    const names: Record<string, string> = { "model.0.weight": "conv/kernel", "model.0.bias": "conv/bias" };
    const renamed = renameWeights(theirs, (name) => names[name]);
    expect([...renamed].map(([name, { data }]) => [name, data[0]])).toEqual([
      ["conv/kernel", 1],
      ["conv/bias", 2],
    ]);
  });

  it("refuses two of one name, and names both", () => {
    expect(() => renameWeights(theirs, (name) => name.split(".").at(-1))).toThrow(
      'Weights: expected one for "weight", got "model.0.weight" and "loss.weight".',
    );
  });
});

describe("storedWeightValues", () => {
  it("reads every floating-point type, under the same names and shapes", () => {
    const values = storedWeightValues(
      new Map([
        ["a", { dtype: "F16", shape: [2, 1], data: Uint16Array.of(0x3c00, 0xc000) }],
        ["b", { dtype: "BF16", shape: [1], data: Uint16Array.of(0x4049) }],
        ["c", { dtype: "F64", shape: [1], data: Float64Array.of(0.1) }],
        ["d", { dtype: "F32", shape: [], data: Float32Array.of(4) }],
      ]),
    );
    expect(Object.fromEntries(values)).toEqual({
      a: value([2, 1], 1, -2),
      b: value([1], 3.140625),
      c: value([1], 0.1),
      d: value([], 4),
    });
  });

  it.each([
    [
      "integers",
      { dtype: "I64", shape: [1], data: BigInt64Array.of(1n) },
      /expected element type F32, F16, BF16 or F64, got I64/,
    ],
    ["BOOL", { dtype: "BOOL", shape: [1], data: Uint8Array.of(1) }, /got BOOL/],
    [
      "a NaN of 16 bits",
      { dtype: "F16", shape: [2], data: Uint16Array.of(0, 0x7e00) },
      /finite numbers, got NaN at position 1/,
    ],
    [
      "a double beyond float32",
      { dtype: "F64", shape: [1], data: Float64Array.of(1e300) },
      /finite numbers, got Infinity/,
    ],
  ] as const)("refuses %s by name", (_, tensor, message) => {
    expect(() => storedWeightValues(new Map([["w", tensor]]))).toThrow(message);
  });
});
