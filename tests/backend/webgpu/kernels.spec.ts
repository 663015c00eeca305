import { beforeAll, describe, expect, it } from "vitest";
import { selectEngine } from "../../../src/backend/index.js";
import * as tf from "../../../src/tf/index.js";
import { type Case, compareWithCpu, gradients, integers, normal, positive } from "../compare.js";

const tolerance = 1e-4;
const image = (channels = 3) => normal([2, 6, 10, channels], "image") as tf.Tensor4D;

function withGradients(f: (...xs: tf.Tensor[]) => tf.Tensor, ...inputs: tf.Tensor[]): tf.Tensor[] {
  return [f(...inputs), ...gradients(f, inputs)];
}

function convolution(filter: number[], stride: number, pad: "same" | "valid"): Case {
  const f = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad);
  return [
    `convolution [${filter}], stride ${stride}, ${pad}, and its gradients`,
    () => withGradients(f as never, image(filter[2]), normal(filter, "filter")),
    tolerance,
  ];
}

const plain: Case[] = [
  [
    "arithmetic that broadcasts",
    () =>
      image()
        .mul(normal([3]))
        .sub(1.5)
        .div(positive([6, 1, 3])),
  ],
  [
    "exp, log, sqrt, tanh, sigmoid, erf",
    () => [
      image().exp(),
      positive([3, 7]).log(),
      positive([3, 7]).sqrt(),
      image().tanh(),
      image().sigmoid(),
      image().erf(),
    ],
  ],
  [
    "relu, elu, selu, leakyRelu, softplus",
    () => [image().relu(), image().elu(), image().selu(), image().leakyRelu(0.3), image().softplus()],
  ],
  [
    "clipping and rounding half to even",
    () => [image().clipByValue(-0.3, 0.8), tf.tensor([-2.5, -1.5, 0.5, 1.5, 2.5]).round()],
  ],
  [
    "integers",
    () => [
      integers([4, 5], 9).mul(integers([4, 5], 7, 1)),
      integers([4, 5], 90).floorDiv(tf.scalar(7, "int32")),
      integers([4, 5], 9).sum(1),
    ],
  ],
  [
    "comparison and choice",
    () => [image().greater(0.2), tf.where(image().less(0), image().neg(), image().square())],
  ],
  [
    "sums, means, maxima over some axes",
    () => [image().sum([1, 2]), image().mean(3), image().max([0, 3]), image().min(), image().prod(1)],
  ],
  ["arg max and arg min, the last axis and another", () => [image(5).argMax(3), image(5).argMin(1)]],
  [
    "matrix products in all orientations and their gradients",
    () => [
      ...withGradients((a, b) => tf.matMul(a, b), normal([5, 7], "a"), normal([7, 4], "b")),
      tf.matMul(normal([7, 5]), normal([4, 7]), true, true),
      tf.matMul(normal([3, 5, 7]), normal([3, 7, 4])),
    ],
    tolerance,
  ],
  convolution([3, 3, 3, 8], 1, "same"),
  convolution([3, 3, 4, 8], 2, "same"),
  convolution([4, 4, 3, 5], 2, "valid"),
  convolution([1, 1, 6, 4], 1, "same"),
  [
    // Of one image, because tfjs's cpu backend mixes up the images of a batch in the gradient of doubling.
    "doubling, convolution, bias, and their gradients",
    () =>
      withGradients(
        ((x: tf.Tensor4D, w: tf.Tensor4D, b: tf.Tensor1D) =>
          tf.conv2d(tf.image.resizeNearestNeighbor(x, [12, 20]), w, 1, "same").add(b)) as never,
        image(4).slice([0, 0, 0, 0], [1, 6, 10, 4]),
        normal([3, 3, 4, 8], "filter"),
        normal([8], "bias"),
      ),
    tolerance,
  ],
  [
    "average and maximum of windows",
    () => [tf.avgPool(image(), 2, 2, "same"), tf.maxPool(image(), [3, 2], 2, "valid")],
  ],
  [
    "normalisation of groups and its gradient",
    () =>
      withGradients((x) => {
        const { mean, variance } = tf.moments(x, [1, 2], true);
        return x.sub(mean).mul(variance.add(1e-6).rsqrt());
      }, image()),
    tolerance,
  ],
  ["softmax and its gradient", () => withGradients((x) => tf.softmax(x), normal([4, 9])), tolerance],
  [
    "slice, pad, concat, transpose, tile, reverse",
    () => [
      image().slice([0, 1, 2, 1], [2, 3, 5, 2]),
      image().pad([
        [0, 0],
        [1, 2],
        [0, 3],
        [0, 0],
      ]),
      tf.concat([image(2), image(3)], 3),
      image().transpose([3, 0, 2, 1]),
      normal([2, 3]).tile([2, 3]),
      image().reverse([1, 3]),
    ],
  ],
  [
    "gather, and its gradient where rows repeat",
    () => withGradients((x) => tf.gather(x, integers([40], 5)), normal([7, 6])),
  ],
  ["sums of segments", () => tf.unsortedSegmentSum(normal([300, 4]), integers([300], 7) as tf.Tensor1D, 9)],
  [
    "sums of segments of which one takes nearly all, some take none, and some rows are outside",
    () =>
      tf.unsortedSegmentSum(
        normal([500, 3]),
        integers([500], 40).sub(tf.scalar(30, "int32")).clipByValue(-1, 7).cast("int32") as tf.Tensor1D,
        7,
      ),
  ],
  ["counts", () => tf.bincount(integers([400], 6) as tf.Tensor1D, tf.tensor1d([]), 5)],
  ["scatterND adds what meets", () => tf.scatterND(integers([50, 1], 6), normal([50, 3]), [8, 3])],
  [
    "one-hot, top-k, cumulative sums",
    () => {
      const { values, indices } = tf.topk(normal([4, 12]), 5);
      return [tf.oneHot(integers([9], 5), 5), values, indices, normal([4, 12]).cumsum(1)];
    },
  ],
  // WGSL allows an absolute error of 2^-11 in sine and cosine.
  ["sine and cosine", () => [image().sin(), image().cos()], 2 ** -11],
];

