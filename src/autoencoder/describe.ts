import { type Layer, type MapSize, sizeOf } from "../nn/index.js";
import type { AutoencoderConfig } from "./config-fields.js";
import { checkImageShape } from "./image-shape.js";
import { decoderLayers, encoderLayers } from "./layers.js";

/** The size and cost of one part of a model, such as `encoder/stage1`. */
export interface PartDescription {
  readonly name: string;
  /** Numbers that the part's weights hold. */
  readonly parameters: number;
  /** FLOP of the part's convolutions and attention, forward, one image. */
  readonly forwardFlop: number;
  /** [height, width, channels] of what the part returns. */
  readonly output: readonly [number, number, number];
}

/** The size and cost of a model for one image size; the quantizer's own codebook and search are not in it. */
export interface ModelDescription {
  /** Numbers that all weights hold. */
  readonly parameters: number;
  /** FLOP of one image's forward pass: 2 per multiply-add of convolutions and attention; the rest is not counted. */
  readonly forwardFlop: number;
  /** FLOP of the encoder alone (image → latents), counted the same way. */
  readonly encodeFlop: number;
  /** FLOP of one image in a training step, as is usual 3 × forward: the gradients of input and weights cost one each. */
  readonly trainingFlop: number;
  /** [height, width, codeDim] of one image's latents. */
  readonly latents: readonly [number, number, number];
  /** In the order of the forward pass. */
  readonly parts: readonly PartDescription[];
}

/**
 * Describes a model without building it.
 *
 * @param codeDim the quantizer's code dimension; decides whether there are projections
 * @param imageSize [height, width]
 * @throws ShapeError when a side is not a multiple of the downsampling factor
 */
export function describeModel(
  config: AutoencoderConfig,
  codeDim: number,
  imageSize: readonly [number, number],
): ModelDescription {
  const [height, width] = imageSize;
  checkImageShape("imageSize", [1, height, width, 3], config.downsamplingFactor);
  const encoder = describeLayers(encoderLayers(config, codeDim), [height, width, 3]);
  const latents = encoder.at(-1)?.output ?? [height, width, 3];
  const parts = [...encoder, ...describeLayers(decoderLayers(config, codeDim), latents)];
  const forwardFlop = sum(parts.map((part) => part.forwardFlop));
  return {
    parameters: sum(parts.map((part) => part.parameters)),
    forwardFlop,
    encodeFlop: sum(encoder.map((part) => part.forwardFlop)),
    trainingFlop: 3 * forwardFlop,
    latents,
    parts,
  };
}

/** Layers without weights (activations) go to the part that follows them, the last ones to the last part. */
function describeLayers(layers: readonly Layer[], input: MapSize): PartDescription[] {
  const parts = new Map<string, PartDescription>();
  let size = input;
  for (const layer of layers) {
    const { flop, output } = layer.cost(size);
    size = output;
    const [first] = layer.parameters;
    if (first === undefined) continue;
    const name = first.name.split("/", 2).join("/");
    const before = parts.get(name);
    parts.set(name, {
      name,
      parameters: (before?.parameters ?? 0) + sum(layer.parameters.map(sizeOf)),
      forwardFlop: (before?.forwardFlop ?? 0) + flop,
      output: size,
    });
  }
  const all = [...parts.values()];
  return all.map((part, i) => (i === all.length - 1 ? { ...part, output: size } : part));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
