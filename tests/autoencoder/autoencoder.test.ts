import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { ImageAutoencoder } from "../../src/autoencoder/autoencoder.js";
import { resolveModel } from "../../src/autoencoder/config.js";
import type { AutoencoderConfig } from "../../src/autoencoder/config-fields.js";
import { Random } from "../../src/core/random.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { tensorOf } from "../nn/check-layer.js";
import { type Grid, randomGrid } from "../nn/grids.js";
import { fakeQuantizer } from "./fake-quantizer.js";
import * as reference from "./reference.js";

beforeAll(useEngine);

/** Every kind of layer, unequal widths and blocks, and groups of more than one channel (34 = 17·2). */
const config = resolveModel({
  downsamplingFactor: 4,
  baseWidth: 2,
  widthMultipliers: [2, 17],
  residualBlocks: [2, 1],
  latentChannels: 5,
  groupNorm: true,
  activation: "silu",
});
const plain = resolveModel({ ...config, groupNorm: false, activation: "relu" });
const codeDim = 3;

function create(
  options: { config?: AutoencoderConfig; codeDim?: number; seed?: number; scale?: number } = {},
) {
  const quantizer = fakeQuantizer(options.codeDim ?? codeDim, options.scale);
  return ImageAutoencoder.create({ config: options.config ?? config, quantizer, seed: options.seed ?? 7 });
}

function noise(height: number, width: number, seed: number): Grid {
  return randomGrid([1, height, width, 3], seed);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  // Math.max keeps NaN.
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));
}

/** Norms start as the identity; give them values that a test would miss. */
async function randomWeights(model: ImageAutoencoder, seed: number) {
  const weights = await model.copyWeights();
  for (const [name, { data }] of weights) {
    const random = new Random(seed, name);
    if (/norm\d?\/(scale|offset)$/.test(name))
      for (const i of data.keys()) data[i] = random.uniform(0.5, 1.5);
  }
  model.setWeights(weights);
  return model.copyWeights();
}

