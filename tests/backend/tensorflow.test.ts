import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { engineStatuses, selectEngine } from "../../src/backend/index.js";
import { loadTensorFlow, useTensorFlow } from "../../src/backend/tensorflow.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

/** Whether the file is there that tfjs-node loads; one that is there and does not load is to fail these tests. */
function bindingIsThere(): boolean {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve("@tensorflow/tfjs-node/package.json");
    const { find } = createRequire(manifest)("@mapbox/node-pre-gyp") as { find: (file: string) => string };
    return existsSync(find(manifest));
  } catch {
    return false;
  }
}

const binding = bindingIsThere();
const needed = "needs tfjs-node's native binding: node tools/build-tfjs-node.mjs";

beforeAll(useEngine);

describe.skipIf(binding)("without tfjs-node's native binding", () => {
  test("loading it says in one line what is missing and what to do", async () => {
    const error = await loadTensorFlow().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "BackendError", code: "runtime" });
    const { message } = error as Error;
    // One line from beginning to end: "." matches no line break.
    expect(message).toMatch(
      /^Engine "tensorflow" is not usable: .*[Uu]se ONNX Runtime \(option engine: "onnxruntime"\)\.$/,
    );
  });

  test("asking for it, or about it, leaves the engine in use", async () => {
    await expect(selectEngine({ engine: "tensorflow", threads: 1 })).rejects.toMatchObject({
      code: "runtime",
    });
    const statuses = await engineStatuses();
    expect(statuses.map(({ name, usable }) => [name, usable])).toEqual([
      ["onnxruntime", true],
      ["tensorflow", false],
    ]);
    expect(tf.getBackend()).toBe("onnxruntime");
  });
});

describe.skipIf(!binding)(`with tfjs-node's native binding (${needed})`, () => {
  test("asking about it tells its versions and leaves the engine in use", async () => {
    const status = (await engineStatuses()).find(({ name }) => name === "tensorflow");
    expect(status).toMatchObject({ usable: true, reason: null });
    expect(status?.version).toMatch(/^4\.\d+\.\d+ \(libtensorflow 2\.\d+\.\d+\)$/);
    expect(tf.getBackend()).toBe("onnxruntime");
  });

  test("computes with the threads it was loaded with, and says so", async () => {
    const first = await useTensorFlow(1);
    const second = await useTensorFlow(first.threads + 3);
    expect(second.threads).toBe(first.threads);
    expect(tf.getBackend()).toBe("tensorflow");
    await useEngine();
    expect(tf.getBackend()).toBe("onnxruntime");
  });
});

type Losses = Readonly<Record<string, number>>;

const execute = promisify(execFile);
const program = fileURLToPath(new URL("tensorflow-training.mjs", import.meta.url));

async function lossesOf(engine: string, kind: string): Promise<readonly Losses[]> {
  const { stdout } = await execute(process.execPath, [program, engine, kind]);
  const result = JSON.parse(stdout) as { engine: string; steps: Losses[] };
  expect(result.engine).toBe(engine);
  return result.steps;
}

/** The largest relative difference of any loss in any step. */
function largestDifference(ours: readonly Losses[], theirs: readonly Losses[]): number {
  const differences = ours.flatMap((losses, step) =>
    Object.entries(losses).map(([name, value]) => {
      const other = theirs[step]?.[name] ?? Number.NaN;
      return value === other ? 0 : Math.abs(value - other) / Math.abs(value);
    }),
  );
  return Math.max(...differences);
}

describe.skipIf(!binding)(`20 steps with the same seed on both engines (${needed})`, () => {
  test.each(["vq", "rotation", "simvq", "fsq"])("%s: every loss agrees to 1e-4", async (kind) => {
    const ours = await lossesOf("onnxruntime", kind);
    const theirs = await lossesOf("tensorflow", kind);
    expect(ours.length).toBe(20);
    expect(theirs.map(Object.keys)).toEqual(ours.map(Object.keys));
    expect(largestDifference(ours, theirs)).toBeLessThan(1e-4);
    // Two runs of one engine agree to the last bit; these do not, so two engines were compared.
    expect(theirs).not.toEqual(ours);
    // There was something to agree on: training changed the losses by far more than that.
    const [first, last] = [ours[0]?.reconstructionLoss ?? 0, ours[19]?.reconstructionLoss ?? 0];
    expect(Math.abs(first - last) / first).toBeGreaterThan(0.1);
  });
});
