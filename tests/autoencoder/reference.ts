import type { AutoencoderConfig } from "../../src/autoencoder/config-fields.js";
import { convolve, enlarge, type Grid, map, normalizeGroups, numbers, sum } from "../nn/grids.js";

/**
 * The autoencoder once more, in double precision and plain loops, written from the architecture's description (and
 * from the layer order of a PyTorch module), sharing nothing with the code under test.
 */
export type Weights = ReadonlyMap<string, { readonly data: ArrayLike<number> }>;

interface Convolution {
  readonly name: string;
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
}

function convolved(input: Grid, weights: Weights, { name, size, stride, padding }: Convolution): Grid {
  const values = new Map([...weights].map(([each, { data }]) => [each, data]));
  return convolve(input, values, {
    name,
    outputs: numbers(values, `${name}/bias`).length,
    kernel: [size, size],
    stride: [stride, stride],
    padding: [padding, padding, padding, padding],
  });
}

function activate(config: AutoencoderConfig, weights: Weights, [input, norm]: [Grid, string]): Grid {
  const normed = config.groupNorm ? groupNorm(input, weights, norm) : input;
  return map(normed, (v) => (config.activation === "relu" ? Math.max(v, 0) : v / (1 + Math.exp(-v))));
}

function groupNorm(input: Grid, weights: Weights, name: string): Grid {
  const [, , , channels] = input.shape;
  // The largest number of groups, at most 32, that divides the channels.
  const groups = Math.max(...[...Array(33).keys()].filter((g) => g > 0 && channels % g === 0));
  const values = new Map([...weights].map(([each, { data }]) => [each, data]));
  return normalizeGroups(input, values, { name, groups, epsilon: 1e-6 });
}

function residual(config: AutoencoderConfig, weights: Weights, [input, name]: [Grid, string]): Grid {
  let x = input;
  for (const half of [1, 2]) {
    x = activate(config, weights, [x, `${name}/norm${half}`]);
    x = convolved(x, weights, { name: `${name}/conv${half}`, size: 3, stride: 1, padding: 1 });
  }
  return sum(x, input);
}

export function encode(config: AutoencoderConfig, weights: Weights, image: Grid): Grid {
  let x = image;
  config.residualBlocks.forEach((blocks, stage) => {
    const name = `encoder/down${stage}`;
    if (stage > 0) x = activate(config, weights, [x, `${name}/norm`]);
    x = convolved(x, weights, { name, size: 4, stride: 2, padding: 1 });
    for (let b = 0; b < blocks; b++) x = residual(config, weights, [x, `encoder/stage${stage}/block${b}`]);
  });
  x = activate(config, weights, [x, "encoder/out/norm"]);
  x = convolved(x, weights, { name: "encoder/out", size: 1, stride: 1, padding: 0 });
  if (!weights.has("projection/in/kernel")) return x;
  return convolved(x, weights, { name: "projection/in", size: 1, stride: 1, padding: 0 });
}

export function decode(config: AutoencoderConfig, weights: Weights, codes: Grid): Grid {
  let x = codes;
  if (weights.has("projection/out/kernel")) {
    x = convolved(x, weights, { name: "projection/out", size: 1, stride: 1, padding: 0 });
  }
  x = convolved(x, weights, { name: "decoder/in", size: 3, stride: 1, padding: 1 });
  for (let stage = config.residualBlocks.length - 1; stage >= 0; stage--) {
    for (let b = 0; b < (config.residualBlocks[stage] as number); b++) {
      x = residual(config, weights, [x, `decoder/stage${stage}/block${b}`]);
    }
    x = enlarge(activate(config, weights, [x, `decoder/up${stage}/norm`]), 2);
    x = convolved(x, weights, { name: `decoder/up${stage}`, size: 3, stride: 1, padding: 1 });
  }
  return x;
}
