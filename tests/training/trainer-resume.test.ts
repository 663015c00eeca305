import { cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Random } from "../../src/core/random.js";
import { readSafetensors } from "../../src/files/index.js";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { type ResumeOptions, type RunOptions, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { expectSameBytes, outcome, resumeRun, startTo } from "./resumed-runs.js";
import { logged, temporaryFolder, timeless, tinyFolders, tinyRun, train, writeImages } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

describe("a run that goes on", () => {
  it.each<[string, Partial<RunOptions>]>([
    [
      "vq with moving averages, a weight average and no clipping",
      {
        quantizer: { kind: "vq", codebookSize: 16, codeDim: 8, codebook: "ema", initialization: "kmeans" },
        weightAverageDecay: 0.9,
        gradientClip: null,
      },
    ],
    [
      "diveq's noise and replacement of codes, with a weight average",
      {
        quantizer: {
          ...{ kind: "vq", codebookSize: 16, codeDim: 8, gradient: "diveq" },
          ...{ replaceBelow: 0.6, replaceEvery: 3 },
        },
        weightAverageDecay: 0.9,
      },
    ],
  ])("ends in the bytes of one that was never interrupted: %s", (name, changes) =>
    expectSameBytes({ images, runs, name }, changes),
  );
});

describe("Trainer.resume", () => {
  let whole: string;
  let half: string;
  const options = () => tinyRun(images, { steps: 6, checkpointEvery: 2, evaluateUntrained: false });

  /** A copy of the run that stopped after step 4, with checkpoints of steps 2 and 4. */
  async function stopped(name: string): Promise<string> {
    const dir = path.join(runs, name);
    await cp(half, dir, { recursive: true });
    return dir;
  }

  beforeAll(async () => {
    [whole, half] = [path.join(runs, "all six"), path.join(runs, "four of six")];
    await train({ ...options(), out: whole });
    await startTo(4, { ...options(), out: half });
  });

  it("says where it goes on, and frees what it made", async () => {
    const dir = await stopped("told");
    const before = tf.memory().numTensors;
    const trainer = await Trainer.resume(dir);
    const newest = path.join(dir, "checkpoints", "step-00000004.safetensors");
    expect(trainer.resumed).toEqual({ step: 4, path: newest, skipped: [], changes: [] });
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(await resumeRun(dir)).toEqual([5, 6]); // the lock was given back
  });

  it("draws no weights: the checkpoint has them", async () => {
    const dir = await stopped("not drawn");
    const uniform = vi.spyOn(Random.prototype, "uniform");
    (await Trainer.create(options())).dispose();
    expect(uniform.mock.calls.length).toBeGreaterThan(1000);
    uniform.mockClear();
    const trainer = await Trainer.resume(dir);
    expect(uniform).not.toHaveBeenCalled();
    uniform.mockRestore();
    trainer.dispose();
  });

  it("names a damaged newest checkpoint and goes on from the one before, to the same end", async () => {
    const dir = await stopped("damaged");
    const newest = path.join(dir, "checkpoints", "step-00000004.safetensors");
    await truncate(newest, 5000);
    const trainer = await Trainer.resume(dir);
    expect(trainer.resumed).toMatchObject({ step: 2, skipped: [{ path: newest }] });
    for await (const _ of trainer.run());
    trainer.dispose();
    expect(await outcome(dir)).toEqual(await outcome(whole));
  });

  it("refuses a run of which every checkpoint is damaged, and gives the folder back", async () => {
    const dir = await stopped("all damaged");
    for (const name of await readdir(path.join(dir, "checkpoints")))
      await truncate(path.join(dir, "checkpoints", name), 100);
    await expect(Trainer.resume(dir)).rejects.toMatchObject({ code: "run" });
    expect((await readdir(dir)).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "reconstructions",
      "timeline.vqt",
    ]);
  });

  it("starts again where there is no checkpoint yet, and clears files in progress", async () => {
    const dir = await stopped("killed early");
    await rm(path.join(dir, "checkpoints"), { recursive: true });
    await writeFile(path.join(dir, ".config.json.vqkit-1-0.tmp"), "{");
    expect(await resumeRun(dir)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await outcome(dir)).toEqual(await outcome(whole));
    expect((await readdir(dir)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("cuts off metrics that no checkpoint vouches for, whole lines and a torn one", async () => {
    const dir = await stopped("more metrics");
    const log = path.join(dir, "metrics.jsonl");
    const lines = (await readFile(path.join(whole, "metrics.jsonl"), "utf8")).split("\n");
    await writeFile(log, `${await readFile(log, "utf8")}${lines[4]}\n${lines[5]?.slice(0, 30)}`);
    await resumeRun(dir);
    expect(await timeless(dir)).toBe(await timeless(whole));
  });

  it("evaluates and logs a step whose evaluation was interrupted", async () => {
    const evaluated = { ...options(), evaluateEvery: 3, weightAverageDecay: 0.9 };
    const [straight, dir] = [path.join(runs, "evaluated"), path.join(runs, "evaluation interrupted")];
    await train({ ...evaluated, out: straight });
    const stop = new AbortController();
    const trainer = await Trainer.create(
      { ...evaluated, out: dir },
      {
        onPhase: (phase) => {
          if (phase === "evaluating") stop.abort();
        },
      },
    );
    const run = async () => {
      for await (const _ of trainer.run({ signal: stop.signal }));
    };
    await expect(run()).rejects.toMatchObject({ name: "AbortError" });
    trainer.dispose();
    expect(await resumeRun(dir)).toEqual([3, 4, 5, 6]);
    expect(await outcome(dir)).toEqual(await outcome(straight));
    expect((await readdir(path.join(dir, "checkpoints"))).filter((name) => name.includes("best"))).toEqual(
      (await readdir(path.join(straight, "checkpoints"))).filter((name) => name.includes("best")),
    );
  });

  it("trains a finished run further only when it is given more steps, and then writes its end anew", async () => {
    const dir = path.join(runs, "further");
    await cp(whole, dir, { recursive: true });
    await expect(Trainer.resume(dir)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("finished at step 6"),
    });
    expect(await resumeRun(dir, { steps: 8, checkpointEvery: 7 })).toEqual([7, 8]);
    const folder = await RunFolder.open(dir);
    expect(await folder.readConfig()).toMatchObject({ steps: 8, checkpointEvery: 7 });
    expect((await folder.readSummary()).figures).toMatchObject({ training: { steps: 8 } });
  });

  it.each<[string, object, string | RegExp]>([
    ["seed", { seed: 1 }, "seed"],
    ["another size of the codebook", { quantizer: { codebookSize: 17 } }, "quantizer.codebookSize"],
    ["another quantizer", { quantizer: { kind: "fsq" } }, "quantizer.kind"],
    ["a preset", { model: { preset: "tiny" } }, /^model\./],
    ["another crop", { data: { cropSize: [16, 16] } }, "data.cropSize"],
    ["a folder to write", { out: "elsewhere" }, "out"],
    ["fewer steps than it has done", { steps: 3 }, "steps"],
  ])("refuses %s", async (_, changes, field) => {
    await expect(Trainer.resume(half, {}, changes)).rejects.toMatchObject({
      code: "config",
      path: typeof field === "string" ? field : expect.stringMatching(field),
    });
  });

  it("refuses other images", async () => {
    const other = await temporaryFolder();
    await writeImages(other, 7);
    await expect(Trainer.resume(half, {}, { data: other })).rejects.toMatchObject({ path: "data.images" });
  });

  it("goes on where the same images have been moved", async () => {
    const moved = await temporaryFolder();
    await cp(images, moved, { recursive: true });
    const dir = await stopped("moved");
    await resumeRun(dir, { data: moved });
    expect(await timeless(dir)).toBe(await timeless(whole));
  });
});

describe("the best checkpoint", () => {
  /** Learns for three steps, and then at a rate that ruins it: the best evaluation is that of step 3 or before. */
  const ruinous = () =>
    tinyRun(images, { steps: 9, checkpointEvery: 2, evaluateEvery: 3, evaluateUntrained: false, seed: 3 });
  let ruined: string;
  let best: { readonly name: string; readonly step: number; readonly psnr: number };

  beforeAll(async () => {
    ruined = path.join(runs, "ruined");
    await startTo(3, { ...ruinous(), out: ruined });
    await resumeRun(ruined, { learningRate: 0.3, warmupSteps: 0 });
    const evaluated = (await logged(ruined)).filter(({ evaluationPsnr }) => evaluationPsnr !== undefined);
    const psnrs = evaluated.map(({ evaluationPsnr }) => Number(evaluationPsnr));
    const step = Number(evaluated[psnrs.indexOf(Math.max(...psnrs))]?.step);
    best = { step, psnr: Math.max(...psnrs), name: `step-0000000${step}-best.safetensors` };
    expect(step).toBe(3);
  });

  async function copied(name: string): Promise<string> {
    const dir = path.join(runs, name);
    await cp(ruined, dir, { recursive: true });
    return dir;
  }

  const later = async (dir: string) =>
    (await readdir(path.join(dir, "checkpoints"))).filter((name) => Number(name.slice(5, 13)) > best.step);

  it("is gone on from when it is asked for; what came after it is abandoned, for a kill as well", async () => {
    const dir = await copied("from the best");
    expect(await later(dir)).not.toEqual([]);
    const trainer = await Trainer.resume(dir, {}, { checkpoint: "best", learningRate: 4e-3 });
    expect(trainer.resumed).toMatchObject({ step: 3, path: path.join(dir, "checkpoints", best.name) });
    expect(await later(dir)).not.toEqual([]); // nothing has changed before it runs
    // Left at once, as by a kill: without a step, and so without a checkpoint of its own.
    const stop = new AbortController();
    const run = trainer.run({ signal: stop.signal });
    stop.abort();
    await expect(run.next()).rejects.toMatchObject({ name: "AbortError" });
    trainer.dispose();
    const again = await Trainer.resume(dir, {}, { checkpoint: "best", learningRate: 4e-3 });
    for await (const { step } of again.run()) if (step === 4) break;
    again.dispose();
    expect((await logged(dir)).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(await resumeRun(dir)).toEqual([5, 6, 7, 8, 9]);
    const psnr = ((await (await RunFolder.open(dir)).readSummary()).figures.final as { psnr: number }).psnr;
    expect(psnr).toBeGreaterThan(best.psnr);
  });

  it("removes later checkpoints before it cuts the metrics off that these need", async () => {
    const dir = await copied("killed at once");
    const trainer = await Trainer.resume(dir, {}, { checkpoint: "best", checkpointEvery: 100 });
    const steps = trainer.run();
    await steps.next();
    expect(await later(dir)).toEqual([]);
    await steps.return();
    trainer.dispose();
  });

  it("can be made the model of a finished run, by ending the run there", async () => {
    const dir = await copied("ended at the best");
    expect(await resumeRun(dir, { checkpoint: "best", steps: best.step })).toEqual([]);
    const folder = await RunFolder.open(dir);
    const { figures } = await folder.readSummary();
    expect(figures).toMatchObject({ final: { psnr: best.psnr }, training: { steps: best.step } });
    const { tensors } = await readSafetensors(path.join(ruined, "checkpoints", best.name));
    for (const [name, { data }] of (await folder.readModel()).weights) {
      expect(data, name).toEqual(tensors.get(`weights/${name}`)?.data);
    }
    await expect(Trainer.resume(dir, {}, { checkpoint: "best" })).rejects.toMatchObject({ code: "run" });
  });

  it("is refused where none is marked best, where it is damaged, and under another word", async () => {
    const none = path.join(runs, "never evaluated");
    await startTo(2, tinyRun(images, { out: none, evaluateUntrained: false }));
    await expect(Trainer.resume(none, {}, { checkpoint: "best" })).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("expected a checkpoint marked best, got none"),
    });
    const dir = await copied("damaged best");
    await truncate(path.join(dir, "checkpoints", best.name), 900);
    await expect(Trainer.resume(dir, {}, { checkpoint: "best" })).rejects.toMatchObject({ code: "run" });
    await expect(
      Trainer.resume(dir, {}, { checkpoint: "last" } as unknown as ResumeOptions),
    ).rejects.toMatchObject({ code: "config", path: "checkpoint" });
    expect(await readdir(dir)).not.toContain(".vqkit.lock");
  });
});

describe("the lock", () => {
  it("keeps a second writer out, by name, and lets go at the end", async () => {
    const out = path.join(runs, "locked");
    const trainer = await Trainer.create(tinyRun(images, { out, steps: 3 }));
    const second = await Trainer.create(tinyRun(images, { out, overwrite: true })); // nobody writes there yet
    for await (const { step } of trainer.run()) {
      if (step !== 2) continue;
      await expect(Trainer.resume(out)).rejects.toMatchObject({
        code: "locked",
        message: expect.stringContaining(`locked by process ${process.pid} on ${hostname()}`),
      });
      const late = Trainer.create(tinyRun(images, { out, overwrite: true }));
      await expect(late).rejects.toMatchObject({ code: "locked" });
      await expect(second.run().next()).rejects.toMatchObject({ code: "locked" });
    }
    second.dispose();
    trainer.dispose();
    expect(await logged(out)).toHaveLength(3);
    expect(await readdir(out)).not.toContain(".vqkit.lock");
  });
});
