import { groupNormEpsilon, type Layer, type WeightValue } from "../../autoencoder/index.js";
import type { Dimension, GraphWriter } from "../../backend/index.js";

/** An image tensor, in the one of the two memory layouts in which it was made. */
export interface ImageValue {
  readonly name: string;
  readonly layout: "NHWC" | "NCHW";
  readonly channels: number;
  /** Its sides over those of the latent grid. */
  readonly scale: number;
}

type ConvolutionLayer = Extract<Layer, { kind: "convolution" }>;
type GroupNormLayer = Extract<Layer, { kind: "groupNorm" }>;

export interface LayerOptions {
  /** Weights by name, as the autoencoder has them. */
  readonly weights: ReadonlyMap<string, WeightValue>;
}

/**
 * Writes a list of layers, operator for operator as the engine computes them (src/backend/kernels), so that the sums
 * have the same order and the same rounding.
 */
export function writeLayers(
  g: GraphWriter,
  layers: readonly Layer[],
  { input, ...options }: LayerOptions & { readonly input: ImageValue },
): ImageValue {
  let value = input;
  for (const [i, layer] of layers.entries()) {
    const next = layers[i + 1];
    if (layer.kind === "upsample" && next?.kind === "convolution" && next.kernel === 3) continue;
    const isDoubled =
      layers[i - 1]?.kind === "upsample" && layer.kind === "convolution" && layer.kernel === 3;
    value = isDoubled ? convolveDoubled(g, layer, value, options) : writeLayer(g, layer, value, options);
  }
  return value;
}

function writeLayer(g: GraphWriter, layer: Layer, x: ImageValue, options: LayerOptions): ImageValue {
  switch (layer.kind) {
    case "convolution":
      return g.within(layer.name, () => convolve(g, layer, x, options));
    case "groupNorm":
      return g.within(layer.name, () => groupNormalize(g, layer, x, options));
    case "activation":
      return { ...x, name: activate(g, layer.activation, x.name) };
    case "upsample":
      return upsample(g, x);
    case "residual": {
      const body = writeLayers(g, layer.body, { input: x, ...options });
      const skip = { ...body, name: inLayout(g, x, body.layout) };
      // ONNX Runtime joins the addition to the convolution, and so changes the order of its sums, if it knows that both
      // have one shape. In the engine's graphs it does.
      for (const value of [skip, body]) g.describe(value.name, dimsOf(value));
      return { ...body, name: g.op("Add", [skip.name, body.name]) };
    }
    default:
      return layer satisfies never;
  }
}

function dimsOf({ layout, channels, scale }: ImageValue): Dimension[] {
  const side = (name: string) => (scale === 1 ? name : `${name}_x${scale}`);
  const [height, width] = [side("grid_height"), side("grid_width")];
  return layout === "NCHW" ? ["batch", channels, height, width] : ["batch", height, width, channels];
}

/** The tensor's name in a layout; moves the data only where it is in the other one. */
export function inLayout(g: GraphWriter, { name, layout }: ImageValue, wanted: ImageValue["layout"]): string {
  if (layout === wanted) return name;
  return g.op("Transpose", [name], { perm: wanted === "NCHW" ? [0, 3, 1, 2] : [0, 2, 3, 1] });
}

function convolve(g: GraphWriter, layer: ConvolutionLayer, x: ImageValue, options: LayerOptions): ImageValue {
  const { name, kernel, stride, inputChannels, outputChannels } = layer;
  const filter = weight(options, `${name}/kernel`);
  const bias = biasOf(g, name, options);
  if (kernel === 1 && x.layout === "NHWC") {
    // Rows that stand in order: one matrix product, as in the engine.
    const table = g.constant(`${name}/kernel`, filter.data, [inputChannels, outputChannels]);
    const rows = g.reshape(x.name, [-1, inputChannels]); // [N*H*W, I]
    const product = g.op("Gemm", [rows, table, bias]);
    const made = g.reshape(product, [g.sizes(x.name, 0, 3), outputChannels]);
    return { ...x, name: made, channels: outputChannels };
  }
  const turned = outputsFirst(filter.data, [kernel * kernel, inputChannels, outputChannels]);
  const weights = g.constant(`${name}/kernel`, turned, [outputChannels, inputChannels, kernel, kernel]);
  const pad = kernel === 1 ? 0 : 1;
  const made = g.op("Conv", [inLayout(g, x, "NCHW"), weights, bias], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    dilations: [1, 1],
    pads: [pad, pad, pad, pad],
  });
  return { name: made, layout: "NCHW", channels: outputChannels, scale: x.scale / stride };
}

/**
 * A 3×3 convolution of an image enlarged to twice its sides: a 2×2 convolution of the small image to four times the
 * channels, with filter taps that meet the same pixel summed beforehand; see `convolveDoubled` of the engine
 * (src/backend/kernels/doubled-convolution.ts). It takes 4/9 of the arithmetic.
 */
