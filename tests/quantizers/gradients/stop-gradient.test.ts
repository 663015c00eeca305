import { beforeAll, describe, expect, it } from "vitest";
import { stopGradient, straightThrough } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

describe("stopGradient", () => {
  it("makes its argument a constant", async () => {
    // d/dx of x·sg(x²) is x², not 3x².
    const gradient = tf.tidy(() =>
      tf.grad((x) => tf.mul(x, stopGradient(tf.square(x))))(tf.tensor1d([2, -3])),
    );
    expect(Array.from(await gradient.data())).toEqual([4, 9]);
    gradient.dispose();
  });

  it("differentiates nothing behind it", () => {
    const variable = tf.variable(tf.scalar(5));
    const { value, grads } = tf.variableGrads(() =>
      tf.add(stopGradient(tf.square(variable)), tf.mul(variable, 3)),
    );
    expect(Object.keys(grads)).toEqual([variable.name]);
    tf.dispose([value, grads]);
    expect(() => tf.variableGrads(() => stopGradient(tf.square(variable)), [variable])).toThrow(
      /no gradient|Cannot find a connection/i,
    );
    variable.dispose();
  });
});

describe("straightThrough", () => {
  it("has the codes' value bit for bit, where z + (q − z) would not", async () => {
    const z = [1e8, 0.1, -3];
    const q = [0.3, -0, 7];
    const value = tf.tidy(() => straightThrough(tf.tensor1d(z), tf.tensor1d(q)));
    const values = await value.data();
    expect(Array.from(values, (x) => Object.is(x, -0))).toEqual([false, true, false]);
    expect(Array.from(values)).toEqual(q.map(Math.fround));
    value.dispose();
  });

  it("passes the gradient to the latents unchanged and none to the codes", async () => {
    const codes = tf.variable(tf.tensor1d([5, 6]));
    const latents = tf.variable(tf.tensor1d([1, 2]));
    // d/dz of Σ y² at y = q is 2q.
    const { value, grads } = tf.variableGrads(() =>
      tf.sum(tf.square(straightThrough(latents, tf.mul(codes, 2)))),
    );
    expect(Object.keys(grads)).toEqual([latents.name]);
    expect(Array.from((await grads[latents.name]?.data()) ?? [])).toEqual([20, 24]);
    tf.dispose([value, grads, codes, latents]);
  });
});
