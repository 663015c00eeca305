/** Runs of models of which parts are frozen. */
import path from "node:path";
import { expect } from "vitest";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import type { RunOptions } from "../../src/training/index.js";
import { type Folders, tinyRun, train } from "./tiny-runs.js";

/** A VQGAN of two stages with attention, whose codes have other channels than its latents: there are projections. */
export const model = {
  preset: "vqgan" as const,
  downsamplingFactor: 2 as const,
  baseWidth: 4,
  widthMultipliers: [1, 2],
  residualBlocks: 1,
  latentChannels: 6,
};
export const quantizer = {
  kind: "vq",
  codebookSize: 16,
  codeDim: 5,
  codebook: "ema",
  initialization: "kmeans",
};

/** A part of a model that can be frozen. */
export type Part = "encoder" | "codebook" | "decoder";

const parts: Readonly<Record<Part, RegExp>> = {
  encoder: /^(encoder|projection\/in)\//,
  codebook: /^quantizer\//,
  decoder: /^(decoder|projection\/out)\//,
};

/** Trains the run that the others start from. */
export async function trainSource({ images, runs }: Folders): Promise<void> {
  const out = path.join(runs, "source");
  await train(tinyRun(images, { model, quantizer, out, steps: 3, evaluateUntrained: false }));
}

/** What training may move without gradients moves here too: decay of weights, moving averages, averaged weights. */
export function fromSource({ images, runs }: Folders, changes: Partial<RunOptions>): RunOptions {
  const from = path.join(runs, "source");
  const { model: _model, quantizer: _quantizer, ...rest } = tinyRun(images, { from, steps: 4 });
  const optimizer = { weightDecay: 0.1 };
  return { ...rest, optimizer, weightAverageDecay: 0.5, evaluateUntrained: false, ...changes } as RunOptions;
}

async function savedWeights(dir: string): Promise<Map<string, Float32Array>> {
  const { weights } = await (await RunFolder.open(dir)).readModel();
  return new Map([...weights].map(([name, { data }]) => [name, data as Float32Array]));
}

/** That `freeze` stay as they are, to the last bit, and all others learn. @returns the run's folder */
export async function expectFrozen(folders: Folders, freeze: readonly Part[]): Promise<string> {
  const others = (Object.keys(parts) as Part[]).filter((part) => !freeze.includes(part));
  const out = path.join(folders.runs, freeze.join(" "));
  const before = tf.memory().numTensors;
  await train(fromSource(folders, { freeze: [...freeze], out }));
  expect(tf.memory().numTensors).toBe(before);
  const [now, then] = [await savedWeights(out), await savedWeights(path.join(folders.runs, "source"))];
  const kept = (part: Part) =>
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
  return out;
}
