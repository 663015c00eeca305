import { beforeAll, describe, expect, it } from "vitest";
import { BackendError } from "../../src/backend/index.js";
import { backendName, registerOnnxBackend } from "../../src/backend/register.js";
import * as tf from "../../src/tf/index.js";
import { type Case, compareWithCpu, gradients, integers, normal, positive } from "./compare.js";

const image = () => normal([2, 6, 9, 3], "image") as tf.Tensor4D;
const volume = () => normal([2, 4, 5, 6, 3], "volume") as tf.Tensor5D;

/** A function of one tensor and its gradient. */
function withGradient(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): tf.Tensor[] {
  return [f(x), ...gradients(f, [x])];
}

// tfjs's cpu backend misplaces the gradient of maxPool3d when windows are not as high as wide, and divides by the whole window at a padded border in the gradient of average pooling, so that
// gradients are compared where it is right, and checked below where it is not.
const pooling: Case[] = [
  [
    "maxPool, windows that overlap, and its gradient",
    () => withGradient((x) => tf.maxPool(x as tf.Tensor4D, [3, 2], [2, 1], "same"), image()),
  ],
  ["maxPool with sizes rounded up", () => tf.maxPool(image(), 3, 2, 1, "ceil")],
  ["maxPool with more padding than window", () => tf.maxPool(image(), 2, 3, 3)],
  [
    "avgPool and its gradient",
    () => withGradient((x) => tf.avgPool(x as tf.Tensor4D, [3, 2], [2, 1], "valid"), image()),
  ],
  ["avgPool with padding", () => tf.avgPool(image(), [3, 4], [2, 3], "same")],
  [
    "maxPool3d and its gradient",
    () => withGradient((x) => tf.maxPool3d(x as tf.Tensor5D, [2, 3, 3], [1, 2, 2], "same"), volume()),
  ],
  [
    "avgPool3d and its gradient",
    () => withGradient((x) => tf.avgPool3d(x as tf.Tensor5D, [2, 3, 2], [1, 2, 2], "valid"), volume()),
  ],
  [
    "maxPoolWithArgmax, counted in the image and in the batch",
    () =>
      [false, true].flatMap((batch): tf.Tensor[] => {
        const { result, indexes } = tf.maxPoolWithArgmax(image(), [3, 2], 2, "same", batch);
        return [result as tf.Tensor, indexes as tf.Tensor];
      }),
  ],
];

