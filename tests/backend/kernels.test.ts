import { beforeAll, describe, expect, it } from "vitest";
import { backendName, registerOnnxBackend } from "../../src/backend/register.js";
import * as tf from "../../src/tf/index.js";
import { type Case, compareWithCpu, gradients, integers, normal, positive } from "./compare.js";

const image = () => normal([2, 6, 10, 3], "image") as tf.Tensor4D;
/** tfjs's cpu backend mixes up the images of a batch in ResizeNearestNeighborGrad, so that gradient is compared on one. */
const oneImage = () => normal([1, 6, 10, 3], "image") as tf.Tensor4D;

type Padding = "same" | "valid" | [[number, number], [number, number], [number, number], [number, number]];

function convolutionCase(filterShape: [number, number, number, number], stride: number, pad: Padding): Case {
  const name = `conv2d and gradients, filter [${filterShape}], stride ${stride}, pad ${JSON.stringify(pad)}`;
  return [
    name,
    () => {
      const filter = normal(filterShape, "filter") as tf.Tensor4D;
      const x = normal([2, 6, 10, filterShape[2]], "x") as tf.Tensor4D;
      const f = (a: tf.Tensor, b: tf.Tensor) =>
        tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad as "same");
      return [f(x, filter), ...gradients(f as never, [x, filter])];
    },
    2e-4,
  ];
}

