import { beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/core/config.js";
import { Random } from "../../src/core/random.js";
import {
  type ReconstructionLossConfig,
  reconstructionLoss,
  reconstructionLossSchema,
} from "../../src/losses/reconstruction-loss.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

function resolve(options: unknown): ReconstructionLossConfig {
  return parseConfig(reconstructionLossSchema, options, "reconstructionLoss");
}

type Shape4D = [number, number, number, number];

function randomImages(shape: Shape4D, label: string): tf.Tensor4D {
  const size = shape.reduce((a, b) => a * b);
  return tf.tensor4d(
    new Random(3, label).fill(size, (r) => r.uniform(-1, 1)),
    shape,
  );
}

/**
 * Mean SSIM as a metric defines it: values on 0..255 with range 255, a full two-dimensional window, no separation, in
 * doubles.
 */
function referenceSsim(x: ArrayLike<number>, y: ArrayLike<number>, [n, h, w, c]: Shape4D): number {
  const gauss = (i: number, j: number) => Math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5 ** 2));
  const offsets = [...Array(121).keys()].map((k) => [Math.floor(k / 11), k % 11] as const);
  const norm = offsets.reduce((sum, [i, j]) => sum + gauss(i, j), 0);
  const byte = (values: ArrayLike<number>, index: number) => ((values[index] as number) + 1) * 127.5;
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  const scores: number[] = [];
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      for (let top = 0; top + 11 <= h; top++) {
        for (let left = 0; left + 11 <= w; left++) {
          const window = offsets.map(([i, j]) => {
            const index = ((image * h + top + i) * w + left + j) * c + channel;
            return { p: gauss(i, j) / norm, a: byte(x, index), b: byte(y, index) };
          });
          const mean = (f: (s: { a: number; b: number }) => number) =>
            window.reduce((sum, s) => sum + s.p * f(s), 0);
          const [ma, mb] = [mean((s) => s.a), mean((s) => s.b)];
          const [va, vb] = [mean((s) => (s.a - ma) ** 2), mean((s) => (s.b - mb) ** 2)];
          const cov = mean((s) => (s.a - ma) * (s.b - mb));
          scores.push(((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma ** 2 + mb ** 2 + c1) * (va + vb + c2)));
        }
      }
    }
  }
  return scores.reduce((a, b) => a + b) / scores.length;
}

async function read(tensor: tf.Tensor | undefined): Promise<number> {
  return (await tensor?.data())?.[0] ?? Number.NaN;
}

describe("reconstructionLossSchema", () => {
  it("writes every weight out, and resolves its own result to itself", () => {
    expect(resolve("l2")).toEqual({ l1: 0, l2: 1, huber: 0, ssim: 0, huberDelta: 1 });
    const sum = resolve({ l1: 1, ssim: 0.2, huberDelta: 0.1 });
    expect(sum).toEqual({ l1: 1, l2: 0, huber: 0, ssim: 0.2, huberDelta: 0.1 });
    expect(resolve(JSON.parse(JSON.stringify(sum)))).toEqual(sum);
  });

  it.each([
    ["ssimm", "reconstructionLoss", /Unknown reconstruction loss "ssimm"\..*Did you mean "ssim"\?/],
    [{ l3: 1 }, "reconstructionLoss", /Unknown reconstruction loss "l3"/],
    [{ l1: 0 }, "reconstructionLoss", /at least one of l1, l2, huber, ssim, msSsim, sobel > 0/],
    [{ l1: -1 }, "reconstructionLoss.l1", />= 0, got -1/],
    [{ huber: 1, huberDelta: 0 }, "reconstructionLoss.huberDelta", /> 0, got 0/],
    [null, "reconstructionLoss", /expected an object, got null/],
    [5, "reconstructionLoss", /expected an object, got 5/],
  ])("names what is wrong in %j", (options, path, message) => {
    expect(() => resolve(options)).toThrow(
      expect.objectContaining({ code: "config", path, message: expect.stringMatching(message) }),
    );
  });
});