/** What ONNX Runtime's WebGPU provider takes and computes wrongly or not at all: src/backend/onnx/webgpu-limits.ts. */
const wrongIfUnguarded: Case[] = [
  convolution([3, 3, 6, 8], 1, "same"),
  convolution([3, 3, 9, 4], 2, "same"),
  [
    "the gradient of maxPool, which needs the places of maxima",
    () => withGradients(((x: tf.Tensor4D) => tf.maxPool(x, [3, 2], [2, 1], "same")) as never, image()),
  ],
  [
    "the gradient of a depthwise convolution with two filters a channel",
    () =>
      withGradients(
        ((x: tf.Tensor4D, w: tf.Tensor4D) => tf.depthwiseConv2d(x, w, 1, "same")) as never,
        image(),
        normal([3, 3, 3, 2], "filter"),
      ),
    tolerance,
  ],
  [
    "the gradient of a convolution of volumes",
    () =>
      withGradients(
        ((x: tf.Tensor5D, w: tf.Tensor5D) => tf.conv3d(x, w, 2, "same")) as never,
        normal([1, 4, 5, 6, 2]),
        normal([3, 2, 3, 2, 3], "filter"),
      ),
    tolerance,
  ],
  [
    "a slice forwards on one axis and backwards on another",
    () => tf.stridedSlice(normal([6, 7]), [1, 5], [6, 0], [2, -2]),
  ],
  [
    "a convolution of an image as large as its filter",
    () =>
      tf.conv2d(
        normal([2, 2, 2, 4], "x") as tf.Tensor4D,
        normal([2, 2, 4, 8], "filter") as tf.Tensor4D,
        1,
        "same",
      ),
  ],
];

beforeAll(async () => {
  expect(await selectEngine({ device: "webgpu", threads: 1 })).toMatchObject({ device: "webgpu" });
});

describe("values", () => compareWithCpu(plain));
describe("wrong or refused if it were not guarded", () => compareWithCpu(wrongIfUnguarded));

describe("values in the GPU's memory", () => {
  it("stay there, are read asynchronously, and survive a change of device", async () => {
    await selectEngine({ device: "webgpu", threads: 1 });
    const start = tf.range(0, 40, 1, "float32").reshape([5, 8]);
    const variable = tf.variable(start);
    variable.assign(variable.mul(2));
    await variable.sum().data();
    // Computed, but not here.
    expect(() => variable.dataSync()).toThrow(/in the GPU's memory/);
    await selectEngine({ device: "cpu", threads: 1 });
    expect(variable.dataSync()[37]).toBe(74);
    variable.assign(variable.add(1));
    expect((await variable.data())[37]).toBe(75);
    await selectEngine({ device: "webgpu", threads: 1 });
    variable.assign(variable.add(1));
    expect((await variable.data())[37]).toBe(76);
    tf.dispose([start, variable]);
  });

  it("are freed with their tensors: 100 times 4 MB", async () => {
    const variable = tf.variable(tf.zeros([2 ** 20]));
    const step = async () => {
      tf.tidy(() => variable.assign(variable.add(1)));
      const first = tf.tidy(() => variable.slice(5, 1));
      await first.data();
      first.dispose();
    };
    for (let i = 0; i < 10; i++) await step();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 100; i++) await step();
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
    expect((await variable.data())[9]).toBe(110);
    variable.dispose();
  });
});
