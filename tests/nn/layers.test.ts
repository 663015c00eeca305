import { beforeAll, describe, expect, it } from "vitest";
import {
  activation,
  adaptiveNorm,
  batchNorm,
  branches,
  convolution,
  depthToSpace,
  depthwiseConvolution,
  groupNorm,
  haarWavelets,
  inverseHaarWavelets,
  keepingSize,
  leakyRelu,
  pool,
  rescale,
  residual,
  selfAttention,
  sequence,
  spaceToDepth,
  spatialNorm,
  spectralConvolution,
  upsample,
  upsampledConvolution,
} from "../../src/nn/index.js";
import { useEngine } from "../engine.js";
import { checkExport, checkGradients, checkValues, type LayerCase } from "./check-layer.js";
import {
  at,
  attendEverywhere,
  convolve,
  convolveDepthwise,
  enlarge,
  type Grid,
  gridOf,
  haar,
  inverseHaar,
  map,
  normalizeBatch,
  normalizeByStatistics,
  normalizeGroups,
  normalizeSpatially,
  numbers,
  poolWindows,
  sum,
} from "./grids.js";

beforeAll(useEngine);

/** erf by its Taylor series, Σ (-1)ⁿ z²ⁿ⁺¹ / (n! (2n+1)) · 2/√π. */
function erf(z: number): number {
  let [term, total] = [z, z];
  for (let n = 1; n < 40; n++) {
    term *= (-z * z) / n;
    total += term / (2 * n + 1);
  }
  return (total * 2) / Math.sqrt(Math.PI);
}

const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
const largest = (values: readonly number[]) => Math.max(...values);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
const nameless = (formula: (value: number) => number) => (input: Grid) => map(input, formula);

