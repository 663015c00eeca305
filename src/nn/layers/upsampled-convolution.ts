import type { GraphWriter } from "../../backend/index.js";
import { joinArrays } from "../../core/typed-arrays.js";
import { type ImageValue, inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import type { WeightValues } from "../state-dict.js";
import { outputsFirst, weightOf } from "../weights.js";
import { keepingSize } from "../windows.js";
import { type ConvolutionOptions, convolution } from "./convolution.js";
import { upsample } from "./upsample.js";

export interface UpsampledConvolutionOptions
  extends Pick<ConvolutionOptions, "name" | "inputs" | "outputs" | "bias" | "start"> {
  /** Odd. Default 3. */
  readonly kernel?: number;
}

/**
 * Nearest-neighbour, twice the height and width, and then a convolution that keeps that size: the way up of VQGAN's and
 * many other decoders.
 *
 * The engine and the export know the pair with a 3×3 kernel as one operation, which takes 4/9 of the arithmetic.
 */
export function upsampledConvolution({ kernel = 3, ...options }: UpsampledConvolutionOptions): Layer {
  const doubled = upsample();
  const convolved = convolution({ ...options, kernel, padding: keepingSize(kernel) });
  return {
    parameters: convolved.parameters,
    apply: (x, context) => convolved.apply(doubled.apply(x, context), context),
    cost: (input) => convolved.cost(doubled.cost(input).output),
    onnx: (g, x, weights) =>
      kernel === 3
        ? g.within(options.name, () => convolveDoubled(g, x, { ...options, weights }))
        : convolved.onnx(g, doubled.onnx(g, x, weights), weights),
  };
}

/**
 * A 2×2 convolution of the small image to four times the channels, with filter taps that meet the same pixel summed
 * beforehand; see `convolveDoubled` of the engine (src/backend/kernels/doubled-convolution.ts).
 */
function convolveDoubled(
  g: GraphWriter,
  x: ImageValue,
  {
    name,
    inputs,
    outputs,
    bias = true,
    weights,
  }: Pick<ConvolutionOptions, "name" | "inputs" | "outputs" | "bias"> & { readonly weights: WeightValues },
): ImageValue {
  const filter = placedFilter(weightOf(weights, `${name}/kernel`).data, inputs * outputs);
  const size = 4 * inputs * outputs;
  const placed = new Float32Array(4 * size);
  for (let place = 0; place < 4; place++) {
    const taps = filter.subarray(place * size, (place + 1) * size); // [4, I, O]
    placed.set(outputsFirst(taps, [4, inputs, outputs]), place * size);
  }
  const biases = bias
    ? [g.constant(`${name}/bias`, repeated(weightOf(weights, `${name}/bias`).data, 4), [4 * outputs])]
    : [];
  const windows = g.op(
    "Conv",
    [inLayout(g, x, "NCHW"), g.constant(`${name}/kernel`, placed, [4 * outputs, inputs, 2, 2]), ...biases],
    { kernel_shape: [2, 2], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] },
  ); // [N, 4*O, H+1, W+1]
  const blocks = g.op("DepthToSpace", [windows], { blocksize: 2, mode: "DCR" }); // [N, O, 2H+2, 2W+2]
  const inner = [g.int64s([1, 1]), g.int64s([-1, -1]), g.int64s([2, 3])];
  const made = g.op("Slice", [blocks, ...inner]);
  return { ...x, name: made, layout: "NCHW", channels: outputs, scale: 2 * x.scale };
}

/**
 * filter [9, rest] → [4 places of the 2×2 block, 4 taps, rest]. Along one axis, the first place is the odd output, whose
 * taps 0 and 1 meet the near pixel and tap 2 the far one; the second is the even output: tap 0, then taps 1 and 2.
 */
function placedFilter(filter: Float32Array, rest: number): Float32Array {
  const axis = [
    [[0, 1], [2]],
    [[0], [1, 2]],
  ] as const;
  const placed = new Float32Array(16 * rest);
  let at = 0;
  for (const vertical of axis)
    for (const horizontal of axis)
      for (const rows of vertical)
        for (const columns of horizontal) {
          for (let i = 0; i < rest; i++) {
            let sum = 0;
            for (const ky of rows)
              for (const kx of columns) sum += filter[(3 * ky + kx) * rest + i] as number;
            placed[at++] = sum;
          }
        }
  return placed;
}

function repeated(values: Float32Array, times: number): Float32Array {
  return joinArrays(new Array<Float32Array>(times).fill(values), (length) => new Float32Array(length));
}
