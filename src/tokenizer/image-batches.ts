import type { PixelBatch } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import {
  type BrokenImage,
  copyCrop,
  ImageError,
  type ImageNote,
  mapAhead,
  type Size,
  type SourceItem,
} from "../data/index.js";
import type { SourceProgress } from "./codes.js";
import type { EncodeSettings } from "./encode-options.js";
import { type ImageTaker, type PreparedImage, type PreparedPart, prepareImage } from "./prepared-image.js";
import { advanced, itemsFrom, NOTHING_READ } from "./source-progress.js";

/** One image, tile or view among those that share a batch. */
export type BatchPart = PreparedPart;

/** Whole images, each with all its tiles and views, whose parts have one size. */
export interface PreparedBatch {
  /** Of each part. */
  readonly size: Size;
  readonly parts: readonly BatchPart[];
  readonly progress: SourceProgress;
}

/**
 * Pixels in one pass through the model at most, unless a single part has more: activations take some hundred times
 * the memory of the pixels.
 */
export const BATCH_PIXELS = 2 ** 20;

/** Decoded images that wait for the model, in bytes, as far as the sizes seen so far tell. */
const READ_AHEAD_BYTES = 128 * 2 ** 20;

export interface ImageBatchesOptions extends ImageTaker {
  readonly settings: EncodeSettings;
  /** Told of each image that cannot be decoded, which is then skipped; where absent, it is thrown. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Told what a person should know of how an image was read. */
  readonly onNote?: (note: ImageNote) => void;
  /** Where in the source to begin; default 0. */
  readonly start?: SourceProgress | number;
  /** Whether there may be no readable image; default false. */
  readonly mayBeEmpty?: boolean;
}

/**
 * Images in order, grouped: neighbours of one padded size share a batch, as many as go through the model at once. An
 * image with more tiles than that is a batch by itself. A batch holds no more than what follows from the images behind
 * the batch before, so that one may begin at any batch's `progress` and get the same batches from there on.
 *
 * Decoding runs ahead of the consumer by two batches at most, by less where images are large.
 *
 * @throws ImageError for an image that cannot be decoded, unless `onBroken` is there; VqkitError("data") when there is
 * no image, when `onBroken` was told of every one, or as `itemsFrom`
 */
export async function* imageBatches(
  items: AsyncIterable<SourceItem> | Iterable<SourceItem>,
  { settings, onBroken, onNote, start = 0, mayBeEmpty = false, ...taker }: ImageBatchesOptions,
): AsyncGenerator<PreparedBatch, void, undefined> {
  const window = { ahead: 1 };
  let largest = 1;
  let progress = NOTHING_READ;
  let pending: PendingBatch | undefined;
  let firstBroken: ImageError | undefined;
  const wanted = itemsFrom(items, start, (at) => {
    progress = at;
  });
  for await (const { name, outcome } of mapAhead(wanted, (item) => attempt(item, settings, taker), window)) {
    progress = advanced(progress, name, outcome instanceof ImageError);
    if (outcome instanceof ImageError) {
      if (onBroken === undefined) throw outcome;
      firstBroken ??= outcome;
      onBroken({ file: outcome.file, reason: outcome.reason });
      continue;
    }
    for (const note of outcome.notes) onNote?.(note);
    largest = Math.max(largest, bytesOf(outcome));
    window.ahead = Math.max(1, Math.min(2 * settings.batchSize, Math.floor(READ_AHEAD_BYTES / largest)));
    if (pending !== undefined && !fits(outcome, pending, settings)) {
      yield pending;
      pending = undefined;
    }
    pending = withImage(pending, outcome, progress);
  }
  if (pending !== undefined) yield pending;
  if (!mayBeEmpty && progress.itemsDone === progress.itemsBroken)
    throw nothingReadable(progress.itemsDone, firstBroken);
}

/** Parts in one pass through the model at most. */
export function partsAtOnce({ height, width }: Size, batchSize: number): number {
  return Math.max(1, Math.min(batchSize, Math.floor(BATCH_PIXELS / (height * width))));
}

/** Pixels of parts, which all have one size, for one pass through the model. */
export function pixelsOf(parts: readonly BatchPart[], { height, width }: Size): PixelBatch {
  const bytes = height * width * 3;
  const pixels = new Uint8Array(parts.length * bytes);
  for (const [i, { image, rect }] of parts.entries())
    copyCrop(image, rect, { into: pixels, offset: i * bytes });
  return { pixels, count: parts.length, height, width };
}

interface PendingBatch extends PreparedBatch {
  readonly parts: BatchPart[];
}

/** What is wrong with an image is its outcome, not a failure of the iteration. */
async function attempt(
  item: SourceItem,
  settings: EncodeSettings,
  taker: ImageTaker,
): Promise<{ name: string; outcome: PreparedImage | ImageError }> {
  const { name } = item;
  try {
    return { name, outcome: await prepareImage(item, settings, taker) };
  } catch (error) {
    if (error instanceof ImageError) return { name, outcome: error };
    throw error;
  }
}

function fits(
  { size, parts }: PreparedImage,
  pending: PreparedBatch,
  { batchSize }: EncodeSettings,
): boolean {
  return (
    pending.size.height === size.height &&
    pending.size.width === size.width &&
    pending.parts.length + parts.length <= partsAtOnce(size, batchSize)
  );
}

/** Broken items behind a batch's last image are told with the next one, so they are none of its progress. */
function withImage(
  pending: PendingBatch | undefined,
  { size, parts }: PreparedImage,
  progress: SourceProgress,
): PendingBatch {
  const all = pending?.parts ?? [];
  all.push(...parts);
  return { size, parts: all, progress };
}

/** Of what all parts are cut from. */
function bytesOf({ parts }: PreparedImage): number {
  const images = new Set(parts.map(({ image }) => image));
  return [...images].reduce((sum, { pixels }) => sum + pixels.length, 0);
}

function nothingReadable(items: number, first: ImageError | undefined): VqkitError {
  if (first === undefined) return new VqkitError("data", "images: expected at least one image, got none.");
  return new VqkitError(
    "data",
    `images: expected at least one readable image, got none among ${items}. The first: ${first.file}: ${first.reason}.`,
  );
}
