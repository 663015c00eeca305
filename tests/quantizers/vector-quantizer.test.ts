import { beforeAll, describe, expect, it } from "vitest";
import { ShapeError } from "../../src/core/errors.js";
import { Random } from "../../src/core/random.js";
import { createQuantizer, type Quantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { nearest, norm, scaled, sum } from "./references.js";

beforeAll(useEngine);

const GRID = [2, 3, 5] as const;
const POSITIONS = 30;

function latentsOf(codeDim: number, label = "latents"): tf.Tensor4D {
  const values = new Random(9, label).fill(POSITIONS * codeDim, (r) => r.normal());
  return tf.tensor4d(values, [...GRID, codeDim]);
}

async function rows(tensor: tf.Tensor): Promise<number[][]> {
  const values = Array.from(await tensor.data());
  const dim = tensor.shape.at(-1) as number;
  return Array.from({ length: values.length / dim }, (_, i) => values.slice(i * dim, (i + 1) * dim));
}

function variable(quantizer: Quantizer, name: string): tf.Variable {
  const found = quantizer.variables().get(name);
  if (found === undefined) throw new Error(`no variable ${name}`);
  return found;
}

/** All codes, as a user gets them. */
async function table(quantizer: Quantizer): Promise<number[][]> {
  const size = quantizer.codebookSize;
  const codes = tf.tidy(() =>
    quantizer.indicesToCodes(
      tf.tensor4d(
        Array.from({ length: size }, (_, i) => i),
        [1, 1, size, 1],
        "int32",
      ),
    ),
  );
  const result = await rows(codes);
  codes.dispose();
  return result;
}

/** One step of gradient descent on the codebook loss alone; returns the loss before it and the indices chosen. */
async function descend(
  quantizer: Quantizer,
  latents: tf.Tensor4D,
  rate: number,
): Promise<[number, number[]]> {
  const trainable = [...quantizer.variables().values()].filter((v) => v.trainable);
  const { value, grads } = tf.variableGrads(
    () => quantizer.quantize(latents).losses.codebook as tf.Scalar,
    trainable,
  );
  const output = quantizer.quantize(latents);
  tf.tidy(() => {
    for (const v of trainable) v.assign(tf.sub(v, tf.mul(grads[v.name] as tf.Tensor, rate)));
  });
  const result: [number, number[]] = [
    (await value.data())[0] as number,
    Array.from(await output.indices.data()),
  ];
  tf.dispose([value, grads, output]);
  return result;
}

describe.each([
  { kind: "vq", codebookSize: 9, codeDim: 4, initialization: "normal" },
  { kind: "vq", codebookSize: 9, codeDim: 4, initialization: "normal", codebook: "ema" },
  { kind: "rotation", codebookSize: 9, codeDim: 4, initialization: "normal" },
  { kind: "simvq", codebookSize: 9, codeDim: 4 },
])("$kind $codebook", (config) => {
  it("chooses the nearest code and reports both losses", async () => {
    const quantizer = createQuantizer(config, 3);
    const latents = latentsOf(4);
    const { quantized, indices, losses } = quantizer.quantize(latents);
    const codes = await table(quantizer);
    const z = await rows(latents);
    const expected = z.map((row) => nearest(row, codes));
    expect(Array.from(await indices.data())).toEqual(expected);
    expect(new Set(expected).size).toBeGreaterThan(3);
    expect(await rows(quantized)).toEqual(expected.map((k) => codes[k]));
    // Mean over all N·H·W·D elements.
    const squares = z.map(
      (row, i) => norm(sum(row, scaled(codes[expected[i] as number] as number[], -1))) ** 2,
    );
    const mean = squares.reduce((a, b) => a + b) / (POSITIONS * 4);
    expect((await losses.commitment?.data())?.[0]).toBeCloseTo(mean, 5);
    if (config.codebook === "ema") expect(losses.codebook).toBeUndefined();
    else expect((await losses.codebook?.data())?.[0]).toBeCloseTo(mean, 5);
    expect(losses.entropy).toBeUndefined();
    tf.dispose([latents, quantized, indices, losses]);
    quantizer.dispose();
  });
});

describe("vq", () => {
  it("starts from U(−1/K, 1/K)", async () => {
    const quantizer = createQuantizer({ kind: "vq", codebookSize: 50, codeDim: 20 }, 0);
    const values = (await table(quantizer)).flat();
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / 50);
    // Variance of U(−a, a) is a²/3.
    const meanSquare = values.reduce((total, x) => total + x * x, 0) / values.length;
    expect(meanSquare * 3 * 50 ** 2).toBeCloseTo(1, 1);
    quantizer.dispose();
  });

  it("learns: descent on the codebook loss moves the chosen codes only, and lowers it", async () => {
    const quantizer = createQuantizer(
      { kind: "vq", codebookSize: 12, codeDim: 3, initialization: "normal" },
      1,
    );
    const latents = latentsOf(3);
    const before = await table(quantizer);
    const [first, chosen] = await descend(quantizer, latents, 5);
    const after = await table(quantizer);
    const moved = after.flatMap((code, k) => (String(code) === String(before[k]) ? [] : [k]));
    expect(moved).toEqual([...new Set(chosen)].sort((a, b) => a - b));
    expect(moved.length).toBeLessThan(12);
    let last = first;
    for (let step = 0; step < 15; step++) [last] = await descend(quantizer, latents, 5);
    expect(last).toBeLessThan(0.6 * first);
    latents.dispose();
    quantizer.dispose();
  });

  it.each(["kmeans", "data"] as const)(
    "starts from the latents with initialization %s",
    async (initialization) => {
      const quantizer = createQuantizer({ kind: "vq", codebookSize: 4, codeDim: 2, initialization }, 0);
      const count = quantizer.latentsForInitialization;
      expect(count).toBe(initialization === "kmeans" ? 16 : 4);
      // Four corners, each as often as the others; the codes must be the corners.
      const corners = [
        [3, 7],
        [-3, 7],
        [3, -8],
        [-4, -7],
      ];
      const points = Array.from({ length: count }, (_, i) => corners[i % 4] as number[]);
      const latents = tf.tensor2d(points);
      await quantizer.initialize(latents);
      expect(new Set((await table(quantizer)).map(String))).toEqual(new Set(corners.map(String)));
      const few = tf.tensor2d(points.slice(1));
      await expect(quantizer.initialize(few)).rejects.toThrow(ShapeError);
      tf.dispose([latents, few]);
      quantizer.dispose();
    },
  );

  it("ignores initialize when the codes are drawn", async () => {
    const quantizer = createQuantizer({ kind: "vq", codebookSize: 4, codeDim: 2 }, 0);
    const before = await table(quantizer);
    const latents = tf.ones([9, 2]) as tf.Tensor2D;
    await quantizer.initialize(latents);
    expect(await table(quantizer)).toEqual(before);
    expect(quantizer.latentsForInitialization).toBe(0);
    latents.dispose();
    quantizer.dispose();
  });
});

