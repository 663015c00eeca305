/** A configuration goes to PyTorch, is trained by torchrun on two ranks, and comes back. */
import { execFileSync } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exportOnnx, exportPytorch } from "../../../src/export/index.js";
import { readSafetensors } from "../../../src/files/index.js";
import { importTokenizer } from "../../../src/import/index.js";
import { readRunRecord } from "../../../src/reports/records/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import { Tokenizer } from "../../../src/tokenizer/index.js";
import { finishTrainedElsewhere, type RunOptions, Trainer } from "../../../src/training/index.js";
import { useEngine } from "../../engine.js";
import { hasPython, python } from "../../import/python.js";
import { logged, temporaryFolder, writeImages } from "../../training/tiny-runs.js";
import { runFolder, variants } from "../models.js";

const runs = hasPython("torch, safetensors, numpy, PIL");

/** PNG files larger than a crop are decoded alike by both sides. */
function options(images: string): RunOptions {
  return {
    model: { preset: "tiny", baseWidth: 8, downsamplingFactor: 2, residualBlocks: 1 },
    quantizer: { kind: "fsq", levels: [8, 5, 5] },
    data: { images, cropSize: [12, 16], heldOut: 0.25, evaluationCropsPerImage: 2 },
    steps: 9,
    batchSize: 4,
    learningRate: 2e-3,
    warmupSteps: 2,
    checkpointEvery: 3,
    weightAverageDecay: 0.5,
    seed: 3,
    threads: 1,
  };
}

function torchrun(project: string, images: string, ...flags: string[]): void {
  const ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"];
  const args = ["train.py", "--data", images, "--device", "cpu", "--workers", "0", ...flags];
  execFileSync(python, [...ranks, ...args], {
    cwd: project,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
}

describe.skipIf(!runs)(`torchrun${runs ? "" : " (no Python with torch and safetensors)"}`, () => {
  beforeAll(useEngine);

  it("trains a project on the same batches, to the same losses, and what it trained encodes here", async () => {
    const [folder, images] = [await temporaryFolder(), await temporaryFolder()];
    await writeImages(images, 8);
    const project = join(folder, "project");
    await exportPytorch(options(images), { out: project, threads: 1 });
    torchrun(project, images);

    const trainer = await Trainer.create({ ...options(images), out: join(folder, "here") });
    for await (const _ of trainer.run());
    const here = await logged(join(folder, "here"));
    const there = await logged(join(project, "run"));
    expect(there).toHaveLength(9);
    for (const [i, record] of here.entries()) {
      const other = there[i] as Record<string, unknown>;
      expect(Object.keys(other)).toEqual(Object.keys(record));
      for (const [name, value] of Object.entries(record)) {
        if (name === "imagesPerSecond" || name === "elapsedSeconds") continue;
        const tolerance = name.startsWith("perplexity") ? 0.5 : 1e-3 * Math.max(1, Math.abs(Number(value)));
        expect(Math.abs(Number(other[name]) - Number(value)), `${name} of step ${i + 1}`).toBeLessThan(
          tolerance,
        );
      }
    }

    const { dir } = await importTokenizer(project, { out: join(folder, "imported") });
    const config = await (await RunFolder.open(dir)).readConfig();
    expect(config.trainedBy).toMatchObject({ framework: "pytorch", ranks: 2, precision: "fp32", steps: 9 });
    expect(await logged(dir)).toEqual(there);
    const wrong = finishTrainedElsewhere(dir, { images: join(images, "image0[0-3].png"), threads: 1 });
    await expect(wrong).rejects.toThrow(/data\.images: expected the images that the run began with/);
    const finished = await finishTrainedElsewhere(dir, { images, threads: 1 });
    const own = trainer.result?.evaluation as NonNullable<typeof trainer.result>["evaluation"];
    expect(finished.evaluation.imagesDigest).toBe(own.imagesDigest);
    expect(finished.evaluation.figures.psnr).toBeCloseTo(own.figures.psnr as number, 2);
    const record = await readRunRecord(await RunFolder.open(dir));
    expect(record.figures).toMatchObject({ heldOut: true, trainFiles: 6, training: { steps: 9 } });
    const tokenizer = await Tokenizer.load(dir);
    const image = join(images, "image00.png");
    const codes = await tokenizer.encode(image);
    expect(codes.indices.length).toBeGreaterThan(100);
    tokenizer.dispose();
    trainer.dispose();
    const { roundTrip } = await exportOnnx(dir, { out: join(folder, "onnx"), check: [image], threads: 1 });
    expect(roundTrip.differingIndices).toBe(0);
    await expect(Trainer.resume(dir)).rejects.toThrow(/trained elsewhere and imported\. Resume it there/);
    // And on again, from what was trained.
    await exportPytorch(dir, { out: join(folder, "again"), threads: 1 });
    const again = JSON.parse(await readFile(join(folder, "again", "config.json"), "utf8"));
    expect(again).toMatchObject({ initialize: false, config: { steps: 9 } });
  }, 300_000);

  it("resumes from a checkpoint to the same weights", async () => {
    const [folder, images] = [await temporaryFolder(), await temporaryFolder()];
    await writeImages(images, 8);
    const project = join(folder, "project");
    const quantizer = { kind: "vq", codebook: "ema", codebookSize: 16, codeDim: 8, initialization: "kmeans" };
    await exportPytorch({ ...options(images), quantizer }, { out: project, threads: 1 });
    torchrun(project, images, "--out", "whole");
    torchrun(project, images, "--out", "parts");
    for (const name of ["step-00000009.pt", "../training.json", "../model.safetensors"]) {
      await rm(join(project, "parts", "checkpoints", name));
    }
    torchrun(project, images, "--out", "parts", "--resume");
    const weights = (run: string) => readSafetensors(join(project, run, "model.safetensors"));
    const [whole, parts] = [await weights("whole"), await weights("parts")];
    expect(whole.tensors.size).toBeGreaterThan(20);
    for (const [name, tensor] of whole.tensors) expect(parts.tensors.get(name), name).toEqual(tensor);
    const lossesOf = async (run: string) => (await logged(join(project, run))).map((line) => line.totalLoss);
    expect(await lossesOf("parts")).toEqual(await lossesOf("whole"));
  }, 300_000);

  it("gives a model alone the options of a run that starts from it", async () => {
    const folder = await temporaryFolder();
    const run = await runFolder(folder, variants.lfq);
    await exportPytorch(run, { out: join(folder, "project"), threads: 1 });
    const { config } = JSON.parse(await readFile(join(folder, "project", "config.json"), "utf8"));
    expect(config).toMatchObject({ steps: 1000, from: { codebook: "keep" } });
    expect(config.from.model).not.toContain("/");
  });

  it("says of a project that is not trained yet what to do", async () => {
    const folder = await temporaryFolder();
    const project = join(folder, "project");
    await exportPytorch(options("."), { out: project, threads: 1 });
    const failed = importTokenizer(project, { out: join(folder, "imported") });
    await expect(failed).rejects.toThrow(/expected run\/training\.json .* Train it first by its train\.py/);
  });
});

describe.skipIf(!runs)(`python/tests${runs ? "" : " (no Python with torch and safetensors)"}`, () => {
  it("pass", async () => {
    const root = resolve(import.meta.dirname, "../../../python");
    execFileSync(python, ["-m", "unittest", "discover", "-s", "tests", "-t", "."], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1" },
    });
  }, 600_000);
});
