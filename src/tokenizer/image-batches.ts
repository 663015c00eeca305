import type { PixelBatch } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import { type BrokenImage, ImageError, mapAhead } from "../data/index.js";
import type { CodedImage } from "./codes.js";
import type { EncodeSettings } from "./encode-options.js";
import { type NamedSource, type PreparedImage, prepareImage } from "./prepared-image.js";

/** Prepared images of one padded size, as the model takes them at once. */
export interface PreparedBatch extends PixelBatch {
  readonly images: readonly CodedImage[];
}

/**
 * Pixels in one pass through the model at most, unless a single image has more: activations take some hundred times
 * the memory of the pixels.
 */
export const BATCH_PIXELS = 2 ** 20;

/** Decoded images that wait for the model, in bytes, as far as the sizes seen so far tell. */
const READ_AHEAD_BYTES = 128 * 2 ** 20;

export interface ImageBatchesOptions {
  readonly settings: EncodeSettings;
  /** The model's downsampling factor. */
  readonly factor: number;
  /** Told of each image that cannot be decoded, which is then passed over; where absent, it is thrown. */
  readonly onBroken?: (broken: BrokenImage) => void;
}

/**
 * Images in order, grouped: neighbours of one padded size share a batch. Decoding runs ahead of the consumer by two
 * batches at most, by less where images are large.
 *
 * @throws ImageError for an image that cannot be decoded, unless `onBroken` is there; VqkitError("data") when it was
 * told of every image
 */
export async function* imageBatches(
  sources: Iterable<NamedSource>,
  { settings, factor, onBroken }: ImageBatchesOptions,
): AsyncGenerator<PreparedBatch, void, undefined> {
  const window = { ahead: 1 };
  let largest = 1;
  let pending: PreparedImage[] = [];
  let prepared = 0;
  let firstBroken: ImageError | undefined;
  let broken = 0;
  for await (const next of mapAhead(sources, (named) => attempt(named, settings, factor), window)) {
    if (next instanceof ImageError) {
      if (onBroken === undefined) throw next;
      firstBroken ??= next;
      broken++;
      onBroken({ file: next.file, reason: next.reason });
      continue;
    }
    prepared++;
    largest = Math.max(largest, next.padded.pixels.length);
    window.ahead = Math.max(1, Math.min(2 * settings.batchSize, Math.floor(READ_AHEAD_BYTES / largest)));
    if (pending.length > 0 && !fits(next, pending, settings.batchSize)) {
      yield toBatch(pending);
      pending = [];
    }
    pending.push(next);
  }
  if (pending.length > 0) yield toBatch(pending);
  if (prepared === 0 && firstBroken !== undefined) {
    throw new VqkitError(
      "data",
      `images: expected at least one readable image, got none among ${broken}. The first: ${firstBroken.file}: ${firstBroken.reason}.`,
    );
  }
}

/** What is wrong with an image is its outcome, not a failure of the iteration. */
async function attempt(
  named: NamedSource,
  settings: EncodeSettings,
  factor: number,
): Promise<PreparedImage | ImageError> {
  try {
    return await prepareImage(named, settings, factor);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

function fits({ padded }: PreparedImage, pending: readonly PreparedImage[], batchSize: number): boolean {
  const first = pending[0]?.padded;
  return (
    first?.height === padded.height &&
    first.width === padded.width &&
    pending.length < batchSize &&
    (pending.length + 1) * padded.height * padded.width <= BATCH_PIXELS
  );
}

function toBatch(images: readonly PreparedImage[]): PreparedBatch {
  const { height, width } = (images[0] as PreparedImage).padded;
  const bytes = height * width * 3;
  const pixels = new Uint8Array(images.length * bytes);
  for (const [i, { padded }] of images.entries()) pixels.set(padded.pixels, i * bytes);
  return { pixels, count: images.length, height, width, images: images.map(({ coded }) => coded) };
}
