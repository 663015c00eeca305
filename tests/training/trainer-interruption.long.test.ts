import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { registerQuantizer } from "../../src/quantizers/index.js";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { divergingQuantizer } from "./diverging-quantizer.js";
import { drained, logged, timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(async () => {
  await useEngine();
  registerQuantizer(divergingQuantizer);
});

describe("leaving early", () => {
  it("by break: leaves metrics and a checkpoint of the last step, and no result", async () => {
    const out = path.join(runs, "break");
    const before = tf.memory().numTensors;
    const trainer = await Trainer.create(tinyRun(images, { out, weightAverageDecay: 0.9 }));
    for await (const { step } of trainer.run()) if (step === 3) break;
    expect(trainer.result).toBeNull();
    expect((await readdir(out)).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "reconstructions",
      "timeline.vqt",
    ]);
    expect((await logged(out)).map(({ step }) => step)).toEqual([1, 2, 3]);
    const folder = await RunFolder.open(out);
    const loaded = await folder.checkpoints({ keep: 2 }).loadNewest();
    expect(loaded?.checkpoint.step).toBe(3);
    const { weights, optimizer, ema, state } = loaded?.checkpoint ?? {};
    expect(state?.metricsOffset).toBe((await readFile(path.join(out, "metrics.jsonl"))).length);
    for (const [name, variable] of trainer.model.variables()) {
      expect(weights?.get(name)?.data).toEqual(await variable.data());
      expect(ema?.get(name)?.shape).toEqual(variable.shape);
      expect(ema?.get(name)?.data).not.toEqual(weights?.get(name)?.data);
    }
    expect(optimizer?.size).toBe(2 * trainer.model.trainableVariables().size);
    await expect(trainer.run().next()).rejects.toMatchObject({ code: "run" });
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("by a signal: throws its reason after saving, before the next step", async () => {
    const out = path.join(runs, "abort");
    const trainer = await Trainer.create(tinyRun(images, { out, steps: 40 }));
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    let last = 0;
    const loop = async () => {
      for await (const { step } of trainer.run({ signal: stop.signal })) {
        last = step;
        if (step === 4) stop.abort(reason);
      }
    };
    await expect(loop()).rejects.toBe(reason);
    trainer.dispose();
    expect(last).toBe(4);
    expect((await logged(out)).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(await readdir(path.join(out, "checkpoints"))).toEqual(["step-00000004.safetensors"]);
  });

  it("by a signal during an evaluation: the step's metrics are kept and the trained weights restored", async () => {
    const out = path.join(runs, "abort-evaluation");
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const options = tinyRun(images, {
      out,
      evaluateEvery: 3,
      evaluateUntrained: false,
      weightAverageDecay: 0.9,
    });
    const trainer = await Trainer.create(options, {
      onPhase: (phase) => {
        if (phase === "evaluating") stop.abort(reason);
      },
    });
    await expect(drained(trainer.run({ signal: stop.signal }))).rejects.toBe(reason);
    const lines = await logged(out);
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(lines[2]).not.toHaveProperty("evaluationPsnr");
    const loaded = await (await RunFolder.open(out)).checkpoints({ keep: 1 }).loadNewest();
    for (const [name, variable] of trainer.model.variables()) {
      expect(loaded?.checkpoint.weights.get(name)?.data).toEqual(await variable.data());
    }
    trainer.dispose();
  });

  it("while the first codes are chosen: nothing is saved, and the run that begins again ends in the same bytes", async () => {
    const quantizer = {
      kind: "vq",
      codebookSize: 16,
      codeDim: 8,
      codebook: "ema",
      initialization: "kmeans",
    } as const;
    const [out, whole] = [path.join(runs, "abort-kmeans"), path.join(runs, "whole-kmeans")];
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const told: number[] = [];
    const trainer = await Trainer.create(tinyRun(images, { out, quantizer }), {
      onInitialization: ({ done, total }) => {
        told.push(done / total);
        if (told.length === 2) stop.abort(reason);
      },
    });
    await expect(drained(trainer.run({ signal: stop.signal }))).rejects.toBe(reason);
    expect(told).toEqual([0, 0.1]); // 10 rounds of one run of the engine
    trainer.dispose();
    expect((await readdir(out)).sort()).toEqual(["config.json", "metrics.jsonl", "timeline.vqt"]);
    const again = await Trainer.resume(out);
    await drained(again.run());
    again.dispose();
    await train(tinyRun(images, { out: whole, quantizer }));
    expect(await timeless(out)).toBe(await timeless(whole));
    const weights = await Promise.all(
      [out, whole].map((dir) => readFile(path.join(dir, "model.safetensors"))),
    );
    expect(weights[0]).toEqual(weights[1]);
  });

  it("before the first step: the folder can be read, and nothing was saved", async () => {
    const out = path.join(runs, "abort-first");
    const stop = new AbortController();
    const trainer = await Trainer.create(tinyRun(images, { out }), {
      onPhase: (phase) => {
        if (phase === "untrained") stop.abort();
      },
    });
    await expect(trainer.run({ signal: stop.signal }).next()).rejects.toMatchObject({ name: "AbortError" });
    trainer.dispose();
    expect((await readdir(out)).sort()).toEqual(["config.json", "metrics.jsonl", "timeline.vqt"]);
    await RunFolder.open(out);
  });
});

describe("a loss that is not finite", () => {
  const quantizer = { kind: "diverging", codeDim: 8, atUpdate: 4 };

  it("stops the run and names the step; what was saved before stands", async () => {
    const out = path.join(runs, "diverged");
    const trainer = await Trainer.create(tinyRun(images, { out, quantizer, checkpointEvery: 3 }));
    const message = expect.stringMatching(
      /^step 5: expected a finite totalLoss, got NaN\. First to go bad: weight "quantizer\/scale"\./,
    );
    await expect(drained(trainer.run())).rejects.toMatchObject({ code: "numerics", message });
    trainer.dispose();
    expect(trainer.result).toBeNull();
    expect((await logged(out)).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    // The model is spoilt behind step 4: its reconstructions would be no picture.
    const strips = await (await RunFolder.open(out)).strips().list();
    expect(strips.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect((await readdir(out)).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "reconstructions",
      "timeline.vqt",
    ]);
    expect(await readdir(path.join(out, "checkpoints"))).toEqual(["step-00000003.safetensors"]);
  });

  it("that shows in the weights first is found before they are saved", async () => {
    const out = path.join(runs, "diverged-weights");
    const trainer = await Trainer.create(tinyRun(images, { out, quantizer, checkpointEvery: 2 }));
    const message = expect.stringMatching(/^weight "quantizer\/scale": expected finite numbers, got NaN\./);
    await expect(drained(trainer.run())).rejects.toMatchObject({ code: "numerics", message });
    trainer.dispose();
    expect(await readdir(path.join(out, "checkpoints"))).toEqual(["step-00000002.safetensors"]);
  });
});
