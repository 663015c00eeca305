import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type PictureGeometry, picturesOf } from "../../src/data/index.js";
import { evaluateModel } from "../../src/evaluation/index.js";
import { usageFigures } from "../../src/metrics/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { type RunOptions, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { asWeights, logged, timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

describe("the run folder", () => {
  let out: string;
  let trainer: Trainer;

  beforeAll(async () => {
    out = path.join(runs, "whole");
    const quantizer = { kind: "fsq", codebookSize: 300 };
    ({ trainer } = await train(tinyRun(images, { out, quantizer, checkpointEvery: 2, seed: 3, threads: 2 })));
  });

  it("holds what a run leaves, and no temporary file", async () => {
    expect((await readdir(out)).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
      "reconstructions",
      "reconstructions.png",
      "summary.json",
      "timeline.vqt",
      "usage.json",
    ]);
    expect((await readdir(path.join(out, "checkpoints"))).sort()).toEqual([
      "step-00000004.safetensors",
      "step-00000006.safetensors",
    ]);
  });

  it("repeats the run from its config", async () => {
    const { config } = JSON.parse(await readFile(path.join(out, "config.json"), "utf8")) as {
      config: RunOptions;
    };
    expect(config).not.toHaveProperty("out");
    expect(config).toMatchObject({
      seed: 3,
      gradientClip: 1,
      nominalCodebookSize: 300,
      loss: { l2: 1, ssim: 0 },
    });
    const again = path.join(runs, "again");
    await train({ ...config, out: again });
    expect(await timeless(again)).toBe(await timeless(out));
  });

  it("saves figures, conventions and counts that agree", async () => {
    const folder = await RunFolder.open(out);
    const { conventions, figures } = await folder.readSummary();
    const { result } = trainer;
    expect(figures).toMatchObject({
      final: result?.evaluation.figures,
      untrained: result?.untrained,
      meanColour: result?.meanColour,
      training: { steps: 6 },
      quantizer: { kind: "fsq", codebookSize: 294, nominalCodebookSize: 300 },
      engine: { name: "onnxruntime", threads: 2 },
      heldOut: true,
      trainFiles: 6,
      evaluationFiles: 2,
      brokenFiles: 0,
      seed: 3,
    });
    expect(conventions).toMatchObject({
      evaluationSet: "held-out files",
      evaluationImages: 4,
      imageHeight: 12,
      imageWidth: 16,
      imagesDigest: result?.evaluation.imagesDigest,
    });
    const { counts, images: count, geometry } = await folder.readUsage();
    expect(count).toBe(4);
    expect(geometry).toEqual({
      gridHeight: 6,
      gridWidth: 8,
      imageHeight: 12,
      imageWidth: 16,
      numCodebooks: 1,
    });
    expect(counts.samples).toBe(4 * 6 * 8);
    expect(usageFigures(counts).usage).toBe(result?.evaluation.figures.usage);
    expect(figures.quantizer).toMatchObject({ codebookSize: counts.codebookSize });
  });

  it("pictures the originals over the model's reconstructions", async () => {
    const { figures } = await (await RunFolder.open(out)).readSummary();
    const geometry = figures.reconstructions as PictureGeometry;
    expect(geometry).toMatchObject({ rows: 2, columns: 4, cellHeight: 12, cellWidth: 16 });
    const png = await readFile(path.join(out, "reconstructions.png"));
    const [originals, reconstructions] = await picturesOf(png, geometry);
    const { examples } = trainer.result?.evaluation ?? {};
    expect(originals).toEqual(examples?.originals);
    expect(reconstructions).toEqual(examples?.reconstructions);
  });

  it("keeps a model that, loaded into a fresh trainer, evaluates to the same figures", async () => {
    const { weights, config } = await (await RunFolder.open(out)).readModel();
    expect(config).toEqual({ model: trainer.config.model, quantizer: trainer.config.quantizer });
    const fresh = await Trainer.create({
      ...tinyRun(images, { seed: 3, threads: 2 }),
      quantizer: { kind: "fsq", codebookSize: 300 },
    });
    try {
      fresh.model.setWeights(asWeights(weights));
      const { figures } = await fresh.evaluate();
      expect(figures).toEqual(trainer.result?.evaluation.figures);
    } finally {
      fresh.dispose();
    }
  });

  it("is not taken when it holds a run, before anything is computed", async () => {
    await expect(Trainer.create(tinyRun(images, { out }))).rejects.toMatchObject({ code: "run" });
    const replaced = path.join(runs, "replaced");
    await train(tinyRun(images, { out: replaced, steps: 3 }));
    await train(tinyRun(images, { out: replaced, steps: 2, overwrite: true }));
    expect(await logged(replaced)).toHaveLength(2);
    expect(await readdir(path.join(replaced, "checkpoints"))).toEqual(["step-00000002.safetensors"]);
  });
});

describe("evaluation", () => {
  it("uses the averaged weights, saves those, and puts the trained ones back", async () => {
    const out = path.join(runs, "average");
    const trainer = await Trainer.create(tinyRun(images, { out, weightAverageDecay: 0.95, steps: 8 }));
    for await (const _ of trainer.run());
    const { batchSize, loss } = trainer.config;
    const batches = () => trainer.dataset.evaluationBatches({ batchSize });
    const { weights } = await (await RunFolder.open(out)).readModel();
    const trained = await trainer.model.copyWeights();
    const plain = await evaluateModel(trainer.model, batches(), { loss });
    expect(plain.figures.psnr).not.toBe(trainer.result?.evaluation.figures.psnr);
    trainer.model.setWeights(asWeights(weights));
    const averaged = await evaluateModel(trainer.model, batches(), { loss });
    expect(averaged.figures).toEqual(trainer.result?.evaluation.figures);
    const { checkpoint } = (await (await RunFolder.open(out)).checkpoints({ keep: 1 }).loadNewest()) ?? {};
    for (const [name, { data }] of trained) {
      expect(checkpoint?.weights.get(name)?.data).toEqual(data);
      expect(checkpoint?.ema.get(name)?.data).toEqual(weights.get(name)?.data);
    }
    trainer.dispose();
  });

  it("marks the best checkpoint by the evaluated PSNR", async () => {
    const out = path.join(runs, "best");
    const { steps } = await train(
      tinyRun(images, { out, steps: 9, evaluateEvery: 2, checkpointEvery: null }),
    );
    const evaluated = steps.filter((metrics) => "evaluationPsnr" in metrics);
    expect(evaluated.map(({ step }) => step)).toEqual([2, 4, 6, 8, 9]);
    const best = evaluated.reduce((a, b) => ((b.evaluationPsnr ?? 0) > (a.evaluationPsnr ?? 0) ? b : a));
    const entries = await (await RunFolder.open(out)).checkpoints({ keep: 2 }).list();
    expect(entries.find((entry) => entry.best)?.step).toBe(best.step);
    expect(entries[0]?.step).toBe(9);
  });

  it("without held-out files takes the training files, and the conventions say so", async () => {
    const data = { images, cropSize: [12, 16] as [number, number], heldOut: 0 };
    const { trainer } = await train(tinyRun(images, { data, steps: 2, evaluateUntrained: false }));
    expect(trainer.describe().heldOut).toBe(false);
    expect(trainer.result?.conventions.evaluationSet).toBe("training files");
    expect(trainer.result?.untrained).toBeNull();
  });
});
