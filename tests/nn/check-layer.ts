import { expect } from "vitest";
import { freezeTensors, GraphWriter, InferenceSession, OrtTensor } from "../../src/backend/index.js";
import { Random } from "../../src/core/random.js";
import { type ImageValue, inLayout, type Layer, type MapSize, Network } from "../../src/nn/index.js";
import * as tf from "../../src/tf/index.js";
import { type Grid, gridOf, type Numbers, randomGrid } from "./grids.js";

/** A layer and what plain loops make of it. */
export interface LayerCase {
  readonly layer: Layer;
  /** [N, H, W, C]; neither square nor, where the layer allows it, even. */
  readonly input: Grid["shape"];
  readonly reference: (input: Grid, weights: Numbers) => Grid;
  /** FLOP for one image, derived in the table. */
  readonly flop: number;
  /** How far the exported graph may be from the engine, with a reason in the table; by default not at all. */
  readonly exportTolerance?: number;
}

/** Every parameter at values that a test would miss if they were not used: none is 0 or 1, and no two are equal. */
export function networkOf(layer: Layer): { network: Network; weights: Map<string, Float32Array> } {
  const weights = new Map(
    layer.parameters.map(({ name, shape }) => {
      const random = new Random(1, name);
      const low = name.endsWith("/variance") || name.endsWith("/scale") ? 0.5 : -0.7;
      return [name, random.fill(tf.util.sizeFromShape([...shape]), (r) => r.uniform(low, 1.3))] as const;
    }),
  );
  const values = new Map(
    layer.parameters.map(({ name, shape }) => [name, { shape, data: weights.get(name) as Float32Array }]),
  );
  return { network: Network.create(layer, { weights: values }), weights };
}

export function tensorOf({ shape, values }: Grid): tf.Tensor4D {
  return tf.tensor4d(Float32Array.from(values), [...shape]);
}

/** Values, and the size and cost that the layer tells beforehand. */
export async function checkValues({ layer, input, reference, flop }: LayerCase): Promise<void> {
  const { network, weights } = networkOf(layer);
  const x = randomGrid(input, 2);
  const expected = reference(x, weights);
  const made = network.apply(tensorOf(x));
  expect(made.shape).toEqual([...expected.shape]);
  expect(layer.cost(input.slice(1) as unknown as MapSize)).toEqual({ flop, output: expected.shape.slice(1) });
  expectClose(await made.data(), expected.values, 1e-5);
  network.dispose();
}

/**
 * Gradients of a weighted sum of the output, to the image and to every parameter that learns, at some places of each,
 * against central differences of the plain loops.
 */
export async function checkGradients(
  { layer, input, reference }: LayerCase,
  apply: (network: Network, x: tf.Tensor4D) => tf.Tensor4D = (network, x) => network.apply(x),
): Promise<void> {
  const { network, weights } = networkOf(layer);
  const x = randomGrid(input, 3);
  const direction = randomGrid(reference(x, weights).shape, 4);
  const lossAt = (image: Grid, changed: Numbers) => {
    const { values } = reference(image, changed);
    return values.reduce((total, value, i) => total + value * (direction.values[i] as number), 0);
  };
  const step = 1e-4;
  const slope = (at: (offset: number) => number) => (at(step) - at(-step)) / (2 * step);
  const moved = (values: ArrayLike<number>, index: number, offset: number) => {
    const copy = Float64Array.from(values);
    copy[index] = (copy[index] as number) + offset;
    return copy;
  };

  const learning = [...network.variables()].filter(([, variable]) => variable.trainable);
  const names = learning.map(([name]) => name);
  const loss = (image: tf.Tensor, ...variables: tf.Tensor[]) => {
    void variables;
    return tf.sum(tf.mul(apply(network, image as tf.Tensor4D), tensorOf(direction))) as tf.Scalar;
  };
  const image = tensorOf(x);
  const [toImage, ...toVariables] = tf.grads(loss)([image, ...learning.map(([, variable]) => variable)]);
  const random = new Random(5, "places");
  const places = (size: number) => Array.from({ length: 5 }, () => random.integer(size));

  const imageGradient = await (toImage as tf.Tensor).data();
  for (const index of places(x.values.length)) {
    const expected = slope((offset) => lossAt({ ...x, values: moved(x.values, index, offset) }, weights));
    expectClose([imageGradient[index] as number], [expected], 2e-4);
  }
  for (const [i, name] of names.entries()) {
    const gradient = await (toVariables[i] as tf.Tensor).data();
    const values = weights.get(name) as Float32Array;
    for (const index of places(values.length)) {
      const expected = slope((offset) =>
        lossAt(x, new Map<string, ArrayLike<number>>(weights).set(name, moved(values, index, offset))),
      );
      expectClose([gradient[index] as number], [expected], 2e-4);
    }
  }
  network.dispose();
}

/**
 * The exported graph, open in batch, height and width, at two sizes: bit for bit what the engine computes with weights
 * that stay, and close to it where the image comes in the other memory layout.
 */
export async function checkExport({
  layer,
  input: [, height, width, channels],
  exportTolerance = 0,
}: LayerCase): Promise<void> {
  const { network, weights } = networkOf(layer);
  freezeTensors(network.variables().values());
  const values = new Map(
    layer.parameters.map(({ name, shape }) => [name, { shape, data: weights.get(name) as Float32Array }]),
  );
  const open = await graphOf(layer, values, { channels, layout: "NHWC" });
  const turned = await graphOf(layer, values, { channels, layout: "NCHW" });
  for (const shape of [
    [1, height, width, channels],
    [3, 2 * height, width, channels],
  ] as const) {
    const x = randomGrid(shape, 6);
    const live = network.apply(tensorOf(x));
    const expected = await live.data();
    const input = Float32Array.from(x.values);
    const result = await open.run({ x: new OrtTensor("float32", input, shape) });
    expect(result.y?.dims).toEqual(live.shape);
    expectClose(result.y?.data as Float32Array, expected, exportTolerance);
    const [n, h, w, c] = shape;
    const planes = gridOf([n, c, h, w], (image, channel, row, column) => {
      return x.values[((image * h + row) * w + column) * c + channel] as number;
    });
    const other = await turned.run({
      x: new OrtTensor("float32", Float32Array.from(planes.values), [n, c, h, w]),
    });
    expectClose(other.y?.data as Float32Array, expected, 1e-5);
    live.dispose();
  }
  await Promise.all([open.release(), turned.release()]);
  network.dispose();
}

async function graphOf(
  layer: Layer,
  weights: Parameters<Layer["onnx"]>[2],
  { channels, layout }: Pick<ImageValue, "channels" | "layout">,
): Promise<InferenceSession> {
  const g = new GraphWriter();
  const dims = layout === "NHWC" ? ["n", "h", "w", channels] : ["n", channels, "h", "w"];
  const name = g.input("x", "float32", dims);
  const made = layer.onnx(g, { name, layout, channels, grid: "input", scale: 1 }, weights);
  g.output("y", inLayout(g, made, "NHWC"), { type: "float32", dims: ["n", "h2", "w2", made.channels] });
  return InferenceSession.create(g.encode("layer"), { intraOpNumThreads: 1 });
}

/** Within `tolerance` of the larger of 1 and the value; NaN is not close to anything. */
export function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [found[i] as number, expected[i] as number];
    const isClose = Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
    if (!isClose) expect.fail(`element ${i}: expected ${b}, got ${a}`);
  }
}
