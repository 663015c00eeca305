import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { ImageAutoencoder, resolveModel } from "../../src/autoencoder/index.js";
import { Random } from "../../src/core/random.js";
import type { JsonValue, StoredTensor } from "../../src/files/index.js";
import type { WeightValue } from "../../src/nn/index.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import { RunFolder, readModelFile, writeModelFile } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { loadModel, Tokenizer } from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers, rawImage } from "./model.js";

const folder = await temporaryFolder();
let path = "";

beforeAll(async () => {
  await useEngine();
  path = await modelFile(folder, quantizers.simvq);
});

async function fingerprintOf(file: string): Promise<string> {
  const { model, fingerprint } = await loadModel(file);
  model.dispose();
  return fingerprint;
}

interface Content {
  weights: Map<string, StoredTensor>;
  config: Record<string, JsonValue>;
}

/** The model again with something changed. */
async function changed(name: string, change: (content: Content) => void): Promise<string> {
  const { weights, config } = await readModelFile(path);
  const content = { weights: new Map(weights), config: config as Record<string, JsonValue> };
  change(content);
  const file = join(folder, `${name}.safetensors`);
  await writeModelFile(file, content);
  return file;
}

describe("loadModel", () => {
  it("restores every weight and the quantizer's configuration, from a file and from a run folder", async () => {
    const { weights } = await readModelFile(path);
    const dir = join(folder, "run");
    const run = await RunFolder.create(dir);
    await run.writeConfig({ seed: 1 });
    await copyFile(path, run.path("model"));
    for (const place of [path, dir]) {
      const { model } = await loadModel(place);
      const values = await model.copyWeights();
      expect(new Map([...values].map(([name, { data }]) => [name, data]))).toEqual(
        new Map([...weights].map(([name, { data }]) => [name, data])),
      );
      expect(model.quantizer.config).toMatchObject({ kind: "simvq", codebookSize: 60, linearBias: true });
      model.dispose();
    }
    expect(await fingerprintOf(dir)).toBe(await fingerprintOf(path));
  });

  it("fingerprints the configuration and every weight, and nothing else", async () => {
    const original = await fingerprintOf(path);
    expect(original).toMatch(/^[0-9a-f]{64}$/);
    const reordered = await changed("reordered", ({ weights, config }) => {
      const entries = [...weights].reverse();
      weights.clear();
      for (const [name, value] of entries) weights.set(name, value);
      const { model, quantizer } = config;
      for (const key of Object.keys(config)) delete config[key];
      Object.assign(config, { note: "another field", quantizer, model });
    });
    expect(await fingerprintOf(reordered)).toBe(original);
    const weight = await changed("weight", ({ weights }) => {
      const { data, ...rest } = weights.get("quantizer/bias") as StoredTensor & { data: Float32Array };
      weights.set("quantizer/bias", {
        ...rest,
        dtype: "F32",
        data: data.map((v, i) => (i === 3 ? v + 1e-6 : v)),
      });
    });
    const option = await changed("option", ({ config }) => {
      config.model = { ...(config.model as object), activation: "silu" };
    });
    expect(new Set([original, await fingerprintOf(weight), await fingerprintOf(option)]).size).toBe(3);
  });

  it.each<[string, (content: Content) => void, RegExp]>([
    [
      "an unknown kind",
      ({ config }) => {
        config.quantizer = { kind: "simvqq" };
      },
      /quantizer\.kind: .*Did you mean "simvq"/,
    ],
    [
      "no quantizer",
      ({ config }) => {
        delete config.quantizer;
      },
      /config\.quantizer: expected/,
    ],
    [
      "a wrong layout",
      ({ config }) => {
        config.model = { baseWidth: 0 };
      },
      /config\.model\.baseWidth: expected an integer >= 1/,
    ],
    [
      "a missing weight",
      ({ weights }) => {
        weights.delete("decoder/in/bias");
      },
      /lacks "decoder\/in\/bias"/,
    ],
    [
      "a weight of integers",
      ({ weights }) => {
        weights.set("decoder/in/bias", { dtype: "I32", shape: [8], data: new Int32Array(8) });
      },
      /"decoder\/in\/bias": expected element type F32, F16, BF16 or F64, got I32/,
    ],
    [
      "a weight that is not finite",
      ({ weights }) => {
        const data = Float32Array.from({ length: 8 }, (_, i) => (i === 5 ? Number.NEGATIVE_INFINITY : i));
        weights.set("decoder/in/bias", { dtype: "F32", shape: [8], data });
      },
      /"decoder\/in\/bias": expected finite numbers, got -Infinity at position 5/,
    ],
  ])("refuses a file with %s, naming the file and leaving no tensor", async (name, change, message) => {
    const file = await changed(name, change);
    const before = tf.memory().numTensors;
    const error = (await loadModel(file).catch((e: unknown) => e)) as Error & { code: string };
    expect(error.code).toBe("format");
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`${file}: `)).toBe(true);
    expect(error.message).not.toContain("\n");
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(["vq", "rotation", "simvq", "fsq"] as const)("draws not one number for %s", async (kind) => {
    const file = await modelFile(folder, quantizers[kind]);
    const draws = [vi.spyOn(Random.prototype, "next"), vi.spyOn(Random.prototype, "fill")];
    const { model } = await loadModel(file);
    // Quantizers ask for a table; of a blank stream nothing is drawn for it.
    expect(draws[0]).not.toHaveBeenCalled();
    for (const draw of draws) draw.mockRestore();
    model.dispose();
  });

  it.each(["F16", "BF16"] as const)("reads weights that are stored as %s", async (dtype) => {
    // Halves of magnitude 2^-8..2^-5 with a full mantissa, of both signs; expected by the formats' definitions.
    const [bias, fraction, from] = dtype === "F16" ? [15, 10, -8] : [127, 7, -8];
    const expected = new Map<string, Float32Array>();
    const file = await changed(dtype, ({ weights }) => {
      for (const [name, { shape, data }] of weights) {
        const bits = new Uint16Array(data.length);
        const values = new Float32Array(data.length);
        for (let i = 0; i < data.length; i++) {
          const [exponent, mantissa] = [from + (i % 4), (37 * i) % 2 ** fraction];
          bits[i] = (i % 3 === 0 ? 2 ** 15 : 0) + (exponent + bias) * 2 ** fraction + mantissa;
          values[i] = (i % 3 === 0 ? -1 : 1) * (1 + mantissa / 2 ** fraction) * 2 ** exponent;
        }
        weights.set(name, { dtype, shape, data: bits });
        expected.set(name, values);
      }
    });
    const { model } = await loadModel(file);
    const found = await model.copyWeights();
    expect(new Map([...found].map(([name, { data }]) => [name, data]))).toEqual(expected);
    model.dispose();
  });

  it("refuses what is no model: nothing, another file, a folder, a run without weights", async () => {
    await expect(loadModel(join(folder, "none"))).rejects.toMatchObject({ code: "run" });
    const text = join(folder, "text.safetensors");
    await writeFile(text, "not a model");
    await expect(loadModel(text)).rejects.toMatchObject({ code: "format" });
    const empty = join(folder, "empty");
    await mkdir(empty);
    await expect(loadModel(empty)).rejects.toMatchObject({ code: "run" });
    const dir = join(folder, "unfinished");
    const run = await RunFolder.create(dir);
    await run.writeConfig({ seed: 1 });
    await expect(loadModel(dir)).rejects.toMatchObject({
      code: "run",
      message: `${dir}: expected model.safetensors, got a run without it. First finish its training.`,
    });
  });
});

