import { readdir } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { registerQuantizer } from "../../src/quantizers/index.js";
import { RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import {
  NonFiniteError,
  type RunOptions,
  type StepMetrics,
  TensorBoardLogger,
  Trainer,
} from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { eventFiles, scalars } from "./event-reader.js";
import { Recorder } from "./logger-cases.js";
import { poison, poisonedQuantizer } from "./poisoned-quantizer.js";
import { drained, logged, timeless, tinyFolders, tinyRun } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(async () => {
  await useEngine();
  registerQuantizer(poisonedQuantizer);
});

function poisonedRun(out: string, changes: Partial<RunOptions> = {}): RunOptions {
  const quantizer = { kind: "poisoned", codeDim: 8, where: "values" };
  const common = {
    quantizer,
    steps: 7,
    checkpointEvery: 3,
    weightAverageDecay: 0.9,
    evaluateUntrained: false,
  };
  return tinyRun(images, { ...common, out: path.join(runs, out), ...changes });
}

/** All state that a step may change. */
async function weightsOf(trainer: Trainer): Promise<Map<string, Float32Array>> {
  return new Map([...(await trainer.model.copyWeights())].map(([name, { data }]) => [name, data]));
}

describe("a step that is not finite", () => {
  it.each([
    ["values", /^step 5: expected a finite totalLoss, got NaN\. First to go bad: the quantized latents\. /],
    [
      "gradient",
      /^step 5: expected a finite gradientNorm, got NaN\. First to go bad: gradient of "encoder\//,
    ],
  ])("in its %s is named, changes nothing and ends the run", async (where, message) => {
    const before = tf.memory().numTensors;
    const quantizer = { kind: "poisoned", codeDim: 8, where };
    const trainer = await Trainer.create(poisonedRun(`stop ${where}`, { quantizer }));
    poison(trainer, (batch) => batch === 4);
    let weights = new Map<string, Float32Array>();
    const run = async () => {
      for await (const { step } of trainer.run()) if (step === 4) weights = await weightsOf(trainer);
    };
    const error: unknown = await run().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ code: "numerics", step: 5, message: expect.stringMatching(message) });
    expect(await weightsOf(trainer)).toEqual(weights);
    expect([...weights.values()].every((data) => data.every(Number.isFinite))).toBe(true);
    const dir = trainer.config.out as string;
    expect(await readdir(path.join(dir, "checkpoints"))).toEqual(["step-00000003.safetensors"]);
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("is left out with skip: nothing changes, the metrics say so, and the run goes on", async () => {
    const trainer = await Trainer.create(poisonedRun("skip", { onNan: "skip", logEvery: 4 }));
    const seen = poison(trainer, (batch) => batch === 4);
    const weights: Map<string, Float32Array>[] = [];
    const steps: StepMetrics[] = [];
    for await (const metrics of trainer.run()) {
      steps.push(metrics);
      weights.push(await weightsOf(trainer));
    }
    trainer.dispose();
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(weights[4]).toEqual(weights[3]);
    expect(weights[5]).not.toEqual(weights[4]);
    expect(steps[4]).toMatchObject({
      skipped: true,
      nonFinite: "the quantized latents",
      totalLoss: Number.NaN,
    });
    expect(steps[4]?.samplesWindow).toBe(steps[3]?.samplesWindow); // its indices do not count
    expect(steps[5]?.samplesWindow).toBeGreaterThan(steps[3]?.samplesWindow as number);
    const lines = await logged(path.join(runs, "skip"));
    expect(lines.map(({ step }) => step)).toEqual([1, 4, 5, 7]); // a skipped step is always logged
    expect(lines[2]).toMatchObject({ skipped: true, totalLoss: null, nonFinite: "the quantized latents" });
    expect(lines[3]).not.toHaveProperty("skipped");
  });

  it("with rollback goes back to the checkpoint and on with the batches after the bad one", async () => {
    const logger = new Recorder();
    const loggers = [logger, new TensorBoardLogger()];
    const trainer = await Trainer.create(poisonedRun("rollback", { onNan: "rollback" }), { loggers });
    const seen = poison(trainer, (batch) => batch === 4);
    let saved = new Map<string, Float32Array>();
    let steps = 0;
    for await (const { step, rolledBackFrom } of trainer.run()) {
      steps++;
      if (step === 3) saved = await weightsOf(trainer);
      if (rolledBackFrom !== undefined) expect(await weightsOf(trainer)).not.toEqual(saved);
    }
    trainer.dispose();
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(steps).toBe(8); // steps 1–4, then 4–7
    // The timeline went back too: each index that was trained on is counted once.
    const run = await RunFolder.open(path.join(runs, "rollback"));
    const { records } = (await readCodeTimeline(run)) ?? { records: [] };
    expect(records.map(({ step, samples }) => [step, samples])).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((step) => [step, 4 * 6 * 8]),
    );
    expect((await run.strips().list()).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const lines = await logged(path.join(runs, "rollback"));
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(lines[3]).toMatchObject({ rolledBackFrom: 5, nonFinite: "the quantized latents" });
    expect(lines.filter((line) => "nonFinite" in line)).toHaveLength(1);
    // Loggers are told where it went back to, and event files have each step once.
    expect(logger.told.filter((event) => /^(?:step|rollback) /.test(event))).toEqual([
      ...["step 1", "step 2", "step 3", "step 4"],
      "rollback 3",
      ...["step 4", "step 5", "step 6", "step 7"],
    ]);
    const files = await eventFiles(path.join(runs, "rollback", "tensorboard"));
    expect(scalars(files, "loss/totalLoss").map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(files).toHaveLength(2);
    expect(files[1]?.[1]).toMatchObject({ step: 4, status: 1 });
  });

  it.each(["skip", "rollback"] as const)(
    "with %s, interrupted and taken up, ends as without",
    async (onNan) => {
      // A second rollback would go back to the checkpoint that the interruption made, which the other run lacks.
      const bad = (batch: number) => batch === 4 || (batch === 6 && onNan === "skip");
      const options = (name: string) => poisonedRun(`${onNan} ${name}`, { onNan });
      const whole = await Trainer.create(options("whole"));
      poison(whole, bad);
      await drained(whole.run());
      const first = await Trainer.create(options("parted"));
      poison(first, bad);
      for await (const { step, nonFinite } of first.run()) if (step >= 4 && nonFinite !== undefined) break;
      first.dispose();
      const second = await Trainer.resume(path.join(runs, `${onNan} parted`));
      poison(second, bad);
      await drained(second.run());
      expect(await weightsOf(second)).toEqual(await weightsOf(whole));
      expect(await timeless(path.join(runs, `${onNan} parted`))).toBe(
        await timeless(path.join(runs, `${onNan} whole`)),
      );
      second.dispose();
      whole.dispose();
    },
  );

  it.each(["skip", "rollback"] as const)("does not %s for ever", async (onNan) => {
    const trainer = await Trainer.create(poisonedRun(`for ever ${onNan}`, { onNan, steps: 40 }));
    const seen = poison(trainer, (batch) => batch >= 4);
    const error: unknown = await drained(trainer.run()).catch((reason: unknown) => reason);
    trainer.dispose();
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        onNan === "skip"
          ? / The 10 steps before it were skipped\. Lower learningRate or set gradientClip\.$/
          : / The run went back 10 times since its last checkpoint\. Lower learningRate or set gradientClip\.$/,
      ),
    });
    expect(seen.length).toBe(4 + 11);
    const folder = path.join(runs, `for ever ${onNan}`, "checkpoints");
    expect((await readdir(folder)).length).toBeGreaterThan(0);
  });

  it("before the first checkpoint ends the run, also with rollback", async () => {
    const trainer = await Trainer.create(poisonedRun("too early", { onNan: "rollback" }));
    poison(trainer, (batch) => batch === 1);
    await expect(drained(trainer.run())).rejects.toMatchObject({
      step: 2,
      message: expect.stringMatching(/ There is no checkpoint yet to go back to\. Lower learningRate or/),
    });
    trainer.dispose();
  });
});
