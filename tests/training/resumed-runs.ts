/** Runs that are interrupted and resumed, and what they leave. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { readSafetensors } from "../../src/files/index.js";
import { type ResumeOptions, type RunOptions, type StepMetrics, Trainer } from "../../src/training/index.js";
import { digestOf, logged, timeless, tinyRun, train } from "./tiny-runs.js";

/** Goes on with a run, to its end or until `until` says so. */
export async function resumeRun(
  dir: string,
  changes: ResumeOptions = {},
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
export async function startTo(step: number, options: RunOptions): Promise<void> {
  const trainer = await Trainer.create(options);
  for await (const metrics of trainer.run()) if (metrics.step === step) break;
  trainer.dispose();
}

async function digestsIn(dir: string): Promise<[name: string, digest: string][]> {
  const names = (await readdir(dir)).sort();
  return Promise.all(names.map(async (name) => [name, digestOf(await readFile(path.join(dir, name)))]));
}

/** Digests of all that must not depend on an interruption. */
export async function outcome(dir: string): Promise<Record<string, unknown>> {
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
    timeline: digestOf(await readFile(path.join(dir, "timeline.vqt"))),
    strips: await digestsIn(path.join(dir, "reconstructions")),
    metrics: await timeless(dir),
  };
}

interface Place {
  readonly images: string;
  readonly runs: string;
  readonly name: string;
}

/** Trains twice, once without and once with two interruptions, and compares all that both leave. */
export async function expectSameBytes(
  { images, runs, name }: Place,
  changes: Partial<RunOptions>,
): Promise<void> {
  const [whole, parted] = ["whole", "parted"].map((kind) => path.join(runs, `${kind} ${name}`)) as [
    string,
    string,
  ];
  // 3 batches of 4 are an epoch and a half of 8 × 0.75 = 6 files: interruptions within epochs.
  const options = {
    ...changes,
    steps: changes.steps ?? 12,
    evaluateEvery: 4,
    checkpointEvery: 5,
    usageWindow: changes.usageWindow ?? 5,
  };
  await train(tinyRun(images, { ...options, out: whole }));
  await startTo(4, tinyRun(images, { ...options, out: parted }));
  expect(await resumeRun(parted, {}, ({ step }) => step === 8)).toEqual([5, 6, 7, 8]);
  const steps = Array.from({ length: options.steps }, (_, i) => i + 1);
  expect(await resumeRun(parted)).toEqual(steps.slice(8));
  expect(await outcome(parted)).toEqual(await outcome(whole));
  expect((await logged(parted)).map(({ step }) => step)).toEqual(steps);
}
