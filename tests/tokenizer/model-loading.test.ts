import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import type { JsonValue, StoredTensor } from "../../src/files/index.js";
import { RunFolder, readModelFile, writeModelFile } from "../../src/runs/index.js";
import { loadModel } from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "./model.js";

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
      /"decoder\/in\/bias": expected element type F32, got I32/,
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
