import { ConfigError } from "../core/errors.js";
import {
  adaptiveNorm,
  convolution,
  haarWavelets,
  inverseHaarWavelets,
  type Layer,
  rescale,
} from "../nn/index.js";
import {
  activated,
  type Channels,
  doubled,
  halved,
  middle,
  normOptions,
  type Place,
  sized,
  stageBlocks,
} from "./blocks.js";
import { halvings } from "./config.js";
import { type AutoencoderConfig, stageWidths } from "./config-fields.js";

/** Red, green, blue. */
const imageChannels = 3;

/**
 * Pixels [N, H, W, 3] → latents [N, H/f, W/f, codeDim].
 *
 * Layout "strided": per stage i an activation (but not before the first), a convolution that halves the grid and
 * changes the width, and the stage's blocks; then an activation and a convolution to `latentChannels`. Layout
 * "full-size": a 3×3 convolution; per stage its blocks, of which the first changes the width, and after each of the
 * first d stages a halving; the middle; then as above. At the end stands the quantizer's convolution, where there is one.
 */
export function encoderLayers(config: AutoencoderConfig, codeDim: number): readonly Layer[] {
  const { latentChannels, encoderOutKernel, inputBias } = config;
  const place = { config };
  const input = patchChannels(config);
  const layers: Layer[] = [...patched(config)];
  let channels = input;
  if (config.layout === "full-size") {
    channels = config.inputWidth ?? config.baseWidth;
    layers.push(convolution({ ...sized(3, "encoder/in", [input, channels]), bias: inputBias }));
  }
  for (const [index, width] of stageWidths(config).entries()) {
    const name = `encoder/down${index}`;
    if (config.layout === "strided") {
      if (index > 0) layers.push(...activated(place, name, channels));
      layers.push(halved(config, name, [channels, width]));
      channels = width;
    }
    const [blocks, attention] = [config.residualBlocks[index] ?? 0, config.attentionStages.includes(index)];
    layers.push(
      ...stageBlocks(place, `encoder/stage${index}`, { widths: [channels, width], blocks, attention }),
    );
    if (blocks > 0) channels = width;
    if (config.layout === "full-size" && index < halvings(config)) {
      layers.push(halved(config, name, [channels, channels]));
    }
  }
  layers.push(...middle(place, "encoder", channels), ...activated(place, "encoder/out", channels));
  layers.push(convolution(sized(encoderOutKernel, "encoder/out", [channels, latentChannels])));
  return [...layers, ...quantConvolution(config, "projection/in", [latentChannels, codeDim])];
}

/**
 * Quantized latents [N, H/f, W/f, codeDim] → pixels [N, H, W, 3]; none for a model without a decoder.
 *
 * After the quantizer's convolution, where there is one, a 3×3 convolution from `latentChannels`, the middle, and the
 * stages from the smallest grid to the largest. Layout "strided": blocks, an activation, and a doubling that goes to the
 * next width, the last one to pixels. Layout "full-size": blocks, of which the first changes the width, after the first
 * d of these stages a doubling, and at the end an activation and a 3×3 convolution to pixels.
 */
export function decoderLayers(config: AutoencoderConfig, codeDim: number): readonly Layer[] {
  if (!config.decoder) return [];
  const { latentChannels } = config;
  const widths = stageWidths(config);
  const count = halvings(config);
  const layers: Layer[] = [...quantConvolution(config, "projection/out", [codeDim, latentChannels])];
  let channels = widths.at(-1) as number;
  let place: Place = { config, codes: { codeDim, scale: 1 } };
  layers.push(convolution(sized(3, "decoder/in", [latentChannels, channels])));
  layers.push(...middle(place, "decoder", channels));
  for (const [position, width] of [...widths].reverse().entries()) {
    const index = widths.length - 1 - position;
    const name = `decoder/stage${index}`;
    if (config.decoderNorm === "adaptive") {
      layers.push(adaptiveNorm({ ...normOptions(config, `${name}/style`, channels), codeDim }));
    }
    const [blocks, attention] = [
      config.decoderBlocks[index] ?? 0,
      config.decoderAttentionStages.includes(index),
    ];
    layers.push(...stageBlocks(place, name, { widths: [channels, width], blocks, attention }));
    if (blocks > 0) channels = width;
    if (position >= count) continue;
    const up = `decoder/up${count - 1 - position}`;
    const next = config.layout === "full-size" ? channels : (widths[index - 1] ?? patchChannels(config));
    if (config.layout === "strided") layers.push(...activated(place, up, channels));
    layers.push(doubled(config, up, [channels, next]));
    channels = next;
    place = { config, codes: { codeDim, scale: 2 ** (position + 1) } };
  }
  if (config.layout === "full-size") {
    layers.push(...activated(place, "decoder/out", channels));
    layers.push(convolution(sized(3, "decoder/out", [channels, patchChannels(config)])));
  }
  return [...layers, ...unpatched(config)];
}

/** The convolution between latents and codes, in either direction. */
function quantConvolution(
  { quantConvolution: kind, latentChannels }: AutoencoderConfig,
  name: string,
  [inputs, outputs]: Channels,
): Layer[] {
  if (kind === "none" && inputs !== outputs) {
    const codeDim = inputs === latentChannels ? outputs : inputs;
    throw new ConfigError(
      "model.quantConvolution",
      `expected one between ${latentChannels} latent channels and codes of ${codeDim} numbers, got "none".`,
    );
  }
  if (kind === "none" || (kind === "auto" && inputs === outputs)) return [];
  return [convolution(sized(kind === "3x3" ? 3 : 1, name, [inputs, outputs]))];
}

/** Channels of the image as the first convolution reads it. */
function patchChannels({ waveletPatch }: AutoencoderConfig): number {
  return imageChannels * waveletPatch ** 2;
}

/** Pixels in -1..1 as the model's weights take them. */
function patched({ pixelRange, waveletPatch }: AutoencoderConfig): Layer[] {
  return [
    ...(pixelRange === "0..1" ? [rescale({ factor: 0.5, offset: 0.5 })] : []),
    ...Array.from({ length: Math.log2(waveletPatch) }, haarWavelets),
  ];
}

/** Undoes `patched`. */
function unpatched({ pixelRange, waveletPatch }: AutoencoderConfig): Layer[] {
  return [
    ...Array.from({ length: Math.log2(waveletPatch) }, inverseHaarWavelets),
    ...(pixelRange === "0..1" ? [rescale({ factor: 2, offset: -1 })] : []),
  ];
}
