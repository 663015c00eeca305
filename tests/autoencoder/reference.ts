import type { AutoencoderConfig } from "../../src/autoencoder/config.js";
import { Random } from "../../src/core/random.js";

/**
 * The autoencoder once more, in double precision and plain loops, written from the architecture's description (and
 * from the layer order of a PyTorch module), sharing nothing with the code under test.
 */
export type Weights = ReadonlyMap<string, { readonly data: ArrayLike<number> }>;

/** One image or feature map, row by row, channels last. */
export interface Grid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly values: Float64Array;
}

export function grid(height: number, width: number, channels: number): Grid {
  return { height, width, channels, values: new Float64Array(height * width * channels) };
}

export function randomGrid(height: number, width: number, seed: number): Grid {
  const random = new Random(seed, "test image");
  // Exact in float32, so that both precisions see one input.
  const values = Float64Array.from(random.fill(height * width * 3, (r) => r.uniform(-1, 1)));
  return { height, width, channels: 3, values };
}

/** The value at a position; zero outside. */
function at(g: Grid, y: number, x: number, c: number): number {
  if (y < 0 || y >= g.height || x < 0 || x >= g.width) return 0;
  return g.values[(y * g.width + x) * g.channels + c] as number;
}

function weight(weights: Weights, name: string): ArrayLike<number> {
  const value = weights.get(name);
  if (value === undefined) throw new Error(`reference: no weight ${name}`);
  return value.data;
}

interface Convolution {
  readonly name: string;
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
}

export function convolve(input: Grid, weights: Weights, { name, size, stride, padding }: Convolution): Grid {
  const kernel = weight(weights, `${name}/kernel`);
  const bias = weight(weights, `${name}/bias`);
  const side = (length: number) => Math.floor((length + 2 * padding - size) / stride) + 1;
  const output = grid(side(input.height), side(input.width), bias.length);
  let to = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let out = 0; out < output.channels; out++) {
        let sum = bias[out] as number;
        for (let ky = 0; ky < size; ky++) {
          for (let kx = 0; kx < size; kx++) {
            for (let c = 0; c < input.channels; c++) {
              const k = kernel[((ky * size + kx) * input.channels + c) * output.channels + out] as number;
              sum += k * at(input, y * stride + ky - padding, x * stride + kx - padding, c);
            }
          }
        }
        output.values[to++] = sum;
      }
    }
  }
  return output;
}

function map(input: Grid, f: (value: number, channel: number) => number): Grid {
  return { ...input, values: input.values.map((value, i) => f(value, i % input.channels)) };
}

function groupNorm(input: Grid, weights: Weights, name: string): Grid {
  // The largest number of groups, at most 32, that divides the channels.
  const groups = Math.max(...[...Array(33).keys()].filter((g) => g > 0 && input.channels % g === 0));
  const groupOf = (channel: number) => Math.floor((channel * groups) / input.channels);
  const stats = Array.from({ length: groups }, (_, g) => {
    const members = [...input.values].filter((_, i) => groupOf(i % input.channels) === g);
    const mean = members.reduce((a, b) => a + b, 0) / members.length;
    const variance = members.reduce((a, b) => a + (b - mean) ** 2, 0) / members.length;
    return { mean, deviation: Math.sqrt(variance + 1e-6) };
  });
  const scale = weight(weights, `${name}/scale`);
  const offset = weight(weights, `${name}/offset`);
  return map(input, (value, c) => {
    const { mean, deviation } = stats[groupOf(c)] as (typeof stats)[number];
    return ((value - mean) / deviation) * (scale[c] as number) + (offset[c] as number);
  });
}

function upsample(input: Grid): Grid {
  const output = grid(2 * input.height, 2 * input.width, input.channels);
  let to = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let c = 0; c < input.channels; c++) {
        output.values[to++] = at(input, Math.floor(y / 2), Math.floor(x / 2), c);
      }
    }
  }
  return output;
}

function activate(config: AutoencoderConfig, weights: Weights, [input, norm]: [Grid, string]): Grid {
  const normed = config.groupNorm ? groupNorm(input, weights, norm) : input;
  return map(normed, (v) => (config.activation === "relu" ? Math.max(v, 0) : v / (1 + Math.exp(-v))));
}

function residual(config: AutoencoderConfig, weights: Weights, [input, name]: [Grid, string]): Grid {
  let x = input;
  for (const half of [1, 2]) {
    x = activate(config, weights, [x, `${name}/norm${half}`]);
    x = convolve(x, weights, { name: `${name}/conv${half}`, size: 3, stride: 1, padding: 1 });
  }
  return { ...x, values: x.values.map((value, i) => value + (input.values[i] as number)) };
}

export function encode(config: AutoencoderConfig, weights: Weights, image: Grid): Grid {
  let x = image;
  config.residualBlocks.forEach((blocks, stage) => {
    const name = `encoder/down${stage}`;
    if (stage > 0) x = activate(config, weights, [x, `${name}/norm`]);
    x = convolve(x, weights, { name, size: 4, stride: 2, padding: 1 });
    for (let b = 0; b < blocks; b++) x = residual(config, weights, [x, `encoder/stage${stage}/block${b}`]);
  });
  x = activate(config, weights, [x, "encoder/out/norm"]);
  x = convolve(x, weights, { name: "encoder/out", size: 1, stride: 1, padding: 0 });
  if (!weights.has("projection/in/kernel")) return x;
  return convolve(x, weights, { name: "projection/in", size: 1, stride: 1, padding: 0 });
}

export function decode(config: AutoencoderConfig, weights: Weights, codes: Grid): Grid {
  let x = codes;
  if (weights.has("projection/out/kernel")) {
    x = convolve(x, weights, { name: "projection/out", size: 1, stride: 1, padding: 0 });
  }
  x = convolve(x, weights, { name: "decoder/in", size: 3, stride: 1, padding: 1 });
  for (let stage = config.residualBlocks.length - 1; stage >= 0; stage--) {
    for (let b = 0; b < (config.residualBlocks[stage] as number); b++) {
      x = residual(config, weights, [x, `decoder/stage${stage}/block${b}`]);
    }
    x = upsample(activate(config, weights, [x, `decoder/up${stage}/norm`]));
    x = convolve(x, weights, { name: `decoder/up${stage}`, size: 3, stride: 1, padding: 1 });
  }
  return x;
}
