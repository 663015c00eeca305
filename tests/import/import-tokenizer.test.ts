import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { StoredTensor, TensorMap } from "../../src/files/index.js";
import { writeSafetensors } from "../../src/files/index.js";
import { importTokenizer } from "../../src/import/index.js";
import { loadModel } from "../../src/tokenizer/index.js";
import { useEngine } from "../engine.js";
import { temporaryFolder } from "../runs/temporary-folder.js";
import { agreementOf } from "./agreement.js";
import { type FixtureName, readFixture, writeSource } from "./fixtures.js";
import { expectAgreement, first, importedTo } from "./imported.js";

beforeAll(useEngine);

it.each(first)(
  "a published tokenizer gives the latents, indices and pixels that PyTorch computed: %s",
  expectAgreement,
);

describe("importTokenizer", () => {
  it("keeps where a model came from, with the original's fingerprint", async () => {
    const folder = await temporaryFolder();
    const { dir, original } = await importedTo(folder, "chameleon-original");
    const bytes = await readFile(join(folder, "source", "model.safetensors"));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(original).toMatchObject({
      family: "taming",
      files: [{ name: "model.safetensors", bytes: bytes.length, sha256 }],
      prefix: "",
      averaged: false,
      config: "vqgan.yaml",
    });
    const { config } = JSON.parse(await readFile(join(dir, "config.json"), "utf8"));
    expect(config.original).toEqual(original);
  });

  it("says why a tokenizer without a decoder decodes nothing", async () => {
    const { dir } = await importedTo(await temporaryFolder(), "chameleon");
    const { model } = await loadModel(dir);
    try {
      const { expected } = await readFixture("chameleon");
      await expect(async () =>
        agreementOf(model, new Map([...expected, ["decoded", expected.get("images") as StoredTensor]])),
      ).rejects.toThrow(/encoder by itself/);
    } finally {
      model.dispose();
    }
  });

  it("finds a tokenizer under a prefix, and counts what it leaves out", async () => {
    const folder = await temporaryFolder();
    const { weights, config } = await readFixture("chameleon-original");
    const others = new Map<string, StoredTensor>([
      ["model.layers.0.mlp.weight", vector(3)],
      ["optimizer_states.0.exp_avg", vector(2)],
      ["optimizer_states.1.exp_avg", vector(2)],
      ["state_dict.loss.discriminator.main.0.weight", vector(4)],
    ]);
    const prefixed = [...weights].map(([name, weight]) => [`state_dict.${name}`, weight] as const);
    const source = await writeSource(join(folder, "source"), "chameleon-original", {
      weights: new Map([...others, ...prefixed]),
      config,
    });
    const { original, leftOut } = await importTokenizer(source, { out: join(folder, "model") });
    expect(original.prefix).toBe("state_dict.");
    expect(leftOut).toEqual({ model: 1, optimizer_states: 2, loss: 1 });
  });

  it("takes the running average where published figures are of it", async () => {
    const folder = await temporaryFolder();
    const { weights, config, expected } = await readFixture("open-magvit2");
    const average = [...weights].map(
      ([name, weight]) => [`model_ema.${name.replaceAll(".", "")}`, weight] as const,
    );
    const trained = [...weights].map(
      ([name, { shape, data }]) => [name, moved(shape, data as Float32Array)] as const,
    );
    const all = new Map<string, StoredTensor>([...trained, ...average, ["model_ema.decay", vector(1)]]);
    const source = await writeSource(join(folder, "source"), "open-magvit2", { weights: all, config });
    const { dir, original } = await importTokenizer(source, { out: join(folder, "model") });
    expect(original.averaged).toBe(true);
    const { model } = await loadModel(dir);
    expect((await agreementOf(model, expected)).latents).toBeLessThan(1e-4);
    model.dispose();
  });
});

