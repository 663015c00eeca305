import { expect } from "vitest";
import { freezeTensors, GraphWriter, InferenceSession, OrtTensor } from "../../src/backend/index.js";
import { Random } from "../../src/core/random.js";
import {
  type ImageValue,
  inLayout,
  type Layer,
  type MapSize,
  Network,
  type NetworkInputs,
} from "../../src/nn/index.js";
import * as tf from "../../src/tf/index.js";
import { type Grid, gridOf, type Numbers, randomGrid } from "./grids.js";

/** A layer and what plain loops make of it. */
export interface LayerCase {
  readonly layer: Layer;
  /** [N, H, W, C]; neither square nor, where the layer allows it, even. */
  readonly input: Grid["shape"];
  readonly reference: (input: Grid, weights: Numbers, codes: Grid) => Grid;
  /** Side of the input ÷ side of the codes' grid, and their channels, for a layer that takes codes. */
  readonly codes?: { readonly scale: number; readonly codeDim: number };
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

/** The codes that go with an input; of one number where the layer takes none. */
function codesFor(
  { codes }: Pick<LayerCase, "codes">,
  [batch, height, width]: readonly number[],
  seed: number,
): Grid {
  if (codes === undefined) return randomGrid([1, 1, 1, 1], seed);
  const { scale, codeDim } = codes;
  return randomGrid([batch as number, (height as number) / scale, (width as number) / scale, codeDim], seed);
}

function given(each: Pick<LayerCase, "codes">, codes: Grid): NetworkInputs {
  return each.codes === undefined ? {} : { codes: tensorOf(codes) };
}

/** Values, and the size and cost that the layer tells beforehand. */
export async function checkValues(each: LayerCase): Promise<void> {
  const { layer, input, reference, flop } = each;
  const { network, weights } = networkOf(layer);
  const x = randomGrid(input, 2);
  const codes = codesFor(each, input, 12);
  const expected = reference(x, weights, codes);
  const made = network.apply(tensorOf(x), given(each, codes));
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
  each: LayerCase,
  apply: (network: Network, x: tf.Tensor4D, given: NetworkInputs) => tf.Tensor4D = (network, x, inputs) =>
    network.apply(x, inputs),
): Promise<void> {
  const { layer, input, reference } = each;
  const { network, weights } = networkOf(layer);
  const x = randomGrid(input, 3);
  const codes = codesFor(each, input, 13);
  const direction = randomGrid(reference(x, weights, codes).shape, 4);
  const lossAt = (image: Grid, changed: Numbers, codesThen = codes) => {
    const { values } = reference(image, changed, codesThen);
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
  const takesCodes = each.codes !== undefined;
  const loss = (image: tf.Tensor, codeTensor: tf.Tensor, ...variables: tf.Tensor[]) => {
    void variables;
    const inputs = takesCodes ? { codes: codeTensor as tf.Tensor4D } : {};
    const made = tf.sum(tf.mul(apply(network, image as tf.Tensor4D, inputs), tensorOf(direction)));
    // A function of all that it is differentiated by.
    return tf.add(made, takesCodes ? 0 : tf.mul(0, tf.sum(codeTensor))) as tf.Scalar;
  };
  const [toImage, toCodes, ...toVariables] = tf.grads(loss)([
    tensorOf(x),
    tensorOf(codes),
    ...learning.map(([, variable]) => variable),
  ]);
  const random = new Random(5, "places");
  const places = (size: number) => Array.from({ length: 5 }, () => random.integer(size));

  const imageGradient = await (toImage as tf.Tensor).data();
  for (const index of places(x.values.length)) {
    const expected = slope((offset) => lossAt({ ...x, values: moved(x.values, index, offset) }, weights));
    expectClose([imageGradient[index] as number], [expected], 2e-4);
  }
  if (takesCodes) {
    const codeGradient = await (toCodes as tf.Tensor).data();
    for (const index of places(codes.values.length)) {
      const expected = slope((offset) =>
        lossAt(x, weights, { ...codes, values: moved(codes.values, index, offset) }),
      );
      expectClose([codeGradient[index] as number], [expected], 2e-4);
    }
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
export async function checkExport(each: LayerCase): Promise<void> {
  const {
    layer,
    input: [, height, width, channels],
    exportTolerance = 0,
  } = each;
  const { network, weights } = networkOf(layer);
  freezeTensors(network.variables().values());
  const values = new Map(
    layer.parameters.map(({ name, shape }) => [name, { shape, data: weights.get(name) as Float32Array }]),
  );
  const parts = { channels, ...(each.codes === undefined ? {} : { codes: each.codes }) };
  const open = await graphOf(layer, values, { ...parts, layout: "NHWC" });
  const turned = await graphOf(layer, values, { ...parts, layout: "NCHW" });
  for (const shape of [
    [1, height, width, channels],
    [3, 2 * height, width, channels],
  ] as const) {
    const x = randomGrid(shape, 6);
    const codes = codesFor(each, shape, 16);
    const live = network.apply(tensorOf(x), given(each, codes));
    const expected = await live.data();
    const feeds = (layout: ImageValue["layout"]) => ({
      x: fed(x, layout),
      ...(each.codes === undefined ? {} : { codes: fed(codes, layout) }),
    });
    const result = await open.run(feeds("NHWC"));
    expect(result.y?.dims).toEqual(live.shape);
    expectClose(result.y?.data as Float32Array, expected, exportTolerance);
    const other = await turned.run(feeds("NCHW"));
    expectClose(other.y?.data as Float32Array, expected, 1e-5);
    live.dispose();
  }
  await Promise.all([open.release(), turned.release()]);
  network.dispose();
}

function fed(grid: Grid, layout: ImageValue["layout"]): OrtTensor {
  const [n, h, w, c] = grid.shape;
  if (layout === "NHWC") return new OrtTensor("float32", Float32Array.from(grid.values), grid.shape);
  const planes = gridOf([n, c, h, w], (image, channel, row, column) => {
    return grid.values[((image * h + row) * w + column) * c + channel] as number;
  });
  return new OrtTensor("float32", Float32Array.from(planes.values), [n, c, h, w]);
}

async function graphOf(
  layer: Layer,
  weights: Parameters<Layer["onnx"]>[2],
  { channels, layout, codes }: Pick<ImageValue, "channels" | "layout"> & Pick<LayerCase, "codes">,
): Promise<InferenceSession> {
  const g = new GraphWriter();
  const dims = (c: number, grid = "") =>
    layout === "NHWC" ? ["n", `h${grid}`, `w${grid}`, c] : ["n", c, `h${grid}`, `w${grid}`];
  const x = { name: g.input("x", "float32", dims(channels)), layout, channels, grid: "input" };
  const made =
    codes === undefined
      ? layer.onnx(g, { ...x, scale: 1 }, weights)
      : layer.onnx(g, { ...x, scale: codes.scale }, weights, {
          codes: {
            name: g.input("codes", "float32", dims(codes.codeDim, " of codes")),
            layout,
            channels: codes.codeDim,
            grid: "input",
            scale: 1,
          },
        });
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