describe("simvq", () => {
  it("never changes its table, and moves every code at each step", async () => {
    const quantizer = createQuantizer({ kind: "simvq", codebookSize: 40, codeDim: 3 }, 1);
    const latents = latentsOf(3);
    const frozen = await rows(variable(quantizer, "table"));
    const before = await table(quantizer);
    const [first, chosen] = await descend(quantizer, latents, 1);
    expect(new Set(chosen).size).toBeLessThan(40);
    const after = await table(quantizer);
    expect(after.every((code, k) => String(code) !== String(before[k]))).toBe(true);
    let last = first;
    for (let step = 0; step < 15; step++) [last] = await descend(quantizer, latents, 1);
    expect(last).toBeLessThan(0.8 * first);
    expect(await rows(variable(quantizer, "table"))).toEqual(frozen);
    latents.dispose();
    quantizer.dispose();
  });

  it("starts from a table of N(0, 1/D) and a layer of U(−1/√D, 1/√D), and decodes through the layer", async () => {
    const quantizer = createQuantizer({ kind: "simvq", codebookSize: 64, codeDim: 16 }, 2);
    const frozen = await rows(variable(quantizer, "table"));
    const variance = frozen.flat().reduce((total, x) => total + x * x, 0) / (64 * 16);
    expect(variance * 16).toBeCloseTo(1, 0);
    const kernel = await rows(variable(quantizer, "kernel"));
    const bias = Array.from(await variable(quantizer, "bias").data());
    const largest = Math.max(...kernel.flat().map(Math.abs), ...bias.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(1 / 4);
    expect(largest).toBeGreaterThan(0.24);
    // Row 37 by hand: C·W + b.
    const row = frozen[37] as number[];
    const expected = bias.map(
      (b, j) => b + row.reduce((total, x, i) => total + x * (kernel[i]?.[j] as number), 0),
    );
    (await table(quantizer))[37]?.forEach((x, j) => {
      expect(x).toBeCloseTo(expected[j] as number, 5);
    });
    quantizer.dispose();
  });
});