describe("reconstructionLoss", () => {
  it("gives each term unweighted and their weighted sum", async () => {
    const target = tf.tensor4d([0, 0.5, -1, 1, 0, 0], [1, 1, 2, 3]);
    const output = tf.tensor4d([0.5, 0.5, 1, 0, -0.25, 0], [1, 1, 2, 3]);
    // |d| = 0.5, 0, 2, 1, 0.25, 0
    const l1 = 3.75 / 6;
    const l2 = (0.25 + 4 + 1 + 0.0625) / 6;
    // δ = 0.5: d²/2 = 0.125, 0.03125; 0.5·(|d| − 0.25) = 0.875, 0.375
    const huber = (0.125 + 0.875 + 0.375 + 0.03125) / 6;
    const config = resolve({ l1: 1, l2: 0.5, huber: 4, huberDelta: 0.5 });
    const { total, terms } = reconstructionLoss(target, output, config);
    expect(Object.keys(terms)).toEqual(["l1", "l2", "huber"]);
    expect(total.shape).toEqual([]);
    expect(await read(terms.l1)).toBeCloseTo(l1, 6);
    expect(await read(terms.l2)).toBeCloseTo(l2, 6);
    expect(await read(terms.huber)).toBeCloseTo(huber, 6);
    expect(await read(total)).toBeCloseTo(l1 + 0.5 * l2 + 4 * huber, 5);
  });

  it("measures SSIM as the metric does on 8-bit values", async () => {
    const shape: Shape4D = [2, 13, 12, 3];
    const target = randomImages(shape, "target");
    const output = tf.tidy(() =>
      tf.add<tf.Tensor4D>(tf.mul(target, 0.6), tf.mul(randomImages(shape, "noise"), 0.3)),
    );
    const expected = referenceSsim(await target.data(), await output.data(), shape);
    const { terms, total } = reconstructionLoss(target, output, resolve({ ssim: 0.25 }));
    expect(expected).toBeGreaterThan(0.3);
    expect(expected).toBeLessThan(0.9);
    expect(await read(terms.ssim)).toBeCloseTo(1 - expected, 5);
    expect(await read(total)).toBeCloseTo((1 - expected) / 4, 5);
    expect(await read(reconstructionLoss(target, target, resolve("ssim")).total)).toBeCloseTo(0, 6);
  });

  it("has SSIM's gradient", async () => {
    const shape: Shape4D = [1, 11, 12, 2];
    const target = randomImages(shape, "target");
    const output = randomImages(shape, "output");
    const config = resolve("ssim");
    const gradient = await tf
      .grad((x) => reconstructionLoss(target, x as tf.Tensor4D, config).total)(output)
      .data();
    const [x, y] = [Array.from(await target.data()), Array.from(await output.data())];
    for (const index of [131, 137, 60, 261]) {
      const at = (offset: number) => referenceSsim(x, y.with(index, (y[index] as number) + offset), shape);
      const expected = -(at(1e-4) - at(-1e-4)) / 2e-4;
      expect(gradient[index], `element ${index}`).toBeCloseTo(expected, 6);
    }
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3);
  });

  it.each(["l1", "l2", "huber"])("has the gradient of %s", async (name) => {
    const target = tf.tensor4d([0.5, -0.5, 0.25], [1, 1, 1, 3]);
    const output = tf.tensor4d([0.25, 1, 0.5], [1, 1, 1, 3]);
    const config = resolve({ [name]: 3, huberDelta: 0.75 });
    const gradient = await tf
      .grad((x) => reconstructionLoss(target, x as tf.Tensor4D, config).total)(output)
      .data();
    // d = -0.25, 1.5, 0.25; the weight 3 undoes the mean over 3.
    const expected = { l1: [-1, 1, 1], l2: [-0.5, 3, 0.5], huber: [-0.25, 0.75, 0.25] }[name] ?? [];
    for (const [i, value] of expected.entries()) expect(gradient[i]).toBeCloseTo(value, 6);
  });

  it("refuses unequal shapes, and images under the SSIM window", () => {
    const small = tf.zeros<tf.Rank.R4>([1, 11, 10, 3]);
    expect(() => reconstructionLoss(small, tf.zeros([1, 11, 12, 3]), resolve("l1"))).toThrow(
      expect.objectContaining({ code: "shape" }),
    );
    expect(() => reconstructionLoss(small, small, resolve({ l1: 1, ssim: 1 }))).toThrow(
      /SSIM: expected shape \[N,H,W,C\] with H and W >= 11, its window, got \[1,11,10,3\]/,
    );
  });

  it("keeps nothing but its results", () => {
    const target = randomImages([1, 12, 11, 3], "target");
    const output = randomImages([1, 12, 11, 3], "output");
    const before = tf.memory().numTensors;
    const { total, terms } = reconstructionLoss(target, output, resolve({ l1: 1, l2: 1, huber: 1, ssim: 1 }));
    expect(tf.memory().numTensors).toBe(before + 5);
    tf.dispose([total, ...Object.values(terms)]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
