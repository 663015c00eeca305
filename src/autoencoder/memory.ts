import type { AutoencoderConfig } from "./config-fields.js";
import { describeModel, type PartDescription } from "./describe.js";

/*
 * What a model's passes take of memory at least, on the CPU. The factors are just below the smallest that was measured
 * (peak of the process, presets tiny, small, base and vqgan, crops of 64 to 512 pixels, up to 7 GB), so that what is said to
 * be too much is. Narrow networks take more. Attention is in them as convolutions of its cost would be.
 */

/** Bytes a training step keeps for each number that a convolution makes: its inputs, and the gradients of both. */
const KEPT = { plain: 8.25, groupNorm: 10 };
/**
 * Bytes for each such number, and bytes at most, of what stands beside: maps of fewer than 2^20 numbers, which are kept
 * whatever they follow from, and what convolutions work with.
 */
const BESIDE = { plain: { each: 4, most: 150 * 2 ** 20 }, groupNorm: { each: 12, most: 400 * 2 ** 20 } };
/** Copies of each weight: itself, its gradient, two moments. */
const WEIGHT_BYTES = 4 * 4;
/** Largest map of the encoder that is in memory at a time, and of the decoder, which upsamples. */
const ENCODING = 3 * 4;
const FORWARD = 7 * 4;

type Size = readonly [height: number, width: number];

/**
 * Bytes of memory that a training step takes at least.
 *
 * @param size [height, width] of a crop, multiples of the downsampling factor
 */
export function trainingStepBytes(config: AutoencoderConfig, size: Size, batchSize: number): number {
  const { parts, parameters } = describeModel(config, config.latentChannels, size);
  const numbers = batchSize * parts.reduce((sum, part) => sum + numbersOf(part), 0);
  const kind = config.groupNorm ? "groupNorm" : "plain";
  const { each, most } = BESIDE[kind];
  return numbers * KEPT[kind] + Math.min(numbers * each, most) + parameters * WEIGHT_BYTES;
}

/** Bytes of memory that images take at least to be encoded in one pass. */
export function encodingBytes(config: AutoencoderConfig, size: Size, batchSize = 1): number {
  const { parts } = describeModel(config, config.latentChannels, size);
  const largest = Math.max(...parts.filter(({ name }) => name.startsWith("encoder/")).map(outputOf));
  return batchSize * largest * ENCODING;
}

/** Bytes of memory that images take at least to be reconstructed in one pass, as evaluation does. */
export function forwardBytes(config: AutoencoderConfig, size: Size, batchSize: number): number {
  const { parts } = describeModel(config, config.latentChannels, size);
  return batchSize * Math.max(...parts.map(outputOf)) * FORWARD;
}

function outputOf({ output: [height, width, channels] }: PartDescription): number {
  return height * width * channels;
}

/** Numbers that a part's convolutions make: as many as its 3×3 convolutions between equal widths would with its FLOP. */
function numbersOf(part: PartDescription): number {
  return Math.max(outputOf(part), part.forwardFlop / (2 * 9 * part.output[2]));
}
