import {
  activation,
  convolution,
  depthToSpace,
  groupNorm,
  type Layer,
  pool,
  residual,
  selfAttention,
  sequence,
  spatialNorm,
  upsampledConvolution,
} from "../nn/index.js";
import type { AutoencoderConfig } from "./config-fields.js";

/** Where in a model a layer stands: what decides its norms. */
export interface Place {
  readonly config: AutoencoderConfig;
  /** In a decoder whose norms depend on the codes: their channels, and image side ÷ grid side at this place. */
  readonly codes?: { readonly codeDim: number; readonly scale: number };
}

export type Channels = readonly [inputs: number, outputs: number];

/** The most groups, up to `most`, that share the channels out evenly. */
export function groupCount(channels: number, most: number): number {
  let groups = Math.min(most, channels);
  while (channels % groups !== 0) groups--;
  return groups;
}

/** A group norm's options by the model's rule. */
export function normOptions({ normGroups, normEpsilon }: AutoencoderConfig, name: string, channels: number) {
  return { name, channels, groups: groupCount(channels, normGroups), epsilon: normEpsilon };
}

/** The activation before the convolution `name`, and the norm before it where the model has norms. */
export function activated(place: Place, name: string, channels: number): Layer[] {
  return [...normed(place, `${name}/norm`, channels), activation(place.config.activation)];
}

function normed({ config, codes }: Place, name: string, channels: number): Layer[] {
  if (!config.groupNorm) return [];
  const options = normOptions(config, name, channels);
  return [
    codes !== undefined && config.decoderNorm === "spatial"
      ? spatialNorm({ ...options, ...codes })
      : groupNorm(options),
  ];
}

/**
 * A pre-activation residual block (arXiv 1603.05027): twice a norm, an activation and a 3×3 convolution, beside a skip,
 * which is a 1×1 convolution where the width changes.
 */
export function residualBlock(place: Place, name: string, [inputs, outputs]: Channels): Layer {
  const { activation: kind, blockBias: bias, shortcut: source } = place.config;
  const half = (which: 1 | 2, channels: Channels): Layer[] => [
    ...normed(place, `${name}/norm${which}`, channels[0]),
    activation(kind),
    convolution({ ...sized(3, `${name}/conv${which}`, channels), bias }),
  ];
  const body = [...half(1, [inputs, outputs]), ...half(2, [outputs, outputs])];
  if (inputs === outputs) return residual({ body });
  const shortcut = (from: number) => convolution({ ...sized(1, `${name}/shortcut`, [from, outputs]), bias });
  if (source === "input") return residual({ body, shortcut: [shortcut(inputs)] });
  return sequence([...body, residual({ body: [shortcut(outputs)] })]);
}

/** Attention over the grid, after a norm and beside a skip. */
export function attentionBlock(place: Place, name: string, channels: number): Layer {
  return residual({
    body: [...normed(place, `${name}/norm`, channels), selfAttention({ name, channels })],
  });
}

/** Blocks of which the first changes the width, each followed by attention where there is any. */
export function stageBlocks(
  place: Place,
  name: string,
  { widths: [inputs, outputs], blocks, attention }: StageParts,
): Layer[] {
  return Array.from({ length: blocks }, (_, i) => [
    residualBlock(place, `${name}/block${i}`, [i === 0 ? inputs : outputs, outputs]),
    ...(attention ? [attentionBlock(place, `${name}/attention${i}`, outputs)] : []),
  ]).flat();
}

interface StageParts {
  readonly widths: Channels;
  readonly blocks: number;
  readonly attention: boolean;
}

/** The blocks on the smallest grid; attention follows the first, or stands by itself. */
export function middle(place: Place, part: "encoder" | "decoder", width: number): Layer[] {
  const { middleBlocks, middleAttention } = place.config;
  const blocks = Array.from({ length: middleBlocks }, (_, i) =>
    residualBlock(place, `${part}/middle/block${i}`, [width, width]),
  );
  if (middleAttention) blocks.splice(1, 0, attentionBlock(place, `${part}/middle/attention0`, width));
  return blocks;
}

/** To half the height and width. */
export function halved({ down }: AutoencoderConfig, name: string, [inputs, outputs]: Channels): Layer {
  const options = { name, stride: 2, inputs, outputs };
  switch (down) {
    case "3x3":
      return convolution({ ...options, kernel: 3, padding: { top: 0, bottom: 1, left: 0, right: 1 } });
    case "3x3-symmetric":
      return convolution({ ...options, kernel: 3, padding: 1 });
    case "4x4":
      return convolution({ ...options, kernel: 4, padding: 1 });
    case "average":
      return pool("average", { kernel: 2, stride: 2 });
  }
}

/** To twice the height and width. */
export function doubled({ up }: AutoencoderConfig, name: string, [inputs, outputs]: Channels): Layer {
  if (up === "nearest") return upsampledConvolution({ name, inputs, outputs });
  return sequence([convolution(sized(3, name, [inputs, 4 * outputs])), depthToSpace(2)]);
}

/** Options of a convolution that keeps the size. */
export function sized(kernel: 1 | 3, name: string, [inputs, outputs]: Channels) {
  return { name, kernel, padding: (kernel - 1) / 2, inputs, outputs };
}