describe("ImageAutoencoder", () => {
  it.each([
    ["norms, silu, a projection", config, codeDim],
    ["relu, no norms, no projection", plain, 5],
  ])("computes what plain double-precision loops compute: %s", async (_, modelConfig, dimension) => {
    const model = create({ config: modelConfig, codeDim: dimension });
    const weights = await randomWeights(model, 1);
    // Not square, and its quarter has an odd side.
    const image = noise(12, 8, 2);
    const expectedLatents = reference.encode(modelConfig, weights, image);
    const expectedImage = reference.decode(modelConfig, weights, {
      ...expectedLatents,
      values: expectedLatents.values.map((v) => 0.75 * v),
    });

    const { latents, quantization, reconstruction } = model.forward(tensorOf(image));

    expect(latents.shape).toEqual([1, 3, 2, dimension]);
    expect(quantization.quantized.shape).toEqual([1, 3, 2, dimension]);
    expect(reconstruction.shape).toEqual([1, 12, 8, 3]);
    expect(largestDifference(await latents.data(), expectedLatents.values)).toBeLessThan(1e-5);
    expect(largestDifference(await reconstruction.data(), expectedImage.values)).toBeLessThan(1e-5);
  });

  it("treats the images of a batch one by one", async () => {
    const model = create();
    const images = [noise(4, 8, 3), noise(4, 8, 4)].map(tensorOf);
    const together = await model.forward(tf.concat(images, 0) as tf.Tensor4D).reconstruction.data();
    const apart = await Promise.all(images.map((image) => model.forward(image).reconstruction.data()));
    // An engine may sum a batch in another order; an image that saw its neighbour would differ by about 0.1.
    expect(largestDifference(together, [...(apart[0] ?? []), ...(apart[1] ?? [])])).toBeLessThan(1e-5);
  });

  it("has the gradient that central differences of the reference have", async () => {
    const model = create();
    const weights = await randomWeights(model, 5);
    const image = noise(8, 4, 6);
    const target = noise(8, 4, 8);

    const lossAt = (changed: reference.Weights, scale: number): number => {
      const latents = reference.encode(config, changed, image);
      const codes = { ...latents, values: latents.values.map((v) => scale * v) };
      const output = reference.decode(config, changed, codes);
      return output.values.reduce((sum, v, i) => sum + (v - (target.values[i] as number)) ** 2, 0);
    };
    const difference = (name: string, index: number): number => {
      const step = 1e-4;
      const at = (offset: number) => {
        if (name === "quantizer/scale") return lossAt(weights, 0.75 + offset);
        const data = Float64Array.from(weights.get(name)?.data ?? []);
        data[index] = (data[index] as number) + offset;
        return lossAt(new Map(weights).set(name, { shape: [], data: data as never }), 0.75);
      };
      return (at(step) - at(-step)) / (2 * step);
    };

    const trainable = model.trainableVariables();
    const before = tf.memory().numTensors;
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.square(tf.sub(model.forward(tensorOf(image)).reconstruction, tensorOf(target)))),
      [...trainable.values()],
    );

    const random = new Random(9, "entries");
    for (const [name, variable] of trainable) {
      const gradient = await (grads[variable.name] as tf.Tensor).data();
      for (let i = 0; i < 2; i++) {
        const index = random.integer(gradient.length);
        const expected = difference(name, index);
        const actual = gradient[index] as number;
        // float32 sums of a few thousand terms of size about 1.
        const tolerance = 2e-4 * Math.max(1, Math.abs(expected));
        expect(Math.abs(actual - expected), `${name}[${index}]: ${actual} against ${expected}`).toBeLessThan(
          tolerance,
        );
      }
    }
    expect(trainable.has("quantizer/scale")).toBe(true);
    expect(trainable.has("quantizer/uses")).toBe(false);
    tf.dispose([value, grads]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("takes any size that the factor divides, and names the nearest ones for the rest", () => {
    const model = create({ config: plain });
    expect(model.encode(tf.zeros([2, 4, 20, 3])).shape).toEqual([2, 1, 5, codeDim]);
    expect(() => model.encode(tf.zeros([1, 10, 8, 3]))).toThrow(
      expect.objectContaining({
        code: "shape",
        message:
          "encode: expected shape [N,H,W,3] with H and W multiples of 4 " +
          "(nearest: height 8 or 12, width 8), got [1,10,8,3].",
      }),
    );
    expect(() => model.encode(tf.zeros([1, 3, 6, 3]))).toThrow(/height 4, width 4 or 8/);
    expect(() => model.encode(tf.zeros([1, 8, 8, 4]))).toThrow(
      expect.objectContaining({ message: "encode: expected shape [N,H,W,3], got [1,8,8,4]." }),
    );
    expect(() => model.decode(tf.zeros([1, 2, 2, 5]))).toThrow(
      expect.objectContaining({ message: "decode: expected shape [N,H,W,3], got [1,2,2,5]." }),
    );
  });

  it("changes no variable and keeps no tensor", async () => {
    const start = tf.memory().numTensors;
    const model = create();
    const held = tf.memory().numTensors;
    const before = await model.copyWeights();
    const image = tensorOf(noise(8, 4, 1));

    const output = model.forward(image);
    await output.reconstruction.data();
    tf.dispose([image, output.reconstruction, output.latents]);
    tf.dispose([output.quantization.quantized, output.quantization.indices]);
    expect(await model.copyWeights()).toEqual(before);
    expect(tf.memory().numTensors).toBe(held);

    model.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });
});

describe("weights", () => {
  it("are the same bytes for the same seed, and others for another", async () => {
    const [a, b, other] = await Promise.all(
      [create(), create(), create({ seed: 8 })].map((m) => m.copyWeights()),
    );
    expect(a).toEqual(b);
    expect(other?.get("encoder/down0/kernel")).not.toEqual(a?.get("encoder/down0/kernel"));
    const block = "encoder/stage0/block0";
    expect(a?.get(`${block}/conv1/kernel`)).not.toEqual(a?.get(`${block}/conv2/kernel`));
  });

  // SHA-256 over name, shape and bytes of each, as version 0.1.0 drew them.
  it.each([
    [{}, "0117c76e9808292c41bef868854d53c99e44cf97d330d23a3112cc0814e952d9"],
    [
      { groupNorm: true, activation: "silu", residualBlocks: 2, latentChannels: 5 },
      "8b554b48b033692d5d1ee071209667b6d197d83f08303b2432b43824887d3720",
    ],
  ])("of earlier presets are drawn as ever: %j", async (options, expected) => {
    const quantizer = createQuantizer({ kind: "fsq", levels: [8, 5, 5, 5] }, 3);
    const config = resolveModel({ preset: "tiny", ...options });
    const model = ImageAutoencoder.create({ config, quantizer, seed: 3 });
    const hash = createHash("sha256");
    for (const [name, { shape, data }] of await model.copyWeights()) {
      hash.update(`${name}\n${shape.join()}\n`).update(new Uint8Array(data.buffer));
    }
    expect(hash.digest("hex")).toBe(expected);
    model.dispose();
  });

  it("of encoder and decoder do not depend on the quantizer", async () => {
    const narrow = await create({ codeDim: 2 }).copyWeights();
    const direct = await create({ codeDim: 5, scale: 2 }).copyWeights();
    const shared = [...direct.keys()].filter((name) => !name.startsWith("quantizer/"));
    expect(shared.length).toBeGreaterThan(20);
    for (const name of shared) expect(narrow.get(name), name).toEqual(direct.get(name));
    expect([...narrow.keys()].filter((name) => !direct.has(name))).toEqual([
      "projection/in/kernel",
      "projection/in/bias",
      "projection/out/kernel",
      "projection/out/bias",
    ]);
  });

  it("start uniform in ±1/√fanIn, norms as the identity", async () => {
    const weights = await create().copyWeights();
    const extent = (name: string) => Math.max(...(weights.get(name)?.data.map(Math.abs) ?? []));
    // 9·34 inputs; the largest of 10,404 draws is within 1 % of the bound.
    const bound = 1 / Math.sqrt(9 * 34);
    expect(extent("encoder/stage1/block0/conv1/kernel")).toBeLessThanOrEqual(bound);
    expect(extent("encoder/stage1/block0/conv1/kernel")).toBeGreaterThan(0.99 * bound);
    expect(extent("encoder/stage1/block0/conv1/bias")).toBeLessThanOrEqual(bound);
    expect(extent("encoder/stage1/block0/conv1/bias")).toBeGreaterThan(0.8 * bound);
    expect(weights.get("decoder/up1/norm/scale")?.data).toEqual(new Float32Array(34).fill(1));
    expect(weights.get("decoder/up1/norm/offset")?.data).toEqual(new Float32Array(34));
  });

  it("move to another model, with the quantizer's", async () => {
    const source = create({ seed: 1, scale: 0.5 });
    const target = create({ seed: 2 });
    const values = await source.copyWeights();
    target.setWeights(values);
    values.get("encoder/out/bias")?.data.fill(9); // the model has its own copy
    expect(await target.copyWeights()).toEqual(await source.copyWeights());
    expect((await target.copyWeights()).get("quantizer/scale")).toEqual({
      shape: [],
      data: Float32Array.of(0.5),
    });
  });

  it("are copied as they stood at the call", async () => {
    const model = create();
    const bias = model.variables().get("encoder/out/bias") as tf.Variable;
    const expected = Float32Array.from(await bias.data());
    const copy = model.copyWeights();
    bias.assign(tf.zeros([5]));
    expect((await copy).get("encoder/out/bias")?.data).toEqual(expected);
  });

  it("that do not fit are named, and nothing changes", async () => {
    const model = create();
    const before = await model.copyWeights();
    const attempt = (change: (values: Awaited<ReturnType<typeof model.copyWeights>>) => void) => {
      const values = new Map(before);
      values.set("quantizer/scale", { shape: [], data: Float32Array.of(3) });
      change(values);
      return () => model.setWeights(values);
    };
    const error = (message: string) => expect.objectContaining({ code: "format", message });

    expect(
      attempt((v) => v.set("encoder/down0/kernel", { shape: [4, 4, 1, 4], data: new Float32Array(64) })),
    ).toThrow(error('Weight "encoder/down0/kernel": model has [4,4,3,4], file has [4,4,1,4].'));
    expect(attempt((v) => v.set("encoder/out/bias", { shape: [5], data: new Float32Array(4) }))).toThrow(
      error('Weight "encoder/out/bias": expected 5 values for [5], got 4.'),
    );
    expect(
      attempt((v) => {
        v.delete("decoder/in/bias");
        v.set("decoder/inn/bias", { shape: [34], data: new Float32Array(34) });
      }),
    ).toThrow(/^Weights: the file lacks "decoder\/in\/bias"; the model has no "decoder\/inn\/bias"\. /);
    expect(attempt((v) => v.clear())).toThrow(/the file lacks ("[^"]+", ){4}"[^"]+" and \d+ more\. /);
    expect(await model.copyWeights()).toEqual(before);
  });
});
