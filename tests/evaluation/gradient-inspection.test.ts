import { beforeAll, describe, expect, it } from "vitest";
import { ImageAutoencoder, pixelsToTensor, resolveModel } from "../../src/autoencoder/index.js";
import { Random } from "../../src/core/random.js";
import type { ImageBatch } from "../../src/data/index.js";
import {
  compareGradients,
  radialShare,
  rowDirections,
} from "../../src/evaluation/figures/gradient-geometry.js";
import { inspectGradients, latentGradient } from "../../src/evaluation/gradient-inspection.js";
import { createQuantizer, gradientEstimators } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

const loss = { l1: 0, l2: 1, huber: 0, ssim: 0, huberDelta: 1 };
const f32 = (...values: number[]) => Float32Array.from(values);

describe("geometry of gradients", () => {
  it.each([
    ["equal", [3, -4], [3, -4], 0, 1],
    ["twice as long", [3, -4], [6, -8], 0, 2],
    ["a right angle", [3, 4], [-8, 6], 90, 2],
    ["opposite", [1, 2], [-0.5, -1], 180, 0.5],
    ["60 degrees", [2, 0], [1, Math.sqrt(3)], 60, 1],
    ["0.001 degrees, which an arc cosine would lose", [1, 0], [1, Math.PI / 180_000], 0.001, 1],
  ])("%s", (_, a, b, angle, ratio) => {
    const found = compareGradients(Float64Array.from(a), Float64Array.from(b));
    expect(found.angle).toBeCloseTo(angle, 6);
    expect(found.normRatio).toBeCloseTo(ratio, 6);
  });

  it("has no angle to nothing", () => {
    expect(compareGradients(f32(0, 0), f32(1, 2))).toEqual({ angle: null, normRatio: null });
    expect(compareGradients(f32(1, 2), f32(0, 0))).toEqual({ angle: null, normRatio: 0 });
  });

  it("radial share by rows: 25 of 25 + 4, and a row without a direction", () => {
    // z = (0,2), g = (0,5): all radial. z = (3,0), g = (0,2): none. z = 0: counts as turning.
    expect(radialShare(f32(0, 2, 3, 0), f32(0, 5, 0, 2), 2)).toBeCloseTo(25 / 29, 7);
    expect(radialShare(f32(0, 0, 1, 1), f32(3, 0, 2, 2), 2)).toBeCloseTo(8 / 17, 6);
    expect(radialShare(f32(1, 1), f32(0, 0), 2)).toBeNull();
  });

  it("directions of rows, and the loss's derivative when each moves along its own", () => {
    const { directions, slope } = rowDirections(f32(3, 4, 0, 0, 0, -2), 2);
    expect([...directions].map((x) => Number(x.toFixed(6)))).toEqual([0.6, 0.8, 0, 0, 0, -1]);
    expect(slope).toBe(7);
  });
});

describe("latentGradient, in two dimensions", () => {
  // z = (2,0), q = (0,3): a quarter turn and λ = 3/2. g = (1,4).
  const expected: Record<string, [number, number]> = {
    "straight-through": [1, 4],
    // λRᵀg: a quarter turn back carries (x, y) to (y, −x).
    rotation: [6, -1.5],
    // Without its part along z.
    "rotation, not radial": [0, -1.5],
    // The mirror image that swaps both axes.
    reflection: [6, 1.5],
    // Without its part along q − z = (−2, 3): (1, 4)·(−2, 3)/13 = 10/13 of it.
    "diveq-detach": [1 + 20 / 13, 4 - 30 / 13],
  };

  it.each(Object.entries(gradientEstimators))("%s", async (name, estimate) => {
    const before = tf.memory().numTensors;
    const point = {
      latents: tf.tensor4d([2, 0], [1, 1, 1, 2]),
      codes: tf.tensor4d([0, 3], [1, 1, 1, 2]),
      gradient: tf.tensor4d([1, 4], [1, 1, 1, 2]),
    };
    const gradient = latentGradient(estimate, point);
    const found = (await gradient.data()) as Float32Array;
    tf.dispose([gradient, point]);
    expect(tf.memory().numTensors).toBe(before);
    const [x, y] = expected[name] as [number, number];
    expect(found[0]).toBeCloseTo(x, 5);
    expect(found[1]).toBeCloseTo(y, 5);
    const { angle, normRatio } = compareGradients(f32(1, 4), found);
    // cos = (1,4)·(x,y) / (√17 ‖(x,y)‖)
    const degrees = (Math.acos((x + 4 * y) / (Math.sqrt(17) * Math.hypot(x, y))) * 180) / Math.PI;
    expect(angle).toBeCloseTo(Number.isNaN(degrees) ? 0 : degrees, 3);
    expect(normRatio).toBeCloseTo(Math.hypot(x, y) / Math.sqrt(17), 5);
    expect(radialShare(f32(2, 0), found, 2)).toBeCloseTo(x ** 2 / (x ** 2 + y ** 2), 5);
  });
});

