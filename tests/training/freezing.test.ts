import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { type RunOptions, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { digestOf, timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();
const source = path.join(runs, "source");
/** A VQGAN of two stages with attention, whose codes have other channels than its latents: there are projections. */
const model = {
  preset: "vqgan" as const,
  downsamplingFactor: 2 as const,
  baseWidth: 4,
  widthMultipliers: [1, 2],
  residualBlocks: 1,
  latentChannels: 6,
};
const quantizer = { kind: "vq", codebookSize: 16, codeDim: 5, codebook: "ema", initialization: "kmeans" };

beforeAll(async () => {
  await useEngine();
  await train(tinyRun(images, { model, quantizer, out: source, steps: 3, evaluateUntrained: false }));
});

/** What training may move without gradients moves here too: decay of weights, moving averages, averaged weights. */
function fromSource(changes: Partial<RunOptions>): RunOptions {
  const { model: _model, quantizer: _quantizer, ...rest } = tinyRun(images, { from: source, steps: 4 });
  const optimizer = { weightDecay: 0.1 };
  return { ...rest, optimizer, weightAverageDecay: 0.5, evaluateUntrained: false, ...changes } as RunOptions;
}

async function savedWeights(dir: string): Promise<Map<string, Float32Array>> {
  const { weights } = await (await RunFolder.open(dir)).readModel();
  return new Map([...weights].map(([name, { data }]) => [name, data as Float32Array]));
}

const parts = {
  encoder: /^(encoder|projection\/in)\//,
  codebook: /^quantizer\//,
  decoder: /^(decoder|projection\/out)\//,
};

describe("parts of a model that are frozen", () => {
  it.each([
    [["encoder", "codebook"] as const, ["decoder"] as const],
    [["decoder"] as const, ["encoder", "codebook"] as const],
    [["encoder"] as const, ["codebook", "decoder"] as const],
  ])("%j stay as they are, to the last bit; the others learn", async (freeze, others) => {
    const out = path.join(runs, freeze.join(" "));
    const before = tf.memory().numTensors;
    await train(fromSource({ freeze: [...freeze], out }));
    expect(tf.memory().numTensors).toBe(before);
    const [now, then] = [await savedWeights(out), await savedWeights(source)];
    const kept = (part: keyof typeof parts) =>
      [...now]
        .filter(([name]) => parts[part].test(name))
        .map(([name, data]) => ({
          name,
          same: Buffer.from(data.buffer).equals(Buffer.from((then.get(name) as Float32Array).buffer)),
        }));
    for (const part of freeze) {
      expect(kept(part).length).toBeGreaterThan(0);
      expect(kept(part).filter(({ same }) => !same)).toEqual([]);
    }
    for (const part of others)
      expect(
        kept(part).some(({ same }) => !same),
        part,
      ).toBe(true);
    expect(await (await RunFolder.open(out)).readConfig()).toMatchObject({ freeze });
  });

  it("stay so in a run that is resumed, which ends in the same bytes", async () => {
    const freeze = ["encoder", "codebook"] as const;
    const [whole, parted] = [path.join(runs, "whole"), path.join(runs, "parted")];
    await train(fromSource({ freeze: [...freeze], out: whole }));
    const trainer = await Trainer.create(fromSource({ freeze: [...freeze], out: parted }));
    for await (const { step } of trainer.run()) if (step === 2) break;
    trainer.dispose();
    const resumed = await Trainer.resume(parted);
    for await (const { step } of resumed.run()) expect(step).toBeGreaterThan(2);
    resumed.dispose();
    expect(await timeless(parted)).toBe(await timeless(whole));
    const digests = [parted, whole].map(async (dir) =>
      digestOf(await readFile(path.join(dir, "model.safetensors"))),
    );
    expect(await digests[0]).toBe(await digests[1]);
    // Neither gradients nor moments are kept of what does not move.
    const { checkpoint } = (await (await RunFolder.open(whole)).checkpoints({ keep: 1 }).loadNewest()) ?? {};
    const moments = [...(checkpoint?.optimizer.keys() ?? [])];
    expect(moments.some((name) => name.includes("/decoder/"))).toBe(true);
    expect(moments.filter((name) => /\/(encoder|quantizer|projection\/in)\//.test(name))).toEqual([]);
    await expect(Trainer.resume(whole, {}, { steps: 6, freeze: ["encoder"] })).rejects.toMatchObject({
      path: "freeze",
    });
  });

  it.each<[string, Partial<RunOptions>, RegExp]>([
    ["a part that there is not", { freeze: ["codes" as "codebook"] }, /"encoder" or "codebook" or "decoder"/],
    [
      "parts of no model",
      { freeze: ["decoder"], from: null },
      /a model to start from .* decoder would stay random/,
    ],
    [
      "a codebook that begins anew",
      { freeze: ["codebook"], from: { model: source, codebook: "fresh" } },
      /"fresh"/,
    ],
    ["encoder and decoder", { freeze: ["decoder", "encoder"] }, /got both frozen/],
    [
      "a network whose projection begins anew",
      {
        freeze: ["encoder"],
        from: { model: source, codebook: "fresh" },
        quantizer: { kind: "fsq", levels: [5, 4, 3] },
      },
      /code dimension beside a frozen encoder, got another/,
    ],
  ])("cannot be %s", async (_, changes, message) => {
    const before = tf.memory().numTensors;
    await expect(Trainer.create(fromSource(changes))).rejects.toMatchObject({
      path: expect.stringMatching(/^freeze/),
      message: expect.stringMatching(message),
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("a model without a decoder", () => {
  it("is not trained", async () => {
    const run = tinyRun(images, { model: { ...model, decoder: false }, quantizer });
    await expect(Trainer.create(run)).rejects.toMatchObject({ path: "model.decoder" });
  });
});