const unary: Case[] = (
  [
    "abs",
    "neg",
    "square",
    "exp",
    "expm1",
    "sigmoid",
    "tanh",
    "sin",
    "cos",
    "tan",
    "atan",
    "sinh",
    "cosh",
    "asinh",
    "erf",
    "relu",
    "relu6",
    "elu",
    "selu",
    "softplus",
    "sign",
    "floor",
    "ceil",
    "round",
    "isNaN",
    "isInf",
    "isFinite",
  ] as const
).map((op) => [op, () => (tf[op] as (x: tf.Tensor) => tf.Tensor)(normal([2, 3, 4, 5]))]);
const unaryPositive: Case[] = (["sqrt", "rsqrt", "log", "log1p", "reciprocal"] as const).map((op) => [
  op,
  () => (tf[op] as (x: tf.Tensor) => tf.Tensor)(positive([3, 5])),
]);
const binary: Case[] = (
  [
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "squaredDifference",
    "floorDiv",
    "mod",
    "greater",
    "greaterEqual",
    "less",
    "lessEqual",
    "equal",
    "notEqual",
  ] as const
).flatMap((op): Case[] => {
  const f = tf[op] as (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
  return [
    [`${op} of equal shapes`, () => f(normal([4, 5]), normal([4, 5], 1))],
    [`${op} broadcasting`, () => f(normal([2, 3, 4, 5]), normal([4, 1], 1))],
    [`${op} of rows of one number and a scalar`, () => f(normal([3, 32, 1]), tf.scalar(0.75))],
    [`${op} of a scalar and rows of one number`, () => f(tf.scalar(0.75), normal([96, 1]))],
    [
      `${op} of integers`,
      () =>
        f(integers([4, 5], 9).sub(tf.scalar(4, "int32")), integers([4, 5], 4, 1).add(tf.scalar(1, "int32"))),
    ],
  ];
});

const cases: Case[] = [
  ...unary,
  ...unaryPositive,
  ...binary,
  ["round is half to even", () => tf.round(tf.tensor1d([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]))],
  ["atan2", () => tf.atan2(normal([4, 5]), normal([5], 1))],
  [
    "sums and means over the first axes, of many rows",
    () => {
      const x = normal([6, 7, 5, 3]);
      const within = [0, 1].map((axis) => x.slice([0, 0, 0, axis], [-1, -1, -1, 1]));
      return [x.sum([0, 1]), x.mean([1, 0], true), x.sum([0, 1, 2]), ...within.map((y) => y.mean([0, 1]))];
    },
  ],
  [
    "sums over many rows, with numbers that are none",
    () => {
      const x = normal([40, 4]).mul(tf.tensor1d([1, Number.POSITIVE_INFINITY, Number.NaN, 0]));
      return [x.sum(0), x.mean(0)];
    },
  ],
  ["pow", () => tf.pow(positive([3, 4]), normal([4], 1))],
  ["step with slope", () => tf.step(normal([3, 4]), 0.25)],
  ["leakyRelu", () => tf.leakyRelu(normal([3, 4]), 0.3)],
  ["prelu", () => tf.prelu(normal([3, 4]), normal([4], 1))],
  ["clipByValue", () => tf.clipByValue(normal([3, 4]), -0.5, 0.7)],
  ["where", () => tf.where(normal([3, 4]).greater(0), normal([3, 4], 1), normal([3, 4], 2))],
  [
    "logical",
    () => [
      tf.logicalAnd(normal([3, 4]).greater(0), normal([3, 4], 1).greater(0)),
      tf.logicalOr(normal([3, 4]).greater(0), normal([3, 4], 1).greater(0)),
      tf.logicalNot(normal([3, 4]).greater(0)),
    ],
  ],
  [
    "cast",
    () => [
      normal([3, 4]).mul(3).cast("int32"),
      normal([3, 4]).cast("bool"),
      integers([3, 4], 3).cast("bool"),
      integers([3, 4], 3).cast("float32"),
    ],
  ],
  ["addN", () => tf.addN([normal([3, 4]), normal([3, 4], 1), normal([3, 4], 2)])],
  ...[[0], [1, 2], [3], [0, 1, 2], [0, 3], [0, 1, 2, 3]].flatMap((axes): Case[] => [
    [
      `reductions over ${axes}`,
      () => (["sum", "mean", "max", "min", "prod"] as const).map((op) => tf[op](normal([2, 3, 4, 5]), axes)),
      1e-4,
    ],
    [
      `reductions over ${axes} of a convolution`,
      () => {
        const y = tf.conv2d(image(), normal([3, 3, 3, 4], "f") as tf.Tensor4D, 1, "same");
        return [y.sum(axes), y.mean(axes, true), y.max(axes)];
      },
      1e-4,
    ],
  ]),
  ["all and any", () => [normal([3, 4]).greater(-1).all(1), normal([3, 4]).greater(1).any(0)]],
  [
    "argMax and argMin",
    () => [
      normal([3, 4, 5]).argMax(1),
      normal([3, 4, 5]).argMin(2),
      // Long rows are searched in groups; whole numbers make ties, of which the first counts.
      tf.cast(integers([3, 2, 272], 9), "float32").argMax(2),
      tf.cast(integers([5, 264], 180), "float32").argMin(1),
      normal([4, 263]).argMax(1),
      tf
        .tensor2d([
          [1, 3, 3],
          [2, 2, 1],
        ])
        .argMax(1),
    ],
  ],
  [
    "matMul in four orientations",
    () => [
      tf.matMul(normal([3, 4]), normal([4, 5], 1)),
      tf.matMul(normal([4, 3]), normal([4, 5], 1), true),
      tf.matMul(normal([3, 4]), normal([5, 4], 1), false, true),
      tf.matMul(normal([4, 3]), normal([5, 4], 1), true, true),
    ],
  ],
  [
    "matMul of batches",
    () => [
      tf.matMul(normal([2, 3, 4]), normal([2, 4, 5], 1)),
      tf.matMul(normal([2, 4, 3]), normal([1, 5, 4], 1), true, true),
    ],
  ],
  [
    "matMul gradients",
    () =>
      gradients((a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D), [normal([3, 4]), normal([4, 5], 1)]),
  ],
  [
    "bias after a convolution and after a product",
    () => [
      tf.conv2d(image(), normal([3, 3, 3, 4], "f") as tf.Tensor4D, 1, "same").add(normal([4])),
      tf.conv2d(image(), normal([1, 1, 3, 4], "f") as tf.Tensor4D, 1, "valid").add(normal([4])),
      tf.matMul(normal([3, 4]), normal([4, 5], 1)).add(normal([5])),
    ],
    1e-4,
  ],
  convolutionCase([3, 3, 3, 4], 1, "same"),
  convolutionCase([3, 3, 5, 2], 1, "same"),
  convolutionCase([3, 2, 3, 4], 1, "valid"),
  convolutionCase([4, 4, 3, 5], 2, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]),
  convolutionCase([4, 2, 3, 5], 2, "valid"),
  convolutionCase([2, 4, 3, 2], 2, "same"),
  convolutionCase([3, 6, 2, 4], 3, "same"),
  convolutionCase([4, 4, 2, 3], 4, "valid"),
  convolutionCase([3, 3, 5, 2], 2, "same"),
  convolutionCase([3, 3, 2, 3], 1, [
    [0, 0],
    [2, 0],
    [1, 3],
    [0, 0],
  ]),
  // tfjs has no gradient for dilated convolutions.
  [
    "dilated conv2d",
    () => tf.conv2d(image(), normal([3, 3, 3, 4], "filter") as tf.Tensor4D, 1, "same", "NHWC", 2),
    1e-4,
  ],
  convolutionCase([1, 1, 5, 3], 1, "valid"),
  convolutionCase([1, 1, 5, 3], 2, "same"),
  convolutionCase([3, 3, 3, 2], 3, "valid"),
  [
    "nearest enlargement and its gradient",
    () => {
      const f = (x: tf.Tensor) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [12, 20]);
      return [f(image()), ...gradients(f, [oneImage()])];
    },
  ],
  [
    "conv, relu, enlargement, conv: layouts carried through",
    () => {
      const f = (x: tf.Tensor, a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) => {
        const h = tf.relu(tf.conv2d(x as tf.Tensor4D, a as tf.Tensor4D, 1, "same").add(c));
        return tf
          .conv2d(tf.image.resizeNearestNeighbor(h as tf.Tensor4D, [12, 20]), b as tf.Tensor4D, 1, "same")
          .add(x.mean());
      };
      const inputs = [oneImage(), normal([3, 3, 3, 4], "a"), normal([3, 3, 4, 2], "b"), normal([4], "c")];
      return [
        f(...(inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor])),
        ...gradients(f as never, inputs),
      ];
    },
    5e-4,
  ],
  ["transpose", () => [normal([2, 3, 4]).transpose([2, 0, 1]), image().transpose([0, 3, 1, 2])]],
  ["slice", () => normal([4, 5, 6]).slice([1, 0, 2], [2, 5, 3])],
  [
    "stridedSlice",
    () => [
      tf.stridedSlice(normal([6, 7]), [1, 5], [6, 0], [2, -2]),
      tf.stridedSlice(normal([4, 3]), [3, 0], [0, 3], [-1, 1], 0, 3),
    ],
  ],
  [
    "pad",
    () => [
      tf.pad(
        normal([2, 3]),
        [
          [1, 0],
          [2, 3],
        ],
        0.5,
      ),
      tf.mirrorPad(
        normal([3, 4]),
        [
          [2, 1],
          [0, 3],
        ],
        "reflect",
      ),
      tf.mirrorPad(
        normal([3, 4]),
        [
          [3, 1],
          [0, 4],
        ],
        "symmetric",
      ),
    ],
  ],
  [
    "tile, broadcastTo, reverse",
    () => [
      tf.tile(normal([2, 3]), [2, 3]),
      tf.broadcastTo(normal([3, 1]), [2, 3, 4]),
      tf.reverse(normal([3, 4, 2]), [0, 2]),
    ],
  ],
  [
    "concat, stack, unstack, split",
    () => [
      tf.concat([normal([2, 3]), normal([2, 4], 1)], 1),
      tf.stack([normal([2, 3]), normal([2, 3], 1)], 1),
      ...tf.unstack(normal([2, 3, 4]), 1),
      ...tf.split(normal([6, 4]), [1, 2, 3], 0),
    ],
  ],
  [
    "gather",
    () => [tf.gather(normal([7, 3]), integers([2, 5], 7)), tf.gather(normal([4, 7]), integers([5], 7), 1)],
  ],
  ["gatherND", () => tf.gatherND(normal([4, 5, 2]), integers([3, 2], 4))],
  [
    "oneHot",
    () => [tf.oneHot(tf.tensor1d([0, 3, -1, 5, 2], "int32"), 5), tf.oneHot(integers([2, 3], 4), 4, 0.9, 0.1)],
  ],
  [
    "unsortedSegmentSum",
    () =>
      tf.unsortedSegmentSum(
        normal([40, 3]),
        tf.tensor1d([...Array(38).keys()].map((i) => (i * i) % 7).concat(-1, 9), "int32"),
        7,
      ),
    1e-5,
  ],
  [
    "gather's gradient with repeated indices",
    () => gradients((x) => tf.gather(x, integers([50], 4)), [normal([4, 3])]),
    1e-4,
  ],
  [
    "topk",
    () => {
      const few = tf.topk(normal([3, 9]), 4);
      const first = tf.topk(tf.cast(integers([2, 3, 264], 50), "float32"), 1);
      return [few.values, few.indices, first.values, first.indices];
    },
  ],
  ["softmax and logSoftmax", () => [tf.softmax(normal([3, 5])), tf.logSoftmax(normal([3, 5]))]],
  ["cumsum", () => [tf.cumsum(normal([3, 5]), 1), tf.cumsum(normal([3, 5]), 0, true, true)]],
  [
    "creation",
    () => [
      tf.fill([2, 3], 4),
      tf.zerosLike(normal([2, 3])),
      tf.onesLike(integers([2], 3)),
      tf.range(3, 11, 2),
      tf.range(5, 1, -1),
      tf.linspace(0, 1, 7),
    ],
  ],
  [
    "moments",
    () => {
      const m = tf.moments(normal([2, 3, 4, 6]), [1, 2]);
      return [m.mean, m.variance];
    },
  ],
  ["empty tensors", () => [tf.concat([tf.zeros([0, 3]), normal([2, 3])], 0), tf.zeros([0, 3]).add(1)]],
];

