import {
  activation,
  convolution,
  groupNorm,
  type Layer,
  residual,
  upsampledConvolution,
} from "../nn/index.js";
import type { AutoencoderConfig } from "./config.js";

/** Red, green, blue. */
const imageChannels = 3;

/**
 * Pixels [N, H, W, 3] → latents [N, H/f, W/f, codeDim].
 *
 * Per stage i: an activation (but not before the first stage), a 4×4 convolution that halves the grid, and
 * `residualBlocks[i]` residual blocks; then an activation and a 1×1 convolution to `latentChannels`. A second 1×1
 * convolution follows only where `codeDim` differs from `latentChannels`.
 */
export function encoderLayers(config: AutoencoderConfig, codeDim: number): readonly Layer[] {
  const layers: Layer[] = [];
  let channels = imageChannels;
  for (const { index, width, blocks } of stagesOf(config)) {
    const name = `encoder/down${index}`;
    if (index > 0) layers.push(...activated(config, name, channels));
    layers.push(convolution({ name, kernel: 4, stride: 2, padding: 1, inputs: channels, outputs: width }));
    layers.push(...residualBlocks(config, `encoder/stage${index}`, { width, blocks }));
    channels = width;
  }
  layers.push(...activated(config, "encoder/out", channels));
  layers.push(pointwise("encoder/out", [channels, config.latentChannels]));
  if (codeDim !== config.latentChannels) {
    layers.push(pointwise("projection/in", [config.latentChannels, codeDim]));
  }
  return layers;
}

/**
 * Quantized latents [N, H/f, W/f, codeDim] → pixels [N, H, W, 3].
 *
 * A 3×3 convolution from `latentChannels` (after a 1×1 convolution where `codeDim` differs from it), then the stages
 * in reverse: residual blocks, an activation, nearest-neighbour ×2, and a 3×3 convolution to the next width.
 */
export function decoderLayers(config: AutoencoderConfig, codeDim: number): readonly Layer[] {
  const layers: Layer[] = [];
  if (codeDim !== config.latentChannels) {
    layers.push(pointwise("projection/out", [codeDim, config.latentChannels]));
  }
  const stages = stagesOf(config).reverse();
  let channels = config.latentChannels;
  for (const [position, { index, width, blocks }] of stages.entries()) {
    if (position === 0) layers.push(sameSize("decoder/in", [channels, width]));
    layers.push(...residualBlocks(config, `decoder/stage${index}`, { width, blocks }));
    const name = `decoder/up${index}`;
    channels = stages[position + 1]?.width ?? imageChannels;
    layers.push(...activated(config, name, width));
    layers.push(upsampledConvolution({ name, inputs: width, outputs: channels }));
  }
  return layers;
}

/** The most groups, up to VQGAN's 32, that share the channels out evenly. */
export function groupCount(channels: number): number {
  let groups = Math.min(32, channels);
  while (channels % groups !== 0) groups--;
  return groups;
}

interface Stage {
  readonly index: number;
  readonly width: number;
  readonly blocks: number;
}

function stagesOf(config: AutoencoderConfig): Stage[] {
  return config.widthMultipliers.map((multiplier, index) => ({
    index,
    width: config.baseWidth * multiplier,
    blocks: config.residualBlocks[index] ?? 0,
  }));
}

/** Pre-activation residual blocks (arXiv 1603.05027): twice an activation and a 3×3 convolution, beside a skip. */
function residualBlocks(
  config: AutoencoderConfig,
  name: string,
  stage: { readonly width: number; readonly blocks: number },
): Layer[] {
  const { width } = stage;
  return Array.from({ length: stage.blocks }, (_, index): Layer => {
    const at = `${name}/block${index}`;
    const half = (which: 1 | 2): Layer[] => [
      ...activated(config, at, width, `norm${which}`),
      sameSize(`${at}/conv${which}`, [width, width]),
    ];
    return residual({ body: [...half(1), ...half(2)] });
  });
}

/** The activation before the convolution `name`, and the norm before it when the model has norms. */
function activated(config: AutoencoderConfig, name: string, channels: number, norm = "norm"): Layer[] {
  const activated = activation(config.activation);
  if (!config.groupNorm) return [activated];
  return [groupNorm({ name: `${name}/${norm}`, channels, groups: groupCount(channels) }), activated];
}

type Channels = readonly [inputs: number, outputs: number];

function pointwise(name: string, [inputs, outputs]: Channels): Layer {
  return convolution({ name, kernel: 1, inputs, outputs });
}

function sameSize(name: string, [inputs, outputs]: Channels): Layer {
  return convolution({ name, kernel: 3, padding: 1, inputs, outputs });
}