describe("inspectGradients", () => {
  const config = resolveModel({
    preset: "tiny",
    downsamplingFactor: 2,
    baseWidth: 4,
    residualBlocks: 1,
    latentChannels: 6,
  });
  const random = new Random(4, "inspected images");
  const batch: ImageBatch = {
    pixels: Uint8Array.from({ length: 3 * 8 * 12 * 3 }, () => random.integer(256)),
    count: 3,
    height: 8,
    width: 12,
    files: ["a", "b", "c"],
  };
  const build = (quantizer: object) =>
    ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 2), seed: 2 });

  it("a rotation quantizer: own is rotation, straight-through is the measure, the shares are as defined", async () => {
    const model = build({ kind: "rotation", codebookSize: 9, codeDim: 6, initialization: "normal" });
    const before = tf.memory().numTensors;
    const weights = await model.copyWeights();
    const inspection = await inspectGradients(model, batch, { loss });
    expect(tf.memory().numTensors).toBe(before);
    expect(await model.copyWeights()).toEqual(weights);
    expect(inspection).toMatchObject({ images: 3, latentVectors: 3 * 4 * 6, codeDim: 6 });
    const byName = new Map(inspection.estimators.map((one) => [one.estimator, one]));
    expect([...byName.keys()]).toEqual(["own", ...Object.keys(gradientEstimators)]);
    const { estimator: _, ...own } = byName.get("own") as (typeof inspection.estimators)[number];
    const { estimator: __, ...rotated } = byName.get("rotation") as (typeof inspection.estimators)[number];
    expect(own).toEqual(rotated);
    expect(byName.get("straight-through")).toMatchObject({
      latents: { angle: 0, normRatio: 1 },
      weights: { angle: 0, normRatio: 1 },
    });
    expect(own.latents.angle).toBeGreaterThan(1);
    expect(own.weights.angle).toBeGreaterThan(1);
    expect(byName.get("rotation, not radial")?.radialShare).toBeCloseTo(0, 6);
    expect(own.radialShare).toBeGreaterThan(0.01);
    expect(JSON.parse(JSON.stringify(inspection))).toEqual(inspection);
    expect(await inspectGradients(model, batch, { loss })).toEqual(inspection);
    model.dispose();
  });

  it("a fine grid hardly quantizes: the loss changes as its gradient says", async () => {
    const model = build({ kind: "fsq", levels: [999, 997] });
    const { estimators } = await inspectGradients(model, batch, { loss, distances: [0.5] });
    expect(estimators.map(({ estimator }) => estimator)).toEqual(["own", "straight-through"]);
    const [probe] = estimators[0]?.probes ?? [];
    expect(probe?.agreement).toBeCloseTo(1, 1);
    expect(probe?.reassigned).toBeGreaterThan(0.5);
    model.dispose();
  });

  /** λRᵀg of the rotation trick (2410.06424, section 4.2) for rows of `size` numbers, in double precision. */
  function rotatedBack(z: Float32Array, q: Float32Array, g: Float32Array, sizes: readonly number[]) {
    const out = new Float64Array(z.length);
    const length = (row: readonly number[]) => Math.hypot(...row);
    const product = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
    for (let at = 0, part = 0; at < z.length; part++) {
      const size = sizes[part % sizes.length] as number;
      const [zs, qs, gs] = [z, q, g].map((each) => [...each.subarray(at, at + size)]) as [
        number[],
        number[],
        number[],
      ];
      const [e, t] = [zs.map((x) => x / length(zs)), qs.map((x) => x / length(qs))];
      const sum = e.map((x, i) => x + (t[i] as number));
      const r = sum.map((x) => x / length(sum));
      const lambda = length(qs) / length(zs);
      for (let i = 0; i < size; i++) {
        const [ri, ei] = [r[i] as number, e[i] as number];
        out[at + i] = lambda * ((gs[i] as number) - 2 * ri * product(r, gs) + 2 * ei * product(t, gs));
      }
      at += size;
    }
    return out;
  }

  it.each([
    ["residual: the sum of the codes, once", { kind: "residual", numQuantizers: 3, codebookSize: 5 }, [6]],
    ["grouped: each group by itself", { kind: "grouped", groups: 2, codebookSize: 5, codeDim: 6 }, [3, 3]],
  ])("several codes a position, %s: against the formula in double precision", async (_, options, sizes) => {
    const member = {
      kind: "rotation",
      initialization: "normal",
      ...(sizes.length === 1 ? { codeDim: 6 } : {}),
    };
    const model = build({ ...options, quantizer: member });
    const { latents, codes, gradient } = tf.tidy(() => {
      const pixels = pixelsToTensor(batch);
      const z = model.encode(pixels);
      const { quantized } = model.quantizer.quantize(z);
      const lossOf = (q: tf.Tensor) =>
        tf.mean(tf.squaredDifference(pixels, model.decode(q as tf.Tensor4D))).asScalar();
      return { latents: z, codes: quantized, gradient: tf.grad(lossOf)(quantized) };
    });
    const [z, q, g] = (await Promise.all(
      [latents, codes, gradient].map((each) => each.data()),
    )) as Float32Array[];
    tf.dispose([latents, codes, gradient]);
    const expected = compareGradients(
      g as Float32Array,
      rotatedBack(z as Float32Array, q as Float32Array, g as Float32Array, sizes),
    );
    const { estimators, latentVectors, codeDim } = await inspectGradients(model, batch, {
      loss,
      distances: [1],
    });
    expect([latentVectors, codeDim]).toEqual([3 * 4 * 6, 6]);
    const [own, through, rotation] = ["own", "straight-through", "rotation"].map((name) =>
      estimators.find(({ estimator }) => estimator === name),
    );
    expect(own?.latents.angle).toBeCloseTo(expected.angle as number, 2);
    expect(own?.latents.normRatio).toBeCloseTo(expected.normRatio as number, 4);
    expect(own?.latents.angle).toBeGreaterThan(1);
    expect({ ...rotation, estimator: "own" }).toEqual(own);
    expect(through?.latents).toEqual({ angle: 0, normRatio: 1 });
    // A move by the root mean square of the error changes some of the three, or two, indices of many positions.
    expect(own?.probes[0]?.reassigned).toBeGreaterThan(0.1);
    expect(own?.probes[0]?.reassigned).toBeLessThan(1);
    model.dispose();
  });

  it("codes that are a sequence: straight through the sum of all scales", async () => {
    const model = build({
      kind: "multi-scale",
      scales: [1, 2, 4],
      quantizer: { kind: "fsq", levels: [5, 3] },
    });
    const square = { ...batch, pixels: batch.pixels.slice(0, 3 * 8 * 8 * 3), width: 8 };
    const { estimators, latentVectors } = await inspectGradients(model, square, { loss, distances: [1] });
    expect(latentVectors).toBe(3 * 4 * 4);
    expect(estimators.map(({ estimator }) => estimator)).toEqual(["own", "straight-through"]);
    const [own, through] = estimators;
    expect({ ...through, estimator: "own" }).toEqual(own);
    model.dispose();
  });

  it("one code: no index can change, and the loss does not move whatever an estimator says", async () => {
    const model = build({ kind: "vq", codebookSize: 1, codeDim: 6 });
    const { estimators } = await inspectGradients(model, batch, { loss });
    for (const { probes } of estimators) {
      for (const { agreement, reassigned } of probes)
        expect({ agreement, reassigned }).toEqual({ agreement: 0, reassigned: 0 });
    }
    model.dispose();
  });
});