describe("kernels on ONNX Runtime agree with tfjs's cpu backend", () => {
  beforeAll(() => {
    tf.env().set("IS_TEST", true); // tfjs then checks every kernel for leaked data
    registerOnnxBackend({ threads: 2 });
  });

  compareWithCpu(cases);

  // Cases that the cpu backend gets wrong, against values derived by hand.
  it("stridedSlice that drops an axis: row 2, columns 1, 3, 5 of a 6×7 table of 0..41", async () => {
    await tf.setBackend(backendName);
    const picked = tf.tidy(() =>
      tf.stridedSlice(tf.range(0, 42).reshape([6, 7]), [2, 1], [3, 6], [1, 2], 0, 0, 0, 0, 1),
    );
    expect([...(await picked.data())]).toEqual([15, 17, 19]);
    picked.dispose();
  });

  it("the gradient of nearest enlargement sums each block, image by image", async () => {
    await tf.setBackend(backendName);
    const [gradient, expected] = tf.tidy(() => {
      const upstream = normal([2, 6, 6, 3]);
      const enlarge = (x: tf.Tensor) =>
        tf.image
          .resizeNearestNeighbor(x as tf.Tensor4D, [6, 6])
          .mul(upstream)
          .sum();
      return [tf.grad(enlarge)(tf.zeros([2, 3, 2, 3])), upstream.reshape([2, 3, 2, 2, 3, 3]).sum([2, 4])];
    }) as [tf.Tensor, tf.Tensor];
    const [a, b] = [await gradient.data(), await expected.data()];
    for (let i = 0; i < b.length; i++) expect(a[i]).toBeCloseTo(b[i] as number, 5);
    tf.dispose([gradient, expected]);
  });
});
