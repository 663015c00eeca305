import type { AutoencoderConfig } from "./config.js";
import { checkImageShape } from "./image-shape.js";
import { decoderLayers, encoderLayers, type Layer } from "./layers.js";
import { parametersOf, sizeOf } from "./parameters.js";

/** The size and cost of one part of a model, such as `encoder/stage1`. */
export interface PartDescription {
  readonly name: string;
  /** Numbers that the part's weights hold. */
  readonly parameters: number;
  /** FLOP of the part's convolutions, forward, one image. */
  readonly forwardFlop: number;
  /** [height, width, channels] of what the part returns. */
  readonly output: readonly [number, number, number];
}

/** The size and cost of a model for one image size; the quantizer's own codebook and search are not in it. */
export interface ModelDescription {
  /** Numbers that all weights hold. */
  readonly parameters: number;
  /** FLOP of one image's forward pass: 2 per multiply-add of every convolution; the rest is not counted. */
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

type Size = readonly [height: number, width: number, channels: number];

/** Layers without weights (activations, upsampling) go to the part that follows them. */
function describeLayers(layers: readonly Layer[], input: Size): PartDescription[] {
  const parts = new Map<string, PartDescription>();
  let size = input;
  for (const layer of layers) {
    const cost = costOf(layer, size);
    size = cost.output;
    const parameters = parametersOf([layer]);
    const [first] = parameters;
    if (first === undefined) continue;
    const name = first.name.split("/", 2).join("/");
    const before = parts.get(name);
    parts.set(name, {
      name,
      parameters: (before?.parameters ?? 0) + sum(parameters.map(sizeOf)),
      forwardFlop: (before?.forwardFlop ?? 0) + cost.flop,
      output: size,
    });
  }
  return [...parts.values()];
}

function costOf(layer: Layer, [height, width, channels]: Size): { flop: number; output: Size } {
  switch (layer.kind) {
    case "convolution": {
      const output: Size = [height / layer.stride, width / layer.stride, layer.outputChannels];
      const multiplyAdds =
        layer.kernel ** 2 * layer.inputChannels * layer.outputChannels * output[0] * output[1];
      return { flop: 2 * multiplyAdds, output };
    }
    case "upsample":
      return { flop: 0, output: [2 * height, 2 * width, channels] };
    case "residual": {
      const size: Size = [height, width, channels];
      return { flop: sum(layer.body.map((inner) => costOf(inner, size).flop)), output: size };
    }
    case "groupNorm":
    case "activation":
      return { flop: 0, output: [height, width, channels] };
    default:
      return layer satisfies never;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
