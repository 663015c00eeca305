import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { type RunOptions, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { expectFrozen, model, quantizer, fromSource as runFromSource, trainSource } from "./frozen-parts.js";
import { digestOf, timeless, tinyFolders, tinyRun } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();
const folders = { images, runs };
const source = path.join(runs, "source");

beforeAll(async () => {
  await useEngine();
  await trainSource(folders);
});

const fromSource = (changes: Partial<RunOptions>): RunOptions => runFromSource(folders, changes);

describe("parts of a model that are frozen", () => {
  it("stay as they are, to the last bit, and the others learn; also in a run that is resumed", async () => {
    const freeze = ["encoder", "codebook"] as const;
    const whole = await expectFrozen(folders, freeze);
    const parted = path.join(runs, "parted");
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
