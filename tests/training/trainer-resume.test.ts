import { appendFile, cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/runs/index.js";
import { type RunOptions, type StepMetrics, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { digestOf, logged, temporaryFolder, timeless, tinyRun, train, writeImages } from "./tiny-runs.js";

let images: string;
let runs: string;

beforeAll(async () => {
  await useEngine();
  [images, runs] = [await temporaryFolder(), await temporaryFolder()];
  await writeImages(images, 8);
});

/** Goes on with a run, to its end or until `until` says so. */
async function goOn(
  dir: string,
  changes: Partial<RunOptions> = {},
  until: (metrics: StepMetrics) => boolean = () => false,
): Promise<number[]> {
  const trainer = await Trainer.resume(dir, {}, changes);
  const steps: number[] = [];
  try {
    for await (const metrics of trainer.run()) {
      steps.push(metrics.step);
      if (until(metrics)) break;
    }
  } finally {
    trainer.dispose();
  }
  return steps;
}

/** Trains as far as a step and leaves, as an interruption does. */
async function startTo(step: number, options: RunOptions): Promise<void> {
  const trainer = await Trainer.create(options);
  for await (const metrics of trainer.run()) if (metrics.step === step) break;
  trainer.dispose();
}

/** Digests of all that must not depend on an interruption. */
async function outcome(dir: string): Promise<Record<string, unknown>> {
  const checkpoints = (await readdir(path.join(dir, "checkpoints"))).sort();
  const last = checkpoints.filter((name) => !name.includes("best")).at(-1) ?? checkpoints.at(-1) ?? "";
  const { tensors } = await readSafetensors(path.join(dir, "checkpoints", last));
  const summary = JSON.parse(await readFile(path.join(dir, "summary.json"), "utf8")) as {
    figures: { training: { steps: number } };
  };
  const { training, ...figures } = summary.figures;
  return {
    last,
    tensors: [...tensors].map(([name, { data }]) => [
      name,
      digestOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    ]),
    figures,
    steps: training.steps,
    model: digestOf(await readFile(path.join(dir, "model.safetensors"))),
    usage: digestOf(await readFile(path.join(dir, "usage.json"))),
    metrics: await timeless(dir),
  };
}

const kinds: [string, Partial<RunOptions>][] = [
  [
    "vq with k-means centres",
    { quantizer: { kind: "vq", codebookSize: 16, codeDim: 8, initialization: "kmeans" } },
  ],
  [
    "vq with moving averages, a weight average and no clipping",
    {
      quantizer: { kind: "vq", codebookSize: 16, codeDim: 8, codebook: "ema", initialization: "kmeans" },
      weightAverageDecay: 0.9,
      gradientClip: null,
    },
  ],
  ["rotation", { quantizer: { kind: "rotation", codebookSize: 16, codeDim: 8 }, threads: 1 }],
  [
    "simvq with AdamW",
    {
      quantizer: { kind: "simvq", codebookSize: 12, codeDim: 4 },
      optimizer: { kind: "adamw", weightDecay: 0.1 },
    },
  ],
  ["fsq", { quantizer: { kind: "fsq", levels: [5, 4, 3] }, usageWindow: 3 }],
];

describe("a run that goes on", () => {
  it.each(kinds)("ends in the bytes of one that was never interrupted: %s", async (name, changes) => {
    const [whole, parted] = ["whole", "parted"].map((kind) => path.join(runs, `${kind} ${name}`)) as [
      string,
      string,
    ];
    // 3 batches of 4 are an epoch and a half of 8 × 0.75 = 6 files: interruptions within epochs.
    const options = {
      ...changes,
      steps: 12,
      evaluateEvery: 4,
      checkpointEvery: 5,
      usageWindow: changes.usageWindow ?? 5,
    };
    await train(tinyRun(images, { ...options, out: whole }));
    await startTo(4, tinyRun(images, { ...options, out: parted }));
    expect(await goOn(parted, {}, ({ step }) => step === 8)).toEqual([5, 6, 7, 8]);
    expect(await goOn(parted)).toEqual([9, 10, 11, 12]);
    expect(await outcome(parted)).toEqual(await outcome(whole));
    expect((await logged(parted)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});