describe("Tokenizer.from", () => {
  it.each(["vq", "simvq", "fsq"] as const)(
    "is the tokenizer that the saved model loads as: %s",
    async (kind) => {
      const file = await modelFile(folder, quantizers[kind]);
      const loaded = await Tokenizer.load(file);
      const { model } = await loadModel(file);
      const tokenizer = await Tokenizer.from(model);
      model.dispose();
      const image = rawImage(9, { height: 20, width: 12 });
      const codes = await tokenizer.encode(image);
      expect(codes).toEqual(await loaded.encode(image)); // the fingerprint too
      expect((await tokenizer.decode(codes)).pixels).toEqual((await loaded.decode(codes)).pixels);
      loaded.dispose();
      tokenizer.dispose();
    },
  );

  it("has a copy: the model may train on, and be freed by its owner", async () => {
    const { model } = await loadModel(path);
    const before = tf.memory().numTensors;
    const tokenizer = await Tokenizer.from(model);
    const image = rawImage(9, { height: 20, width: 12 });
    const codes = await tokenizer.encode(image);
    const weights = await model.copyWeights();
    for (const { data } of weights.values()) data.fill(0);
    model.setWeights(weights);
    expect(await tokenizer.encode(image)).toEqual(codes);
    tokenizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it("takes a loaded one as it is, with its fingerprint, and frees it", async () => {
    const before = tf.memory().numTensors;
    const loaded = await loadModel(path);
    const tokenizer = await Tokenizer.from(loaded);
    expect(tokenizer.fingerprint).toBe(loaded.fingerprint);
    tokenizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses a model whose training diverged, naming the weight", async () => {
    const { model } = await loadModel(path);
    const weights = await model.copyWeights();
    (weights.get("decoder/in/bias")?.data as Float32Array)[2] = Number.NaN;
    model.setWeights(weights);
    await expect(Tokenizer.from(model)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/"decoder\/in\/bias": expected finite numbers, got NaN at position 2/),
    });
    model.dispose();
  });
});

describe("ImageAutoencoder.create with weights", () => {
  const quantizer = { kind: "vq", codebookSize: 5, codeDim: 3, initialization: "uniform" };

  it("draws only what is not given", async () => {
    const config = resolveModel({ preset: "tiny", baseWidth: 2, latentChannels: 3 });
    const fresh = (weights: Map<string, WeightValue>) =>
      ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 4), seed: 4, weights });
    const [plain, given] = [
      fresh(new Map()),
      fresh(
        new Map([
          ["decoder/in/bias", { shape: [4], data: Float32Array.of(1, 2, 3, 4) }],
          ["quantizer/codes", { shape: [5, 3], data: Float32Array.from({ length: 15 }, (_, i) => i) }],
        ]),
      ),
    ];
    const [a, b] = [await plain.copyWeights(), await given.copyWeights()];
    expect([...b.keys()]).toEqual([...a.keys()]);
    const different = [...a.keys()].filter((name) => !isDeepStrictEqual(a.get(name), b.get(name)));
    expect(different).toEqual(["decoder/in/bias", "quantizer/codes"]);
    expect(b.get("quantizer/codes")?.data[14]).toBe(14);
    plain.dispose();
    given.dispose();
  });

  it("frees the quantizer when the weights do not fit", () => {
    const config = resolveModel({ preset: "tiny", baseWidth: 2, latentChannels: 3 });
    const before = tf.memory().numTensors;
    const weights = new Map([["decoder/in/bias", { shape: [5], data: new Float32Array(5) }]]);
    expect(() =>
      ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 4), seed: 4, weights }),
    ).toThrow(/model has \[4\], file has \[5\]/);
    expect(tf.memory().numTensors).toBe(before);
  });
});
