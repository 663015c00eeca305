import {
  batchNorm,
  convolution,
  type Layer,
  leakyRelu,
  sequence,
  spectralConvolution,
} from "../../nn/index.js";
import type { AdversarialConfig } from "./options.js";

/** How the weights start: those of convolutions N(0, 0.02²), the scales of norms N(1, 0.02²); biases as PyTorch's. */
const kernelStart = { normal: 0.02 };
const scaleStart = { normal: 0.02, mean: 1 };

/** Channels grow no further than so many times the first. */
const LARGEST_MULTIPLE = 8;

/**
 * Images [N, H, W, 3] in -1..1 → a logit for each patch, [N, H', W', 1]: the discriminator of pix2pix (Isola et al. 2017,
 * https://arxiv.org/abs/1611.07004) as VQGAN has it. With 3 layers, 64×96 becomes 6×10, and a logit sees 70×70 pixels.
 *
 * All convolutions are 4×4 with a padding of 1. The first `layers` halve the sides, the last two keep them but for one;
 * there is a norm between all but the first and the last, and a leaky ReLU after all but the last. With batch norm the
 * convolutions before it have no bias. "spectral" divides every kernel by its largest singular value instead.
 */
export function discriminatorLayers({ width, layers, norm }: AdversarialConfig["discriminator"]): Layer {
  const convolved = (
    name: string,
    [inputs, outputs]: readonly [number, number],
    stride: number,
    bias: boolean,
  ) => {
    const options = { name, inputs, outputs, stride, bias, kernel: 4, padding: 1, kernelStart };
    return norm === "spectral" ? spectralConvolution(options) : convolution(options);
  };
  const all: Layer[] = [convolved("layer0", [3, width], 2, true), leakyRelu()];
  let channels = width;
  for (let i = 1; i <= layers; i++) {
    const next = width * Math.min(2 ** i, LARGEST_MULTIPLE);
    all.push(convolved(`layer${i}`, [channels, next], i < layers ? 2 : 1, norm !== "batch"));
    if (norm === "batch") all.push(batchNorm({ name: `layer${i}/norm`, channels: next, start: scaleStart }));
    all.push(leakyRelu());
    channels = next;
  }
  all.push(convolved("out", [channels, 1], 1, true));
  return sequence(all);
}
