import { readdir } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/files/index.js";
import { registerQuantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { codes, scaledQuantizer } from "../quantizers/scaled-quantizer.js";
import { timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(async () => {
  await useEngine();
  registerQuantizer(scaledQuantizer("scaled", true));
  registerQuantizer(scaledQuantizer("scaled-recorded", false));
});

const options = (out: string, changes: object = {}) =>
  tinyRun(images, {
    out,
    quantizer: { kind: "scaled" },
    evaluateUntrained: false,
    reconstructionStrips: 0,
    ...changes,
  });

/** Trains, and changes the quantizer when this step has been made. @returns the error, and the last step made */
async function trainedUntil(
  changedAt: number,
  run: ReturnType<typeof options>,
): Promise<{ error: unknown; last: number }> {
  codes.scale = 1;
  const trainer = await Trainer.create(run);
  let last = 0;
  try {
    for await (const { step } of trainer.run()) {
      last = step;
      if (step === changedAt) codes.scale = 1.5;
    }
    return { error: undefined, last };
  } catch (error) {
    return { error, last };
  } finally {
    trainer.dispose();
    codes.scale = 1;
  }
}

describe("a quantizer that says it is repeatable and is not", () => {
  it.each([
    // Recorded are steps 1, 2, 19, 52 … and those whose checkpoint is due.
    ["at once", 3, { steps: 40, checkpointEvery: null }, { known: 2, found: 19, saved: [] }],
    ["later", 30, { steps: 60, checkpointEvery: null }, { known: 19, found: 52, saved: [] }],
    [
      "before a checkpoint",
      22,
      { steps: 60, checkpointEvery: 10 },
      { known: 20, found: 30, saved: [10, 20] },
    ],
    ["before the end", 24, { steps: 28, checkpointEvery: null }, { known: 19, found: 28, saved: [] }],
  ])(
    "ends the run with an error that says which steps are right: it changes %s",
    async (name, at, changes, expected) => {
      const out = path.join(runs, name);
      const before = tf.memory().numTensors;
      const { error, last } = await trainedUntil(at, options(out, changes));
      expect(last).toBe(expected.found - 1);
      expect(error).toMatchObject({
        name: "VqkitError",
        code: "run",
        message: expect.stringMatching(
          new RegExp(
            `^step ${expected.found}: [^\\n]*"scaled"[^\\n]*of step ${expected.known}, got others[^\\n]*up to step ${expected.known}\\.$`,
          ),
        ),
      });
      const checkpoints = await readdir(path.join(out, "checkpoints")).catch(() => []);
      expect(checkpoints.map((file) => Number.parseInt(file.slice(5), 10))).toEqual(expected.saved);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it("trains on where it does not say so", async () => {
    const { error, last } = await trainedUntil(
      22,
      options(path.join(runs, "honest"), { steps: 26, quantizer: { kind: "scaled-recorded" } }),
    );
    expect([error, last]).toEqual([undefined, 26]);
  });
});

it("a repeatable quantizer trains to the bytes that it has when every step is recorded", async () => {
  const [repeated, recorded] = ["scaled", "scaled-recorded"].map((kind) => path.join(runs, `whole ${kind}`));
  const changes = { steps: 30, checkpointEvery: 25 };
  await train(options(repeated as string, changes));
  await train(options(recorded as string, { ...changes, quantizer: { kind: "scaled-recorded" } }));
  expect(await timeless(repeated as string)).toBe(await timeless(recorded as string));
  const [a, b] = await Promise.all(
    [repeated, recorded].map((dir) => readSafetensors(path.join(dir as string, "model.safetensors"))),
  );
  expect(a?.tensors.size).toBeGreaterThan(10);
  expect(a?.tensors).toEqual(b?.tensors);
});
