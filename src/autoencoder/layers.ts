import type { Activation, AutoencoderConfig } from "./config.js";

/**
 * One step of a network, as data. Initialisation, the forward pass and the description of a model all read the same
 * list of layers, so they cannot disagree.
 */
export type Layer =
  | ConvolutionLayer
  | GroupNormLayer
  | { readonly kind: "activation"; readonly activation: Activation }
  /** Nearest-neighbour, twice the height and width. */
  | { readonly kind: "upsample" }
  /** x + body(x). */
  | { readonly kind: "residual"; readonly body: readonly Layer[] };

/**
 * A convolution with bias. Kernel 1 and 3 keep the grid (stride 1, zeros outside); kernel 4 halves it (stride 2, one
 * row and column of zeros on each side).
 */
export interface ConvolutionLayer {
  readonly kind: "convolution";
  readonly name: string;
  readonly kernel: 1 | 3 | 4;
  readonly stride: 1 | 2;
  readonly inputChannels: number;
  readonly outputChannels: number;
}

/** Zero mean and unit variance over each image's group of channels, then a scale and an offset per channel. */
export interface GroupNormLayer {
  readonly kind: "groupNorm";
  readonly name: string;
  readonly channels: number;
  readonly groups: number;
}

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
    layers.push(convolution(name, 4, [channels, width]));
    layers.push(...residualBlocks(config, `encoder/stage${index}`, { width, blocks }));
    channels = width;
  }
  layers.push(...activated(config, "encoder/out", channels));
  layers.push(convolution("encoder/out", 1, [channels, config.latentChannels]));
  if (codeDim !== config.latentChannels) {
    layers.push(convolution("projection/in", 1, [config.latentChannels, codeDim]));
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
    layers.push(convolution("projection/out", 1, [codeDim, config.latentChannels]));
  }
  const stages = stagesOf(config).reverse();
  let channels = config.latentChannels;
  for (const [position, { index, width, blocks }] of stages.entries()) {
    if (position === 0) layers.push(convolution("decoder/in", 3, [channels, width]));
    layers.push(...residualBlocks(config, `decoder/stage${index}`, { width, blocks }));
    const name = `decoder/up${index}`;
    channels = stages[position + 1]?.width ?? imageChannels;
    layers.push(...activated(config, name, width));
    layers.push({ kind: "upsample" }, convolution(name, 3, [width, channels]));
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
      convolution(`${at}/conv${which}`, 3, [width, width]),
    ];
    return { kind: "residual", body: [...half(1), ...half(2)] };
  });
}

/** The activation before the convolution `name`, and the norm before it when the model has norms. */
function activated(config: AutoencoderConfig, name: string, channels: number, norm = "norm"): Layer[] {
  const activation: Layer = { kind: "activation", activation: config.activation };
  if (!config.groupNorm) return [activation];
  return [{ kind: "groupNorm", name: `${name}/${norm}`, channels, groups: groupCount(channels) }, activation];
}

function convolution(
  name: string,
  kernel: ConvolutionLayer["kernel"],
  [inputChannels, outputChannels]: readonly [number, number],
): ConvolutionLayer {
  const stride = kernel === 4 ? 2 : 1;
  return { kind: "convolution", name, kernel, stride, inputChannels, outputChannels };
}
