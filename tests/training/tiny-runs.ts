import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll } from "vitest";
import { Random } from "../../src/core/random.js";
import type { TensorMap } from "../../src/files/index.js";
import type { WeightValue } from "../../src/nn/index.js";
import { type RunOptions, type StepMetrics, Trainer, timingFields } from "../../src/training/index.js";

/** A folder that is removed when the test file is done. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "vqkit-training-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes smooth images with a bright rectangle each; every one differs, and there is something to learn in them. */
export async function writeImages(folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const random = new Random(i, "training image");
    const [width, height] = [26 + random.integer(8), 20 + random.integer(8)];
    const [left, top] = [random.integer(width - 8), random.integer(height - 8)];
    const colour = [0, 1, 2].map(() => random.integer(256));
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, at) => {
      const channel = at % 3;
      const x = Math.floor(at / 3) % width;
      const y = Math.floor(at / 3 / width);
      const inside = x >= left && x < left + 8 && y >= top && y < top + 8;
      return inside ? (colour[channel] as number) : 40 + ((channel + 1) * 3 * x + 4 * y) / 3;
    });
    await sharp(pixels, { raw: { height, width, channels: 3 } })
      .png()
      .toFile(path.join(folder, `image${String(i).padStart(2, "0")}.png`));
  }
}

/** Folders of a test file that trains: eight images, and where runs go. */
export interface Folders {
  readonly images: string;
  readonly runs: string;
}

export async function tinyFolders(): Promise<Folders> {
  const [images, runs] = [await temporaryFolder(), await temporaryFolder()];
  await writeImages(images, 8);
  return { images, runs };
}

/** The smallest run that has every part: 12×16 crops, a latent grid of 6×8, two residual blocks. */
export function tinyRun(folder: string, changes: Partial<RunOptions> = {}): RunOptions {
  return {
    model: { preset: "tiny", downsamplingFactor: 2, baseWidth: 8, residualBlocks: 1, latentChannels: 8 },
    quantizer: { kind: "vq", codebookSize: 16, codeDim: 8 },
    recipe: "paper",
    data: { images: folder, cropSize: [12, 16], heldOut: 0.25, evaluationCropsPerImage: 2 },
    threads: 1,
    steps: 6,
    batchSize: 4,
    learningRate: 4e-3,
    warmupSteps: 2,
    ...changes,
  };
}

/** Trains to the end and frees the model. */
export async function train(options: RunOptions): Promise<{ trainer: Trainer; steps: StepMetrics[] }> {
  const trainer = await Trainer.create(options);
  const steps: StepMetrics[] = [];
  try {
    for await (const metrics of trainer.run()) steps.push(metrics);
  } finally {
    trainer.dispose();
  }
  return { trainer, steps };
}

export async function logged(dir: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path.join(dir, "metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The log without what may differ between equal runs. */
export async function timeless(dir: string): Promise<string> {
  const lines = await logged(dir);
  for (const line of lines) for (const field of timingFields) delete line[field];
  return lines.map((line) => JSON.stringify(line)).join("\n");
}

export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Weights out of a file as the model takes them. */
export function asWeights(tensors: TensorMap): Map<string, WeightValue> {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => {
      if (!(data instanceof Float32Array)) throw new TypeError(`${name}: expected float32`);
      return [name, { shape, data }];
    }),
  );
}

/** Runs an iteration to its end. */
export async function drained<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
