import { cp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { readSafetensors } from "../../src/files/index.js";
import { type RunOptions, Trainer } from "../../src/training/index.js";
import { digestOf, drained, timeless, tinyRun } from "./tiny-runs.js";

/** A tiny run against a discriminator of two halvings, without what these tests do not look at. */
export function adversarialRun(
  images: string,
  adversarial: object,
  changes: Partial<RunOptions> = {},
): RunOptions {
  const discriminator = { width: 4, layers: 2, ...(adversarial as { discriminator?: object }).discriminator };
  return tinyRun(images, {
    steps: 9,
    checkpointEvery: 1,
    evaluateUntrained: false,
    timelineRecords: 0,
    reconstructionStrips: 0,
    objectives: { adversarial: { ...adversarial, discriminator } },
    ...changes,
  });
}

/** Digests of all tensors of the checkpoint of a step, by name. */
export async function checkpointOf(dir: string, step: number): Promise<Record<string, string>> {
  const names = await readdir(path.join(dir, "checkpoints"));
  const name = names.find((each) => Number(each.slice(5, 13)) === step) as string;
  const { tensors } = await readSafetensors(path.join(dir, "checkpoints", name));
  return Object.fromEntries(
    [...tensors].map(([key, { data }]) => [
      key,
      digestOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    ]),
  );
}

/**
 * Trains a run, and one for each step at which it is killed and resumed; expects the same bytes of all.
 *
 * @param killed steps after which a process is gone
 */
export async function expectSameBytes(options: RunOptions, killed: readonly number[]): Promise<void> {
  const whole = options.out as string;
  const copyOf = (step: number) => `${whole}, killed after ${step}`;
  const trainer = await Trainer.create(options);
  for await (const { step } of trainer.run()) {
    if (killed.includes(step)) await cp(whole, copyOf(step), { recursive: true });
  }
  trainer.dispose();
  const steps = trainer.config.steps;
  const expected = await checkpointOf(whole, steps);
  for (const step of killed) {
    const dir = copyOf(step);
    await rm(path.join(dir, ".vqkit.lock"));
    const resumed = await Trainer.resume(dir);
    // The checkpoint of a step is written before the loop has it.
    expect(resumed.resumed?.step).toBe(step);
    await drained(resumed.run());
    resumed.dispose();
    expect(await checkpointOf(dir, steps), `killed after ${step}`).toEqual(expected);
    expect(await timeless(dir), `killed after ${step}`).toBe(await timeless(whole));
  }
}