const cases: Readonly<Record<string, LayerCase>> = {
  "convolution 1×1": {
    layer: convolution({ name: "c", kernel: 1, inputs: 5, outputs: 3 }),
    input: [2, 7, 5, 5],
    reference: (x, w) => convolve(x, w, { name: "c", kernel: [1, 1], outputs: 3 }),
    flop: 2 * 7 * 5 * 5 * 3,
  },
  "convolution 1×1 without bias": {
    layer: convolution({ name: "c", kernel: 1, inputs: 5, outputs: 3, bias: false }),
    input: [2, 7, 5, 5],
    reference: (x, w) => convolve(x, w, { name: "c", kernel: [1, 1], outputs: 3 }),
    flop: 2 * 7 * 5 * 5 * 3,
  },
  "convolution 1×1, stride 2": {
    layer: convolution({ name: "c", kernel: 1, stride: 2, inputs: 5, outputs: 3 }),
    input: [2, 7, 5, 5],
    reference: (x, w) => convolve(x, w, { name: "c", kernel: [1, 1], stride: [2, 2], outputs: 3 }),
    flop: 2 * 4 * 3 * 5 * 3,
  },
  "convolution 3×3 that keeps the size": {
    layer: convolution({ name: "c", kernel: 3, padding: 1, inputs: 4, outputs: 6 }),
    input: [2, 7, 5, 4],
    reference: (x, w) => convolve(x, w, { name: "c", kernel: [3, 3], padding: [1, 1, 1, 1], outputs: 6 }),
    flop: 2 * 7 * 5 * 9 * 4 * 6,
  },
  "convolution 3×3, wide enough for tiles": {
    layer: convolution({ name: "c", kernel: 3, padding: 1, inputs: 32, outputs: 36, start: { constant: 0 } }),
    input: [1, 9, 13, 32],
    reference: (x, w) => convolve(x, w, { name: "c", kernel: [3, 3], padding: [1, 1, 1, 1], outputs: 36 }),
    flop: 2 * 9 * 13 * 9 * 32 * 36,
  },
  "convolution 4×4, stride 2, on an even grid: the encoder's way down": {
    layer: convolution({ name: "c", kernel: 4, stride: 2, padding: 1, inputs: 3, outputs: 5 }),
    input: [2, 8, 4, 3],
    reference: (x, w) =>
      convolve(x, w, { name: "c", kernel: [4, 4], stride: [2, 2], padding: [1, 1, 1, 1], outputs: 5 }),
    flop: 2 * 4 * 2 * 16 * 3 * 5,
  },
  "convolution 4×4, stride 2, on an odd grid: a discriminator's": {
    layer: convolution({ name: "c", kernel: 4, stride: 2, padding: 1, inputs: 3, outputs: 5, bias: false }),
    input: [2, 9, 7, 3],
    reference: (x, w) =>
      convolve(x, w, { name: "c", kernel: [4, 4], stride: [2, 2], padding: [1, 1, 1, 1], outputs: 5 }),
    flop: 2 * 4 * 3 * 16 * 3 * 5,
  },
  "convolution 3×3, stride 2, zeros below and to the right: VQGAN's way down": {
    layer: convolution({
      name: "c",
      kernel: 3,
      stride: 2,
      padding: { top: 0, bottom: 1, left: 0, right: 1 },
      inputs: 3,
      outputs: 4,
    }),
    input: [2, 8, 6, 3],
    reference: (x, w) =>
      convolve(x, w, { name: "c", kernel: [3, 3], stride: [2, 2], padding: [0, 1, 0, 1], outputs: 4 }),
    flop: 2 * 4 * 3 * 9 * 3 * 4,
  },
  "convolution 2×5, stride 1×3, other zeros on each side": {
    layer: convolution({
      name: "c",
      kernel: [2, 5],
      stride: [1, 3],
      padding: { top: 1, bottom: 0, left: 3, right: 2 },
      inputs: 3,
      outputs: 4,
    }),
    input: [2, 6, 9, 3],
    reference: (x, w) =>
      convolve(x, w, { name: "c", kernel: [2, 5], stride: [1, 3], padding: [1, 0, 3, 2], outputs: 4 }),
    flop: 2 * 6 * 4 * 10 * 3 * 4,
  },
  "convolution 7×7, stride 4, no zeros: rows and columns that no window reaches": {
    layer: convolution({ name: "c", kernel: 7, stride: 4, inputs: 2, outputs: 3 }),
    input: [1, 17, 13, 2],
    reference: (x, w) => convolve(x, w, { name: "c", kernel: [7, 7], stride: [4, 4], outputs: 3 }),
    flop: 2 * 3 * 2 * 49 * 2 * 3,
  },
  // Exported with taps that were summed in double precision, and with the bias inside the convolution.
  "upsampled convolution": {
    exportTolerance: 1e-6,
    layer: upsampledConvolution({ name: "u", inputs: 4, outputs: 3 }),
    input: [2, 5, 3, 4],
    reference: (x, w) =>
      convolve(enlarge(x, 2), w, { name: "u", kernel: [3, 3], padding: [1, 1, 1, 1], outputs: 3 }),
    flop: 2 * 10 * 6 * 9 * 4 * 3,
  },
  "upsampled convolution without bias": {
    exportTolerance: 1e-6,
    layer: upsampledConvolution({ name: "u", inputs: 4, outputs: 3, bias: false }),
    input: [2, 5, 3, 4],
    reference: (x, w) =>
      convolve(enlarge(x, 2), w, { name: "u", kernel: [3, 3], padding: [1, 1, 1, 1], outputs: 3 }),
    flop: 2 * 10 * 6 * 9 * 4 * 3,
  },
  "upsampled convolution 5×5": {
    layer: upsampledConvolution({ name: "u", kernel: 5, inputs: 2, outputs: 3 }),
    input: [2, 5, 3, 2],
    reference: (x, w) =>
      convolve(enlarge(x, 2), w, { name: "u", kernel: [5, 5], padding: [2, 2, 2, 2], outputs: 3 }),
    flop: 2 * 10 * 6 * 25 * 2 * 3,
  },
  "group norm": {
    layer: groupNorm({ name: "g", channels: 6, groups: 2 }),
    input: [2, 5, 3, 6],
    reference: (x, w) => normalizeGroups(x, w, { name: "g", groups: 2, epsilon: 1e-6 }),
    flop: 0,
  },
  "group norm of as many groups as channels, another ε": {
    layer: groupNorm({ name: "g", channels: 5, groups: 5, epsilon: 0.1 }),
    input: [2, 4, 7, 5],
    reference: (x, w) => normalizeGroups(x, w, { name: "g", groups: 5, epsilon: 0.1 }),
    flop: 0,
  },
  "group norm of one group": {
    layer: groupNorm({ name: "g", channels: 6, groups: 1, epsilon: 1e-5 }),
    input: [3, 2, 5, 6],
    reference: (x, w) => normalizeGroups(x, w, { name: "g", groups: 1, epsilon: 1e-5 }),
    flop: 0,
  },
  relu: {
    layer: activation("relu"),
    input: [2, 5, 3, 2],
    reference: nameless((v) => Math.max(v, 0)),
    flop: 0,
  },
  relu6: {
    layer: sequence([convolution({ name: "c", kernel: 1, inputs: 2, outputs: 9 }), activation("relu6")]),
    input: [2, 5, 3, 2],
    reference: (x, w) =>
      map(convolve(x, w, { name: "c", kernel: [1, 1], outputs: 9 }), (v) => Math.min(Math.max(v, 0), 6)),
    flop: 2 * 5 * 3 * 2 * 9,
  },
  silu: {
    layer: activation("silu"),
    input: [2, 5, 3, 2],
    reference: nameless((v) => v * sigmoid(v)),
    flop: 0,
  },
  sigmoid: { layer: activation("sigmoid"), input: [2, 5, 3, 2], reference: nameless(sigmoid), flop: 0 },
  tanh: { layer: activation("tanh"), input: [2, 5, 3, 2], reference: nameless(Math.tanh), flop: 0 },
  gelu: {
    layer: activation("gelu"),
    input: [2, 5, 3, 2],
    reference: nameless((v) => (v / 2) * (1 + erf(v / Math.SQRT2))),
    flop: 0,
  },
  "depthwise convolution": {
    layer: depthwiseConvolution({ name: "d", kernel: 3, padding: 1, channels: 5 }),
    input: [2, 7, 4, 5],
    reference: (x, w) =>
      convolveDepthwise(x, w, { name: "d", kernel: [3, 3], padding: [1, 1, 1, 1], multiplier: 1 }),
    flop: 2 * 7 * 4 * 9 * 5,
  },
  "depthwise convolution 5×2, stride 2, other zeros on each side, two outputs a channel, no bias": {
    layer: depthwiseConvolution({
      name: "d",
      kernel: [5, 2],
      stride: 2,
      padding: { top: 2, bottom: 1, left: 0, right: 1 },
      channels: 3,
      multiplier: 2,
      bias: false,
    }),
    input: [2, 7, 6, 3],
    reference: (x, w) =>
      convolveDepthwise(x, w, {
        name: "d",
        kernel: [5, 2],
        stride: [2, 2],
        padding: [2, 1, 0, 1],
        multiplier: 2,
      }),
    flop: 2 * 3 * 3 * 10 * 6,
  },
  "leaky relu": {
    layer: leakyRelu(),
    input: [2, 5, 3, 2],
    reference: nameless((v) => (v > 0 ? v : 0.2 * v)),
    flop: 0,
  },
  "leaky relu of another slope": {
    layer: leakyRelu(0.01),
    input: [1, 5, 3, 2],
    reference: nameless((v) => (v > 0 ? v : 0.01 * v)),
    flop: 0,
  },
  "max pool": {
    layer: pool("max", { kernel: 2, stride: 2 }),
    input: [2, 7, 4, 3],
    reference: (x) => poolWindows(x, { kernel: [2, 2], stride: [2, 2] }, largest),
    flop: 0,
  },
  "max pool 3×3, stride 2, zeros below and to the right: sizes rounded up": {
    layer: pool("max", { kernel: 3, stride: 2, padding: { top: 0, bottom: 1, left: 0, right: 1 } }),
    input: [2, 8, 5, 3],
    reference: (x) => poolWindows(x, { kernel: [3, 3], stride: [2, 2], padding: [0, 1, 0, 1] }, largest),
    flop: 0,
  },
  "average pool": {
    layer: pool("average", { kernel: [2, 3], stride: [2, 3] }),
    input: [2, 6, 7, 3],
    reference: (x) => poolWindows(x, { kernel: [2, 3], stride: [2, 3] }, mean),
    flop: 0,
  },
  "average pool 3×3 with padding, which does not count": {
    layer: pool("average", { kernel: 3, stride: 2, padding: 1 }),
    input: [1, 7, 5, 3],
    reference: (x) => poolWindows(x, { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] }, mean),
    flop: 0,
  },
  "depth to space": {
    layer: depthToSpace(2),
    input: [2, 3, 5, 12],
    reference: (x) =>
      gridOf([2, 6, 10, 3], (n, row, column, c) =>
        at(x)(n, row >> 1, column >> 1, (2 * (row % 2) + (column % 2)) * 3 + c),
      ),
    flop: 0,
  },
  "depth to space, as PyTorch's pixel shuffle by 3": {
    layer: depthToSpace(3, "channel-major"),
    input: [2, 2, 3, 18],
    reference: (x) =>
      gridOf([2, 6, 9, 2], (n, row, column, c) =>
        at(x)(n, Math.floor(row / 3), Math.floor(column / 3), 9 * c + 3 * (row % 3) + (column % 3)),
      ),
    flop: 0,
  },
  "space to depth": {
    layer: spaceToDepth(2),
    input: [2, 6, 10, 3],
    reference: (x) =>
      gridOf([2, 3, 5, 12], (n, row, column, c) => {
        const place = Math.floor(c / 3);
        return at(x)(n, 2 * row + (place >> 1), 2 * column + (place % 2), c % 3);
      }),
    flop: 0,
  },
  "space to depth, as PyTorch's pixel unshuffle by 3": {
    layer: spaceToDepth(3, "channel-major"),
    input: [2, 6, 9, 2],
    reference: (x) =>
      gridOf([2, 2, 3, 18], (n, row, column, c) => {
        const place = c % 9;
        return at(x)(n, 3 * row + Math.floor(place / 3), 3 * column + (place % 3), Math.floor(c / 9));
      }),
    flop: 0,
  },
  "batch norm by its running statistics": {
    layer: batchNorm({ name: "b", channels: 5 }),
    input: [2, 3, 7, 5],
    reference: (x, w) => normalizeBatch(x, w, { name: "b", epsilon: 1e-5 }),
    flop: 0,
  },
  "batch norm after a convolution without bias, another ε": {
    layer: sequence([
      convolution({ name: "c", kernel: 3, padding: 1, inputs: 2, outputs: 5, bias: false }),
      batchNorm({ name: "b", channels: 5, epsilon: 0.01 }),
    ]),
    input: [2, 3, 7, 2],
    reference: (x, w) => {
      const made = convolve(x, w, { name: "c", kernel: [3, 3], padding: [1, 1, 1, 1], outputs: 5 });
      return normalizeBatch(made, w, { name: "b", epsilon: 0.01 });
    },
    flop: 2 * 3 * 7 * 9 * 2 * 5,
  },
  "branches of a 1×1 and a 3×3 convolution": {
    layer: branches([
      convolution({ name: "a", kernel: 1, inputs: 3, outputs: 2 }),
      sequence([
        convolution({ name: "b", kernel: 3, padding: 1, inputs: 3, outputs: 4 }),
        activation("tanh"),
      ]),
    ]),
    input: [2, 5, 7, 3],
    reference: (x, w) => {
      const narrow = convolve(x, w, { name: "a", kernel: [1, 1], outputs: 2 });
      const wide = convolve(x, w, { name: "b", kernel: [3, 3], padding: [1, 1, 1, 1], outputs: 4 });
      return gridOf([2, 5, 7, 6], (n, row, column, c) =>
        c < 2 ? at(narrow)(n, row, column, c) : Math.tanh(at(wide)(n, row, column, c - 2)),
      );
    },
    flop: 2 * 5 * 7 * (3 * 2 + 9 * 3 * 4),
  },
  "spectral convolution, by the direction that it has": {
    layer: spectralConvolution({ name: "s", kernel: 4, stride: 2, padding: 1, inputs: 3, outputs: 5 }),
    input: [2, 8, 6, 3],
    reference: (x, w) => {
      const kernel = numbers(w, "s/kernel");
      const direction = Array.from(numbers(w, "s/direction"));
      const length = Math.hypot(...direction);
      // σ = ‖Mu‖, M [48, 5] the kernel, u the direction at length 1.
      const products = Array.from({ length: 48 }, (_, row) =>
        direction.reduce((sum, u, o) => sum + ((kernel[row * 5 + o] as number) * u) / length, 0),
      );
      const norm = Math.hypot(...products);
      const scaled = new Map(w).set(
        "s/kernel",
        Float64Array.from(kernel, (value) => value / norm),
      );
      return convolve(x, scaled, {
        name: "s",
        kernel: [4, 4],
        stride: [2, 2],
        padding: [1, 1, 1, 1],
        outputs: 5,
      });
    },
    flop: 2 * 4 * 3 * 16 * 3 * 5,
    // The export divides in double precision, once.
    exportTolerance: 1e-6,
  },
  upsample: { layer: upsample(), input: [2, 5, 3, 2], reference: (x) => enlarge(x, 2), flop: 0 },
  "upsample by 3": { layer: upsample(3), input: [2, 5, 3, 2], reference: (x) => enlarge(x, 3), flop: 0 },
  rescale: {
    layer: rescale({ factor: 0.5, offset: 0.25 }),
    input: [2, 5, 3, 2],
    reference: nameless((v) => 0.5 * v + 0.25),
    flop: 0,
  },
  // The products of one image are Gemm in the engine and MatMul in the graph, which may round the last bit apart.
  "self-attention": {
    exportTolerance: 1e-6,
    layer: selfAttention({ name: "a", channels: 6 }),
    input: [2, 5, 3, 6],
    reference: (x, w) => attendEverywhere(x, w, { name: "a" }),
    // Four projections, and 15 positions with each other, twice.
    flop: 2 * (4 * 15 * 6 * 6 + 2 * 15 * 15 * 6),
  },
  "spatial norm": {
    layer: spatialNorm({ name: "s", channels: 6, groups: 3, codeDim: 2, scale: 2 }),
    input: [2, 4, 6, 6],
    codes: { scale: 2, codeDim: 2 },
    reference: (x, w, codes) => normalizeSpatially(x, w, { name: "s", groups: 3, epsilon: 1e-6, codes }),
    flop: 2 * 2 * 2 * 3 * 2 * 6,
  },
  "spatial norm on the codes' own grid, another ε": {
    layer: spatialNorm({ name: "s", channels: 4, groups: 2, epsilon: 0.1, codeDim: 3, scale: 1 }),
    input: [2, 5, 3, 4],
    codes: { scale: 1, codeDim: 3 },
    reference: (x, w, codes) => normalizeSpatially(x, w, { name: "s", groups: 2, epsilon: 0.1, codes }),
    flop: 2 * 2 * 5 * 3 * 3 * 4,
  },
  "adaptive norm": {
    layer: adaptiveNorm({ name: "n", channels: 6, groups: 3, codeDim: 4 }),
    input: [2, 6, 4, 6],
    codes: { scale: 2, codeDim: 4 },
    reference: (x, w, codes) => normalizeByStatistics(x, w, { name: "n", groups: 3, epsilon: 1e-6, codes }),
    flop: 2 * 2 * 4 * 6,
  },
  // A product of one row is summed in another order where the row is an image of one pixel.
  "adaptive norm by one code, which has no deviation, another ε": {
    exportTolerance: 1e-6,
    layer: adaptiveNorm({ name: "n", channels: 4, groups: 2, epsilon: 0.1, codeDim: 3 }),
    input: [2, 2, 2, 4],
    codes: { scale: 2, codeDim: 3 },
    reference: (x, w, codes) => normalizeByStatistics(x, w, { name: "n", groups: 2, epsilon: 0.1, codes }),
    flop: 2 * 2 * 3 * 4,
  },
  "Haar wavelets": { layer: haarWavelets(), input: [2, 6, 10, 3], reference: haar, flop: 0 },
  "Haar wavelets, undone": {
    layer: inverseHaarWavelets(),
    input: [2, 3, 5, 12],
    reference: inverseHaar,
    flop: 0,
  },
  "Haar wavelets twice: 16 bands of 4×4 pixels": {
    layer: sequence([haarWavelets(), haarWavelets()]),
    input: [1, 4, 12, 3],
    reference: (x) => haar(haar(x)),
    flop: 0,
  },
  "residual around two convolutions": {
    layer: residual({
      body: [
        activation("silu"),
        convolution({ name: "a", kernel: 3, padding: 1, inputs: 4, outputs: 2 }),
        activation("relu"),
        convolution({ name: "b", kernel: 3, padding: keepingSize(3), inputs: 2, outputs: 4 }),
      ],
    }),
    input: [2, 5, 3, 4],
    reference: (x, w) => {
      const padding = [1, 1, 1, 1] as const;
      const a = convolve(
        map(x, (v) => v * sigmoid(v)),
        w,
        { name: "a", kernel: [3, 3], padding, outputs: 2 },
      );
      const relu = map(a, (v) => Math.max(v, 0));
      return sum(x, convolve(relu, w, { name: "b", kernel: [3, 3], padding, outputs: 4 }));
    },
    flop: 2 * 5 * 3 * 9 * (4 * 2 + 2 * 4),
  },
  "residual with a shortcut that changes size and width": {
    layer: residual({
      body: [convolution({ name: "a", kernel: 3, stride: 2, padding: 1, inputs: 2, outputs: 5 })],
      shortcut: [convolution({ name: "b", kernel: 1, stride: 2, inputs: 2, outputs: 5, bias: false })],
    }),
    input: [2, 7, 5, 2],
    reference: (x, w) => {
      const stride = [2, 2] as const;
      const body = convolve(x, w, { name: "a", kernel: [3, 3], stride, padding: [1, 1, 1, 1], outputs: 5 });
      return sum(body, convolve(x, w, { name: "b", kernel: [1, 1], stride, outputs: 5 }));
    },
    flop: 2 * 4 * 3 * (9 + 1) * 2 * 5,
  },
};