const convolution: Case[] = [
  ...([1, 2] as const).map((stride): Case => {
    const f = (x: tf.Tensor, filter: tf.Tensor) =>
      tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, "same");
    return [
      `depthwise convolution, stride ${stride}, and its gradients`,
      () => {
        const inputs = [image(), normal([3, 2, 3, 2], "filter")] as [tf.Tensor, tf.Tensor];
        return [f(...inputs), ...gradients(f as never, inputs)];
      },
      1e-4,
    ];
  }),
  [
    "depthwise convolution with holes",
    () =>
      tf.depthwiseConv2d(image(), normal([3, 2, 3, 2], "filter") as tf.Tensor4D, 1, "valid", "NHWC", [2, 3]),
    1e-4,
  ],
  ...([1, 2] as const).map((stride): Case => {
    const f = (x: tf.Tensor, filter: tf.Tensor) =>
      tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, stride, stride === 1 ? "same" : "valid");
    return [
      `convolution of a volume, stride ${stride}, and its gradients`,
      () => {
        const inputs = [volume(), normal([2, 3, 2, 3, 4], "filter")] as [tf.Tensor, tf.Tensor];
        return [f(...inputs), ...gradients(f as never, inputs)];
      },
      3e-4,
    ];
  }),
  [
    "transposed convolution of a volume",
    () =>
      tf.conv3dTranspose(
        volume(),
        normal([2, 3, 2, 4, 3], "filter") as tf.Tensor5D,
        [2, 8, 10, 12, 4],
        2,
        "same",
      ),
    1e-4,
  ],
  [
    "convolution in NCHW order",
    () =>
      tf.conv2d(
        normal([2, 3, 6, 9]) as tf.Tensor4D,
        normal([3, 2, 3, 4], "filter") as tf.Tensor4D,
        [2, 1],
        "valid",
        "NCHW",
      ),
    1e-4,
  ],
  ...(["linear", "relu", "relu6", "elu", "sigmoid", "prelu", "leakyrelu"] as const).map(
    (activation): Case => [
      `fused convolutions and products, ${activation}`,
      () => {
        const tail = { activation, bias: normal([4], "bias"), leakyreluAlpha: 0.3 };
        const slopes = activation === "prelu" ? { preluActivationWeights: normal([4], "slopes") } : {};
        const conv = { x: image(), strides: 1, pad: "same", ...tail, ...slopes } as const;
        return [
          tf.fused.conv2d({ ...conv, filter: normal([3, 3, 3, 4], "f") as tf.Tensor4D }),
          tf.fused.depthwiseConv2d({
            ...conv,
            x: normal([2, 5, 6, 2]) as tf.Tensor4D,
            filter: normal([3, 3, 2, 2], "f") as tf.Tensor4D,
          }),
          tf.fused.matMul({ a: normal([3, 5]), b: normal([5, 4], 1), ...tail, ...slopes }),
        ];
      },
      1e-4,
    ],
  ),
  [
    "grey-scale dilation and its gradients",
    () => {
      const f = (x: tf.Tensor, filter: tf.Tensor) =>
        tf.dilation2d(x as tf.Tensor4D, filter as tf.Tensor3D, [1, 2], "same");
      const inputs = [image(), normal([3, 2, 3], "filter")] as [tf.Tensor, tf.Tensor];
      return [f(...inputs), ...gradients(f as never, inputs)];
    },
    1e-4,
  ],
];

// tfjs's cpu backend swaps height and width in ResizeBilinearGrad's shape and forgets half-pixel centres in both
// gradients; gradients are compared on one square image without them, and checked below with them.
const square = () => normal([1, 5, 5, 2], "square") as tf.Tensor4D;
const sizes: [number, number][] = [
  [3, 4],
  [8, 13],
  [10, 10],
];
const resizing: Case[] = sizes.flatMap((size) =>
  ([tf.image.resizeBilinear, tf.image.resizeNearestNeighbor] as const).flatMap((f): Case[] => [
    [`${f.name} to ${size}`, () => [f(image(), size), f(image(), size, true), f(image(), size, false, true)]],
    [
      `gradient of ${f.name} to ${size}`,
      () =>
        [false, true].flatMap((align) =>
          gradients((x) => f(x as tf.Tensor4D, [size[0], size[0]], align), [square()]),
        ),
    ],
  ]),
);

const sampling: Case[] = [
  ...(["bilinear", "nearest"] as const).map(
    (method): Case => [
      `cropAndResize, ${method}`,
      () => {
        const boxes = tf.tensor2d([
          [0.13, 0.21, 0.87, 0.7],
          [0.83, 0.92, 0.11, 0],
          [-0.53, 0.2, 1.42, 1.12],
        ]);
        const which = tf.tensor1d([1, 0, 1], "int32");
        return [
          tf.image.cropAndResize(image(), boxes, which, [4, 7], method, 0.5),
          tf.image.cropAndResize(image(), boxes, which, [1, 1], method, 0.5),
        ];
      },
    ],
  ),
  // tfjs's cpu backend transforms the first image of a batch only.
  ...(["constant", "reflect", "wrap", "nearest"] as const).map(
    (fill): Case => [
      `transform, filling by ${fill}`,
      () =>
        (["nearest", "bilinear"] as const).map((interpolation) =>
          tf.image.transform(
            normal([1, 5, 7, 2]) as tf.Tensor4D,
            tf.tensor2d([[0.6, 0.8, -3, -0.8, 0.7, 2.2, 0.01, 0.02]]),
            interpolation,
            fill,
            0.25,
            [6, 8],
          ),
        ),
      1e-4,
    ],
  ),
  [
    "rotateWithOffset",
    () => [
      tf.image.rotateWithOffset(normal([2, 5, 7, 3]) as tf.Tensor4D, 0.7, [0.1, 0.2, 0.3], [0.3, 0.6]),
      tf.image.rotateWithOffset(normal([2, 5, 7, 4]) as tf.Tensor4D, -2.5, 9),
    ],
  ],
  ["flipLeftRight", () => tf.image.flipLeftRight(image())],
];

