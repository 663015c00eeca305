import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { OnnxBackend } from "../../src/backend/index.js";
import { readOnnxModel } from "../../src/backend/onnx/read-model.js";
import { InferenceSession } from "../../src/backend/onnxruntime.js";
import { collect, type DataRecord } from "../../src/backend/recording.js";
import { remakingOf } from "../../src/backend/remaking.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

const layers = 4;
const recordOf = ({ dataId }: tf.Tensor): DataRecord => (tf.backend() as OnnxBackend).recordOf(dataId);

/** SiLU of products, layer after layer, on maps of `rows` times 256: the gradients of all weights. */
function gradients(x: tf.Tensor2D, weights: readonly tf.Tensor2D[]): tf.Tensor[] {
  const loss = (...all: tf.Tensor[]) => {
    let map: tf.Tensor = x;
    for (const weight of all) {
      const product = tf.matMul(map as tf.Tensor2D, weight as tf.Tensor2D);
      map = tf.mul(product, tf.sigmoid(product));
    }
    return tf.sum(tf.square(map)) as tf.Scalar;
  };
  return tf.grads(loss)([...weights]);
}

async function operands(rows: number) {
  const x = tf.tensor2d(
    Float32Array.from({ length: rows * 256 }, (_, i) => Math.sin(i)),
    [rows, 256],
  );
  const weights = Array.from({ length: layers }, (_, layer) =>
    tf.tensor2d(
      Float32Array.from({ length: 256 * 256 }, (_, i) => Math.cos(i * (layer + 1)) / 8),
      [256, 256],
    ),
  );
  await Promise.all([x, ...weights].map((tensor) => tensor.data()));
  return { x, weights };
}

describe("tensors made again on the way back", () => {
  it("are large and follow cheaply from what is kept", async () => {
    const { x, weights } = await operands(4096); // maps of 2^20 numbers
    const made = tf.tidy(() => gradients(x, weights));
    const { operations, targets } = collect(made.map(recordOf));
    const { from, makers } = remakingOf(operations, targets);
    const kinds = [...makers.values()].map(({ kernel }) => kernel.name);
    // The gate and the activation of each layer, and what the loss multiplies the last one by.
    expect(kinds.filter((kind) => kind === "Sigmoid")).toHaveLength(layers);
    expect(new Set(kinds)).toEqual(new Set(["Sigmoid", "Multiply"]));
    for (const maker of makers.values()) expect(operations.indexOf(maker)).toBeLessThan(from);
    tf.dispose([x, ...weights, ...made]);
  });

  it("are none where maps are small", async () => {
    const { x, weights } = await operands(2048);
    const made = tf.tidy(() => gradients(x, weights));
    const { operations, targets } = collect(made.map(recordOf));
    expect(remakingOf(operations, targets).makers.size).toBe(0);
    tf.dispose([x, ...weights, ...made]);
  });

  it("give the gradients that kept ones give", async () => {
    const { x, weights } = await operands(4096);
    const half = (from: number) => tf.tidy(() => gradients(x.slice([from, 0], [2048, 256]), weights));
    const whole = tf.tidy(() => gradients(x, weights));
    const halves = [half(0), half(2048)] as const;
    for (let layer = 0; layer < layers; layer++) {
      const [all, first, second] = (await Promise.all(
        [whole, ...halves].map((of) => (of[layer] as tf.Tensor).data()),
      )) as [Float32Array, Float32Array, Float32Array];
      const largest = all.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const error = all.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (first[i] as number) - (second[i] as number))),
        0,
      );
      expect(error).toBeLessThan(1e-5 * largest);
    }
    tf.dispose([x, ...weights, ...whole, ...halves.flat()]);
  });

  it("are not taken by ONNX Runtime for those of the way there", async () => {
    const created = vi.spyOn(InferenceSession, "create");
    const { x, weights } = await operands(4096);
    const made = tf.tidy(() => gradients(x, weights));
    await Promise.all(made.map((gradient) => gradient.data()));
    const model = created.mock.lastCall?.[0] as unknown as Uint8Array;
    created.mockRestore();
    const folder = await mkdtemp(path.join(tmpdir(), "vqkit-remaking-"));
    const file = path.join(folder, "optimized.onnx");
    const session = await InferenceSession.create(model, {
      optimizedModelFilePath: file,
      logSeverityLevel: 4,
    });
    await session.release();
    const { nodes } = readOnnxModel(await readFile(file), file);
    const count = (kind: string) => nodes.filter(({ opType }) => opType === kind).length;
    // On the way there, where nothing else needs the gates, all but the last become one operator with their products. As
    // many are made again as there are layers.
    expect(count("QuickGelu")).toBe(layers - 1);
    expect(count("Sigmoid")).toBe(layers);
    tf.dispose([x, ...weights, ...made]);
    await rm(folder, { recursive: true });
  });
});