describe.each(Object.entries(cases))("%s", (_, each) => {
  it("computes what plain loops compute, in the size and at the cost that it tells", () => checkValues(each));
  it("has the gradients that central differences have", () => checkGradients(each));
  it("is exported as the engine computes it", () => checkExport(each));
});

describe("a layer that is asked for the impossible says so", () => {
  it.each([
    [
      () => convolution({ name: "c", kernel: 0, inputs: 1, outputs: 1 }),
      /c: kernel: expected integers >= 1, got 0/,
    ],
    [
      () => convolution({ name: "c", kernel: 3, stride: 1.5, inputs: 1, outputs: 1 }),
      /c: stride: expected integers >= 1, got 1.5/,
    ],
    [
      () => convolution({ name: "c", kernel: 3, padding: -1, inputs: 1, outputs: 1 }),
      /c: padding: expected integers >= 0, got -1/,
    ],
    [
      () => groupNorm({ name: "g", channels: 6, groups: 4 }),
      /g: expected groups that divide 6 channels, got 4/,
    ],
  ])("%#", (make, message) => {
    expect(make).toThrow(message);
  });

  it.each([
    [
      convolution({ name: "c", kernel: 3, inputs: 2, outputs: 1 }),
      [2, 9, 2],
      /c: expected shape \[N,H,W,C\] with H >= 3 and W >= 3, got \[2,9\]/,
    ],
    [
      convolution({ name: "c", kernel: 3, inputs: 2, outputs: 1 }),
      [5, 9, 3],
      /c: expected shape \[H,W,2\], got \[5,9,3\]/,
    ],
    [
      groupNorm({ name: "g", channels: 6, groups: 3 }),
      [5, 9, 3],
      /g: expected shape \[H,W,6\], got \[5,9,3\]/,
    ],
    [
      spaceToDepth(3),
      [6, 8, 2],
      /spaceToDepth: expected shape \[H,W,C\] with H and W multiples of 3, got \[6,8,2\]/,
    ],
    [
      depthToSpace(2),
      [6, 8, 6],
      /depthToSpace: expected shape \[H,W,C\] with C a multiple of 4, got \[6,8,6\]/,
    ],
    [
      pool("max", { kernel: 2 }),
      [1, 8, 6],
      /pool: expected shape \[N,H,W,C\] with H >= 2 and W >= 2, got \[1,8\]/,
    ],
    [depthwiseConvolution({ name: "d", kernel: 1, channels: 2 }), [1, 8, 6], /d: expected shape \[H,W,2\]/],
    [
      residual({ body: [convolution({ name: "c", kernel: 3, inputs: 2, outputs: 2 })] }),
      [5, 9, 2],
      /residual: expected shape \[5,9,2\], the shortcut's, got \[3,7,2\]/,
    ],
  ] as const)("%#", (layer, size, message) => {
    expect(() => layer.cost(size)).toThrow(message);
  });
});
