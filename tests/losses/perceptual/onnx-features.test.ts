import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type Attributes,
  encodeModel,
  type OnnxBackend,
  OnnxNetwork,
  RecordedFunction,
  type TensorProto,
} from "../../../src/backend/index.js";
import { Random } from "../../../src/core/random.js";
import { OnnxFeatures } from "../../../src/losses/perceptual/onnx-features.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

let folder: string;
beforeAll(async () => {
  await useEngine();
  folder = await mkdtemp(path.join(tmpdir(), "vqkit-features-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const random = new Random(2, "features");

function constant(name: string, dims: readonly number[], low = -0.6): TensorProto {
  const size = dims.reduce((product, side) => product * side, 1);
  const values = random.fill(size, (r) => r.uniform(low, 1));
  return { name, type: "float32", dims, bytes: new Uint8Array(values.buffer) };
}

function scalar(name: string, value: number): TensorProto {
  return { name, type: "float32", dims: [], bytes: new Uint8Array(Float32Array.of(value).buffer) };
}

type Node = readonly [opType: string, inputs: readonly string[], output: string, attributes?: Attributes];

function model(
  nodes: readonly Node[],
  initializers: readonly TensorProto[],
  outputs: readonly string[],
): Uint8Array {
  const graph = {
    name: "features",
    nodes: nodes.map(([opType, inputs, output, attributes = {}]) => ({
      opType,
      inputs,
      outputs: [output],
      attributes,
    })),
    initializers,
    inputs: [{ name: "images", type: "float32" as const, dims: ["n", 3, "h", "w"] }],
    outputs: outputs.map((name) => ({ name, type: "float32" as const, dims: ["n", "c", "a", "b"] })),
  };
  return encodeModel(graph, { opset: 17, producer: "test" });
}

/** The parts of a mobile network: a strided convolution, a depthwise one, norms, a residual sum, pools, a gate. */
const everything = (): Uint8Array =>
  model(
    [
      ["Sub", ["images", "shift"], "shifted"],
      ["Div", ["shifted", "two"], "scaled"],
      ["Conv", ["scaled", "k1", "b1"], "c1", { strides: [2, 2], pads: [0, 1, 1, 0], kernel_shape: [3, 3] }],
      ["BatchNormalization", ["c1", "s", "o", "m", "v"], "n1", { epsilon: { float: 0.01 } }],
      ["Clip", ["n1", "zero", "six"], "r1"],
      ["Conv", ["r1", "k2"], "c2", { group: 4, pads: [1, 1, 1, 1], kernel_shape: [3, 3] }],
      ["Sigmoid", ["c2"], "g2"],
      ["Mul", ["c2", "g2"], "silu"],
      ["Add", ["silu", "r1"], "sum"],
      ["LeakyRelu", ["sum"], "leaky", { alpha: { float: 0.2 } }],
      ["MaxPool", ["leaky"], "max", { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 1, 1] }],
      ["AveragePool", ["leaky"], "mean", { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 1, 1] }],
      ["Concat", ["max", "mean"], "both", { axis: 1 }],
      ["GlobalAveragePool", ["both"], "squeezed"],
      ["HardSigmoid", ["squeezed"], "gate"],
      ["Mul", ["both", "gate"], "gated"],
      ["HardSwish", ["gated"], "swish"],
      ["Tanh", ["swish"], "tanh"],
    ],
    [
      constant("shift", [1, 3, 1, 1]),
      scalar("two", 2),
      scalar("zero", 0),
      scalar("six", 6),
      constant("k1", [4, 3, 3, 3]),
      constant("b1", [4]),
      constant("s", [4], 0.5),
      constant("o", [4]),
      constant("m", [4]),
      constant("v", [4], 0.4),
      constant("k2", [4, 1, 3, 3]),
    ],
    ["r1", "sum", "tanh"],
  );

const [batch, height, width] = [2, 9, 12];

async function opened() {
  const file = path.join(folder, "everything.onnx");
  const bytes = everything();
  await writeFile(file, bytes);
  return {
    features: await OnnxFeatures.open(file),
    runtime: await OnnxNetwork.load(bytes, { name: "everything" }),
  };
}

/** Images [N, H, W, 3] as ONNX Runtime takes them. */
function asInput(values: Float32Array): { readonly data: Float32Array; readonly dims: readonly number[] } {
  const data = new Float32Array(values.length);
  const area = height * width;
  for (let i = 0; i < values.length; i++) {
    const [n, at, c] = [Math.floor(i / (3 * area)), Math.floor(i / 3) % area, i % 3];
    data[(n * 3 + c) * area + at] = values[i] as number;
  }
  return { data, dims: [batch, 3, height, width] };
}

it("computes what ONNX Runtime computes, and its gradient", async () => {
  const { features, runtime } = await opened();
  const values = new Random(3, "image").fill(batch * height * width * 3, (r) => r.uniform(-1, 1));
  const images = tf.tensor4d(values, [batch, height, width, 3]);
  const expected = await runtime.run([asInput(values)]);
  const made = tf.tidy(() => features.features(images).map((each) => tf.transpose(each, [0, 3, 1, 2])));
  expect(made).toHaveLength(3);
  for (const [i, feature] of made.entries()) {
    expect(feature.shape).toEqual([...(expected[i]?.dims ?? [])]);
    const numbers = await feature.data();
    const worst = [...numbers].reduce(
      (most, each, at) => Math.max(most, Math.abs(each - (expected[i]?.data[at] as number))),
      0,
    );
    expect(worst).toBeLessThan(2e-6);
  }

  // Along one direction, by central differences of ONNX Runtime's sums.
  const direction = new Random(4, "direction").fill(values.length, (r) => r.normal());
  const sumAt = async (step: number) => {
    const moved = values.map((value, i) => value + step * (direction[i] as number));
    const outputs = await runtime.run([asInput(moved)]);
    return outputs.reduce((sum, { data }) => sum + data.reduce((a, b) => a + b, 0), 0);
  };
  const step = 2e-3;
  const slope = ((await sumAt(step)) - (await sumAt(-step))) / (2 * step);
  const sum = (x: tf.Tensor) =>
    features
      .features(x as tf.Tensor4D)
      .map((each) => tf.sum(each))
      .reduce((a, b) => tf.add(a, b));
  const gradient = Array.from(await tf.grad(sum)(images).data());
  const along = gradient.reduce((total, each, i) => total + each * (direction[i] as number), 0);
  expect(Math.abs(along - slope) / Math.abs(slope)).toBeLessThan(0.01);
  features.dispose();
  await runtime.release();
});

it("leaves nothing to be computed later: a recorded step would change when it is", async () => {
  const held = () => (tf.backend() as OnnxBackend).memory().numBytesHeld;
  const before = held();
  const { features, runtime } = await opened();
  expect(held()).toBe(before);
  const images = tf.zeros<tf.Rank.R4>([batch, height, width, 3]);
  const recorded = new RecordedFunction(({ x }: { x: tf.Tensor4D }) => ({
    sum: tf.addN(features.features(x).map((each) => tf.sum(each))),
  }));
  for (let call = 0; call < 3; call++) tf.dispose(await recorded.call({ x: images }));
  expect(recorded.repeats({ x: images })).toBe(true);
  tf.dispose(images);
  features.dispose();
  await runtime.release();
});

it("names an operator that it does not know, and a file that is no model", async () => {
  const file = path.join(folder, "odd.onnx");
  await writeFile(file, model([["Softmax", ["images"], "s"]], [], ["s"]));
  await expect(OnnxFeatures.open(file)).rejects.toMatchObject({
    code: "format",
    message: expect.stringMatching(/Softmax/),
  });
  await writeFile(file, Uint8Array.of(255, 255, 255, 1, 2));
  await expect(OnnxFeatures.open(file)).rejects.toMatchObject({
    code: "runtime",
    message: expect.stringMatching(/refused/),
  });
});