const normalization: Case[] = [
  [
    "batchNorm with and without offset and scale",
    () => {
      const mean = normal([3], "mean") as tf.Tensor1D;
      const variance = positive([3]) as tf.Tensor1D;
      const offset = normal([3], "offset") as tf.Tensor1D;
      const scale = normal([3], "scale") as tf.Tensor1D;
      return [
        tf.batchNorm(image(), mean, variance),
        tf.batchNorm(image(), mean, variance, offset, scale, 0.01),
        tf.batchNorm(image(), mean, variance, undefined, scale),
        tf.batchNorm(image(), mean, variance, offset),
      ];
    },
  ],
  [
    "localResponseNormalization and its gradient",
    () =>
      withGradient(
        (x) => tf.localResponseNormalization(x as tf.Tensor4D, 2, 1.5, 0.3, 0.6),
        normal([2, 3, 4, 7]),
      ),
    1e-4,
  ],
];

const places = () =>
  tf.tensor2d(
    [
      [0, 2],
      [3, 1],
      [0, 2],
    ],
    undefined,
    "int32",
  );
const indexing: Case[] = [
  [
    "gather with batch dimensions",
    () => [
      tf.gather(normal([3, 4, 5]), integers([3, 2], 4), 1, 1),
      tf.gather(normal([3, 4, 5, 2]), integers([3, 2], 5), 2, 1),
      tf.gather(normal([3, 4, 5]), integers([3, 4, 2], 5), 2, 2),
    ],
  ],
  [
    "scatterND adds what meets",
    () => [
      tf.scatterND(places(), normal([3, 2]), [4, 3, 2]),
      tf.scatterND(places(), integers([3], 9), [4, 3]),
    ],
  ],
  [
    "tensorScatterUpdate",
    () => tf.tensorScatterUpdate(normal([4, 3, 2]), places().slice(0, 2), normal([2, 2], 1)),
  ],
  [
    "sparseToDense",
    () => [
      tf.sparseToDense(places().slice(0, 2), normal([2]), [4, 3], tf.scalar(0.5)),
      tf.sparseToDense(tf.tensor1d([4, 1], "int32"), tf.scalar(7), [6]),
    ],
  ],
  [
    "bincount and denseBincount",
    () => [
      tf.bincount(integers([40], 7) as tf.Tensor1D, tf.tensor1d([]), 6),
      tf.bincount(integers([40], 7) as tf.Tensor1D, normal([40]) as tf.Tensor1D, 6),
      tf.denseBincount(integers([4, 9], 7) as tf.Tensor2D, normal([4, 9]) as tf.Tensor2D, 5),
      tf.denseBincount(integers([4, 9], 7) as tf.Tensor2D, normal([4, 9]) as tf.Tensor2D, 5, true),
    ],
  ],
  [
    "searchSorted",
    () => {
      const rows = tf.cumsum(integers([3, 8], 3), 1);
      return [
        tf.searchSorted(rows, integers([3, 5], 12, 1), "left"),
        tf.searchSorted(rows, integers([3, 5], 12, 1), "right"),
      ];
    },
  ],
  ["diag", () => [tf.diag(normal([3, 2])), tf.diag(normal([4]).greater(0))]],
  [
    "a bool chosen by a bool",
    () => tf.where(normal([9]).greater(0), normal([9], 1).less(0), normal([9], 2).less(0)),
  ],
  ["bitwiseAnd", () => tf.bitwiseAnd(integers([5, 4], 99), integers([5, 4], 99, 1))],
];