function convolveDoubled(
  g: GraphWriter,
  layer: ConvolutionLayer,
  x: ImageValue,
  options: LayerOptions,
): ImageValue {
  const { name, inputChannels, outputChannels } = layer;
  return g.within(name, () => {
    const filter = placedFilter(weight(options, `${name}/kernel`).data, inputChannels * outputChannels);
    const weights = Array.from({ length: 4 }, (_, place) => {
      const size = 4 * inputChannels * outputChannels;
      const taps = filter.subarray(place * size, (place + 1) * size); // [4, I, O]
      return outputsFirst(taps, [4, inputChannels, outputChannels]);
    });
    const dims = [4 * outputChannels, inputChannels, 2, 2];
    const bias = weight(options, `${name}/bias`).data;
    const windows = g.op(
      "Conv",
      [
        inLayout(g, x, "NCHW"),
        g.constant(`${name}/kernel`, concatenated(weights), dims),
        g.constant(`${name}/bias`, concatenated([bias, bias, bias, bias]), [4 * outputChannels]),
      ],
      { kernel_shape: [2, 2], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] },
    ); // [N, 4*O, H+1, W+1]
    const blocks = g.op("DepthToSpace", [windows], { blocksize: 2, mode: "DCR" }); // [N, O, 2H+2, 2W+2]
    const inner = [g.int64s([1, 1]), g.int64s([-1, -1]), g.int64s([2, 3])];
    const made = g.op("Slice", [blocks, ...inner]);
    return { name: made, layout: "NCHW", channels: outputChannels, scale: 2 * x.scale };
  });
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

/**
 * As the autoencoder's `groupNormalize`, by way of the channels: [N, H*W, C] → mean over positions, then over the
 * members of each group.
 */
function groupNormalize(
  g: GraphWriter,
  { name, groups, channels }: GroupNormLayer,
  x: ImageValue,
  options: LayerOptions,
): ImageValue {
  const members = channels / groups;
  const ones = g.constant(`ones[${members}]`, new Float32Array(members).fill(1), [members]);
  const groupMean = (map: string): string => {
    const perChannel = g.reshape(g.op("ReduceMean", [map, g.int64s([1])], { keepdims: 0 }), [
      0,
      groups,
      members,
    ]);
    return g.op("ReduceMean", [perChannel, g.int64s([2])], { keepdims: 1 }); // [N, G, 1]
  };
  const perChannel = (group: string): string => g.reshape(g.op("Mul", [group, ones]), [0, 1, channels]);

  const image = inLayout(g, x, "NHWC");
  const map = g.reshape(image, [0, -1, channels]); // [N, H*W, C]
  const centred = g.op("Sub", [map, perChannel(groupMean(map))]);
  const variance = groupMean(g.op("Mul", [centred, centred]));
  const deviation = g.op("Sqrt", [g.op("Add", [variance, g.scalar(groupNormEpsilon)])]);
  const scale = g.constant(`${name}/scale`, weight(options, `${name}/scale`).data, [channels]);
  const offset = g.constant(`${name}/offset`, weight(options, `${name}/offset`).data, [channels]);
  const scaled = g.op("Mul", [centred, g.op("Div", [scale, perChannel(deviation)])]);
  return { ...x, name: g.reshape(g.op("Add", [scaled, offset]), [g.sizes(image, 0, 4)]), layout: "NHWC" };
}

function activate(g: GraphWriter, activation: "relu" | "silu", x: string): string {
  switch (activation) {
    case "relu":
      return g.op("Relu", [x]);
    case "silu":
      return g.op("Mul", [x, g.op("Sigmoid", [x])]);
    default:
      return activation satisfies never;
  }
}

function upsample(g: GraphWriter, x: ImageValue): ImageValue {
  const scales = g.constant("scales", Float32Array.of(1, 1, 2, 2), [4]);
  const made = g.op("Resize", [inLayout(g, x, "NCHW"), "", scales], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
  return { ...x, name: made, layout: "NCHW", scale: 2 * x.scale };
}

function biasOf(g: GraphWriter, name: string, options: LayerOptions): string {
  const { data } = weight(options, `${name}/bias`);
  return g.constant(`${name}/bias`, data, [data.length]);
}

function weight({ weights }: LayerOptions, name: string): WeightValue {
  const value = weights.get(name);
  if (value === undefined) throw new TypeError(`no weight "${name}"`);
  return value;
}

/** [taps, I, O] → [O, I, taps] */
function outputsFirst(
  filter: Float32Array,
  [taps, inputs, outputs]: readonly [number, number, number],
): Float32Array {
  const turned = new Float32Array(filter.length);
  let at = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let tap = 0; tap < taps; tap++) turned[at++] = filter[(tap * inputs + i) * outputs + o] as number;
  return turned;
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