describe("importTokenizer refuses, in one line", () => {
  it.each<[string, FixtureName, (weights: Map<string, StoredTensor>) => void, RegExp]>([
    [
      "a weight that is missing",
      "taming",
      (w) => w.delete("decoder.up.1.block.2.norm2.bias"),
      /expected a weight "decoder\.up\.1\.block\.2\.norm2\.bias" of taming/,
    ],
    [
      "a weight that is over",
      "taming",
      (w) => w.set("decoder.extra.weight", vector(3)),
      /has no weight "decoder\.extra\.weight"/,
    ],
    [
      "a weight of another shape",
      "taming",
      (w) => w.set("encoder.norm_out.bias", vector(3)),
      /weight "encoder\.norm_out\.bias": expected \[64\].*got \[3\]/,
    ],
    [
      "a number that is not finite",
      "taming",
      (w) => w.set("encoder.norm_out.bias", vector(64, Number.NaN)),
      /expected finite numbers, got NaN/,
    ],
    [
      "weights of integers",
      "taming",
      (w) => w.set("encoder.norm_out.bias", { dtype: "I32", shape: [64], data: new Int32Array(64) }),
      /got I32/,
    ],
    ["a Gumbel quantizer", "taming", (w) => w.set("quantize.proj.weight", vector(1)), /Gumbel/],
    [
      "a tokenizer of video",
      "taming",
      (w) =>
        w.set("encoder.conv_in.weight", {
          dtype: "F32",
          shape: [32, 3, 3, 3, 3],
          data: new Float32Array(32 * 81),
        }),
      /three-dimensional/,
    ],
    ["scales of codes", "taming", (w) => w.set("quantize.quant_resi.0.weight", vector(1)), /several scales/],
  ])("%s", async (_, name, change, message) => {
    const { weights } = await readFixture(name);
    change(weights);
    await expectRefused(name, { weights }, message);
  });

  it("a configuration of another model", async () => {
    const { config } = await readFixture("taming");
    const changed = structuredClone(config) as { model: { params: { ddconfig: { ch_mult: number[] } } } };
    changed.model.params.ddconfig.ch_mult = [1, 2, 2];
    await expectRefused(
      "taming",
      { config: changed },
      /model\.yaml: model\.params\.ddconfig\.ch_mult: expected \[1,1,2\], as the weights are, got \[1,2,2\]/,
    );
    await expectRefused(
      "amused",
      { config: { ...(await readFixture("amused")).config, act_fn: "relu" } },
      /act_fn: expected "silu"/,
    );
  });

  it("names that two families share, unless one is named", async () => {
    const folder = await temporaryFolder();
    const source = await writeSource(join(folder, "source"), "ibq", { config: undefined });
    const out = join(folder, "model");
    await expect(importTokenizer(source, { out })).rejects.toThrow(/taming \(the nearest code\) or ibq/);
    const { original } = await importTokenizer(source, { out, family: "ibq" });
    expect(original.family).toBe("ibq");
    const wrong = importTokenizer(source, { out: `${out}2`, family: "imq" });
    await expect(wrong).rejects.toThrow('Unknown family "imq"');
    await expect(wrong).rejects.toMatchObject({ code: "config", path: "family" });
  });

  it.each<[string, TensorMap, RegExp]>([
    [
      "a KL autoencoder of Stable Diffusion",
      weightsOf({
        "first_stage_model.encoder.conv_in.weight": [8, 3, 3, 3],
        "first_stage_model.encoder.conv_out.weight": [8, 8, 3, 3],
        "first_stage_model.decoder.conv_in.weight": [8, 4, 3, 3],
      }),
      /variational autoencoder \(KL\)/,
    ],
    ["a classifier", weightsOf({ "conv1.weight": [8, 3, 3, 3], "fc.weight": [10, 8] }), /classifier/],
    [
      "a tokenizer of transformers",
      weightsOf({ "encoder.transformer.0.attn.in_proj_weight": [8, 8] }),
      /made of transformers/,
    ],
    [
      "two tokenizers",
      weightsOf({ "a.encoder.conv_in.weight": [8, 3, 3, 3], "b.encoder.conv_in.weight": [8, 3, 3, 3] }),
      /expected one tokenizer, got 2, under "a\.", "b\."/,
    ],
    [
      "a network of unknown names",
      weightsOf({ "encoder.conv_in.weight": [8, 3, 3, 3] }),
      /no family that is known/,
    ],
  ])("%s", async (_, weights, message) => {
    const folder = await temporaryFolder();
    const source = join(folder, "model.safetensors");
    await writeSafetensors(source, weights, {});
    const failed = importTokenizer(source, { out: join(folder, "model") });
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow(/^[^\n]*$/);
    await expect(failed).rejects.toMatchObject({ code: "format" });
  });

  it("a source that is not there, a folder without weights, a shard that is missing", async () => {
    const folder = await temporaryFolder();
    const out = join(folder, "model");
    await expect(importTokenizer(join(folder, "none"), { out })).rejects.toMatchObject({ code: "file" });
    const source = await writeSource(join(folder, "source"), "chameleon-original");
    await rm(join(source, "model.safetensors"));
    await expect(importTokenizer(source, { out })).rejects.toThrow(/expected one file of weights/);
    const map = {
      "model.vqmodel.encoder.conv_in.weight": "model-00002-of-00002.safetensors",
      "lm_head.weight": "model-00001-of-00002.safetensors",
    };
    await writeFile(join(source, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
    await expect(importTokenizer(source, { out })).rejects.toThrow(
      /expected model-00002-of-00002\.safetensors beside it, got none/,
    );
  });
});

async function expectRefused(name: FixtureName, changed: object, message: RegExp): Promise<void> {
  const folder = await temporaryFolder();
  const source = await writeSource(join(folder, "source"), name, changed);
  const failed = importTokenizer(source, { out: join(folder, "model") });
  await expect(failed).rejects.toThrow(message);
  await expect(failed).rejects.toThrow(/^[^\n]*$/);
}

function vector(length: number, value = 1): StoredTensor {
  return { dtype: "F32", shape: [length], data: new Float32Array(length).fill(value) };
}

function moved(shape: readonly number[], data: Float32Array): StoredTensor {
  return { dtype: "F32", shape, data: data.map((value) => value + 0.5) };
}

function weightsOf(shapes: Readonly<Record<string, readonly number[]>>): TensorMap {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
      return [name, { dtype: "F32", shape, data } as const];
    }),
  );
}