const blocks: Case[] = [
  [
    "spaceToBatchND",
    () => [
      tf.spaceToBatchND(
        normal([2, 5, 7, 3]),
        [2, 3],
        [
          [1, 0],
          [1, 1],
        ],
      ),
      tf.spaceToBatchND(integers([2, 4, 3], 9), [2], [[0, 2]]),
    ],
  ],
  [
    "batchToSpaceND",
    () =>
      tf.batchToSpaceND(
        normal([12, 3, 4, 2]),
        [2, 3],
        [
          [1, 2],
          [0, 4],
        ],
      ),
  ],
  [
    "depthToSpace",
    () => [
      tf.depthToSpace(normal([2, 3, 2, 12]) as tf.Tensor4D, 2),
      tf.depthToSpace(normal([1, 2, 3, 9]) as tf.Tensor4D, 3),
    ],
  ],
];

const sequence: Case[] = [
  ...[1, 5, 8].map(
    (size): Case => [
      `cumprod of ${size}`,
      () => [
        tf.cumprod(normal([3, size]), 1),
        tf.cumprod(normal([size, 3]), 0, true, true),
        tf.cumprod(integers([3, size], 4), 1, true),
        tf.cumprod(normal([3, size, 2]), 1, false, true),
      ],
    ],
  ),
  [
    "einsum",
    () => [
      tf.einsum("ij,jk->ik", normal([3, 4]), normal([4, 5], 1)),
      tf.einsum("bqhd,bkhd->bhqk", normal([2, 3, 2, 4]), normal([2, 5, 2, 4], 1)),
      tf.einsum("ij->j", normal([3, 4])),
      tf.einsum("ij,ji->", normal([3, 4]), normal([4, 3], 1)),
    ],
  ],
  ...[8, 6].map(
    (size): Case => [
      `Fourier transforms of ${size}`,
      () => {
        const signal = tf.complex(normal([3, size]), normal([3, size], 1));
        const [there, back] = [tf.fft(signal), tf.ifft(signal)];
        const spectrum = tf.rfft(normal([2, size], 2));
        return [
          tf.real(there),
          tf.imag(there),
          tf.real(back),
          tf.imag(back),
          tf.real(spectrum),
          tf.imag(spectrum),
          tf.irfft(spectrum),
        ];
      },
      1e-4,
    ],
  ),
  [
    "complex arithmetic",
    () => {
      const a = tf.complex(normal([2, 3]), normal([2, 3], 1));
      const b = tf.complex(normal([2, 3], 2), normal([2, 3], 3));
      const c = tf.concat([a.mul(b).add(a), a.sub(b)], 0).reshape([3, 4]);
      return [tf.real(c), tf.imag(c), tf.abs(c), tf.real(tf.onesLike(c)), tf.imag(tf.transpose(c))];
    },
  ],
];

const host: Case[] = [
  [
    "unique",
    () => {
      const { values, indices } = tf.unique(tf.tensor1d([3, 1, 3, 2, 1, 9]));
      return [values, indices];
    },
  ],
  [
    "nonMaxSuppression",
    () =>
      tf.image.nonMaxSuppression(
        tf.tensor2d([
          [0, 0, 1, 1],
          [0, 0.1, 1, 1.1],
          [0, 10, 1, 11],
        ]),
        tf.tensor1d([0.6, 0.9, 0.5]),
        3,
        0.5,
        0,
      ),
  ],
];

describe("kernel families agree with tfjs's cpu backend", () => {
  beforeAll(() => {
    tf.env().set("IS_TEST", true);
    registerOnnxBackend({ threads: 2 });
  });

  const families = {
    pooling,
    convolution,
    resizing,
    sampling,
    normalization,
    indexing,
    blocks,
    sequence,
    host,
  };
  for (const [name, cases] of Object.entries(families)) describe(name, () => compareWithCpu(cases));
});

describe("where the cpu backend is wrong or random", () => {
  beforeAll(() => tf.setBackend(backendName));

  /** The gradient of a linear function under the weights `upstream`, from its values at every unit tensor. */
  function linearGradient(
    f: (batch: tf.Tensor4D) => tf.Tensor,
    shape: number[],
    upstream: tf.Tensor,
  ): tf.Tensor {
    const size = tf.util.sizeFromShape(shape);
    const units = tf.eye(size).reshape([size, ...shape]) as tf.Tensor4D;
    return f(units).mul(upstream).sum([1, 2, 3]).reshape(shape);
  }

  const linear: [string, (x: tf.Tensor4D) => tf.Tensor4D][] = [
    ["avgPool with padding", (x) => tf.avgPool(x, [3, 2], [2, 1], "same")],
    [
      "avgPool with explicit padding",
      (x) =>
        tf.avgPool(x, [3, 4], 1, [
          [0, 0],
          [1, 2],
          [0, 3],
          [0, 0],
        ] as never),
    ],
    ["bilinear resizing, half-pixel centres", (x) => tf.image.resizeBilinear(x, [7, 3], false, true)],
    ["bilinear resizing, corners aligned", (x) => tf.image.resizeBilinear(x, [2, 9], true)],
    ["nearest resizing, half-pixel centres", (x) => tf.image.resizeNearestNeighbor(x, [7, 3], false, true)],
  ];
  for (const [name, f] of linear) {
    it(`the gradient of ${name} is the forward's`, async () => {
      const [actual, expected] = tf.tidy(() => {
        const x = normal([1, 4, 5, 2]) as tf.Tensor4D;
        const upstream = normal(f(x).shape, "upstream");
        const gradient = tf.grad((t: tf.Tensor) =>
          f(t as tf.Tensor4D)
            .mul(upstream)
            .sum(),
        )(x);
        return [gradient, linearGradient(f, [4, 5, 2], upstream)];
      }) as [tf.Tensor, tf.Tensor];
      const [a, b] = [await actual.data(), await expected.data()];
      expect(a.length).toBe(40);
      for (let i = 0; i < b.length; i++) expect(a[i]).toBeCloseTo(b[i] as number, 4);
      tf.dispose([actual, expected]);
    });
  }

  it("transforms every image of a batch by its own matrix", async () => {
    const moved = tf.tidy(() =>
      tf.image.transform(
        tf.tensor4d([1, 2, 3, 4, 5, 6], [2, 1, 3, 1]),
        tf.tensor2d([
          [1, 0, 1, 0, 1, 0, 0, 0],
          [1, 0, -1, 0, 1, 0, 0, 0],
        ]),
        "nearest",
        "constant",
        9,
      ),
    );
    // One pixel to the left in the first image, one to the right in the second.
    expect([...(await moved.data())]).toEqual([2, 3, 9, 9, 4, 5]);
    moved.dispose();
  });

  it("draws from each row by its own probabilities, the same for the same seed", async () => {
    const draws = (seed: number) =>
      tf.tidy(() =>
        tf.multinomial(
          tf.tensor2d([
            [0.5, 0.2, 0.3],
            [0, 1, 0],
          ]),
          20_000,
          seed,
          true,
        ),
      );
    const [a, b, c] = [draws(7), draws(7), draws(8)];
    const [first, again, other] = [await a.data(), await b.data(), await c.data()];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const share = (event: number) => first.subarray(0, 20_000).filter((e) => e === event).length / 20_000;
    // Four standard deviations of a share of 20,000 draws are at most 0.0142.
    expect(Math.abs(share(0) - 0.5)).toBeLessThan(0.0142);
    expect(Math.abs(share(1) - 0.2)).toBeLessThan(0.0142);
    expect(first.subarray(20_000).every((event) => event === 1)).toBe(true);
    tf.dispose([a, b, c]);
  });

  it("adds up gradients of windows that share their maximum, the same at every run", async () => {
    // The centre of a 3×3 image is the greatest of all four 2×2 windows.
    const dx = () =>
      tf.tidy(() =>
        tf.grad((x: tf.Tensor) =>
          tf
            .maxPool(x as tf.Tensor4D, 2, 1, "valid")
            .mul(tf.tensor4d([1, 2, 4, 8], [1, 2, 2, 1]))
            .sum(),
        )(tf.tensor4d([1, 2, 3, 4, 9, 5, 6, 7, 8], [1, 3, 3, 1])),
      );
    for (let run = 0; run < 3; run++) {
      const gradient = dx();
      expect([...(await gradient.data())]).toEqual([0, 0, 0, 0, 15, 0, 0, 0, 0]);
      gradient.dispose();
    }
  });

  it("pools a volume one pixel deep as it pools an image, padding and gradient included", async () => {
    const [flat, deep] = tf.tidy(() => {
      const x = normal([2, 5, 7, 3]) as tf.Tensor4D;
      const pooled = (t: tf.Tensor) => tf.maxPool(t as tf.Tensor4D, [3, 2], 2, "same");
      const pooled3d = (t: tf.Tensor) =>
        tf.maxPool3d(t.reshape([2, 1, 5, 7, 3]) as tf.Tensor5D, [1, 3, 2], [1, 2, 2], "same").squeeze([1]);
      return [gradients(pooled, [x])[0], gradients(pooled3d, [x])[0]];
    }) as [tf.Tensor, tf.Tensor];
    expect(await deep.data()).toEqual(await flat.data());
    expect((await flat.data()).filter((value) => value !== 0).length).toBeGreaterThan(40);
    tf.dispose([flat, deep]);
  });

  it("passes NaN through max and min, and through relu's slope", async () => {
    const x = tf.tensor2d([
      [1, Number.NaN, -3],
      [Number.NEGATIVE_INFINITY, 2, Number.POSITIVE_INFINITY],
    ]);
    const results = tf.tidy(() => [x.max(1), x.min(1), tf.step(x)]) as tf.Tensor[];
    const values = await Promise.all(results.map(async (t) => [...(await t.data())]));
    expect(values).toEqual([
      [Number.NaN, Number.POSITIVE_INFINITY],
      [Number.NaN, Number.NEGATIVE_INFINITY],
      [1, Number.NaN, 0, 0, 1, 1],
    ]);
    tf.dispose([x, ...results]);
  });

  it("tells infinities apart in what a graph is known by", async () => {
    for (const value of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const padded = tf.tidy(() => tf.pad(tf.tensor1d([1, 2]), [[0, 1]], value));
      expect([...(await padded.data())]).toEqual([1, 2, value]);
      padded.dispose();
    }
  });

  it("says what to do when a kernel needs values that are not there yet", async () => {
    const pending = tf.tensor1d([1, 2, 1]).add(1) as tf.Tensor1D;
    let error: unknown;
    try {
      tf.unique(pending);
    } catch (caught) {
      error = caught;
    }
    expect(error instanceof BackendError && error.code).toBe("synchronous-read");
    await pending.data();
    const { values, indices } = tf.unique(pending);
    expect([...(await values.data())]).toEqual([2, 3]);
    tf.dispose([pending, values, indices]);
  });

  it("moves text as it moves numbers", async () => {
    const words = tf.tidy(() => tf.concat([tf.tensor1d(["a", "b"]), tf.tensor1d(["c"])]).slice(1));
    expect(await words.data()).toEqual(["b", "c"]);
    words.dispose();
  });
});
