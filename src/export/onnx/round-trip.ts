import { VqkitError } from "../../core/errors.js";
import type { RgbImage } from "../../data/index.js";
import type { Tokenizer } from "../../tokenizer/index.js";
import type { SampleImages } from "../sample-images.js";
import type { Borderline } from "./borderline.js";
import type { OnnxTokenizer } from "./onnx-tokenizer.js";

/** How far exported files and the model they were made from agree, on the same images. */
export interface RoundTrip {
  /** What was compared, e.g. `30 images given`. */
  readonly on: string;
  readonly images: number;
  readonly indices: number;
  readonly differingIndices: number;
  /** Of these, those whose latent lies on the border between the two codes: see `Borderline`. */
  readonly borderlineIndices: number;
  /** Bytes of all images: pixels times channels. */
  readonly pixelValues: number;
  readonly differingPixelValues: number;
  /** Of 255. */
  readonly largestPixelDifference: number;
  /** Where the first index differs. */
  readonly firstDifference?: string;
}

export interface RoundTripOptions {
  readonly samples: SampleImages;
  /** Looks at the indices of an image that differ. */
  readonly borderline: Borderline;
  /** Told of each image that is done. */
  readonly onImage?: (done: number) => void;
}

/** Encodes images by the exported encoder and by the live model, and decodes the live model's indices by both decoders. */
export async function compareRoundTrip(
  live: Tokenizer,
  exported: OnnxTokenizer,
  { samples, borderline, onImage }: RoundTripOptions,
): Promise<RoundTrip> {
  const total = {
    ...{ images: 0, indices: 0, differingIndices: 0, borderlineIndices: 0 },
    ...{ pixelValues: 0, differingPixelValues: 0 },
  };
  let largest = 0;
  let first: string | undefined;
  for await (const { name, image } of samples.images()) {
    const codes = await live.encode({ ...image, channels: 3 });
    const found = await exported.encode(image);
    if (found.shape.join() !== codes.shape.join()) {
      throw new VqkitError(
        "numerics",
        `encoder.onnx: expected indices of shape [${codes.shape.join()}] for ${name}, got [${found.shape.join()}].`,
      );
    }
    const different = differences(codes.indices, found.indices);
    if (different.length > 0) {
      first ??= placeOf(different[0] as number, name, codes.shape);
      total.borderlineIndices += await borderline(image, { live: codes, found: found.indices });
    }
    const decoded = await live.decode(codes);
    const again = await exported.decode({ indices: Int32Array.from(codes.indices), shape: codes.shape });
    const pixels = comparePixels(decoded, again);
    largest = Math.max(largest, pixels.largest);
    total.images++;
    total.indices += found.indices.length;
    total.differingIndices += different.length;
    total.pixelValues += decoded.pixels.length;
    total.differingPixelValues += pixels.count;
    onImage?.(total.images);
  }
  const result = { on: samples.description, ...total, largestPixelDifference: largest };
  return first === undefined ? result : { ...result, firstDifference: first };
}

/** Of so many indices one may differ, where its latent lies on the border between two codes. */
export const INDICES_PER_BORDERLINE = 10_000;

/**
 * The gate of an export: every index the live model's but for one in 10,000 whose latent lies on a border, every pixel
 * within one 8-bit level.
 *
 * @throws VqkitError("numerics") that says how many differ
 */
export function checkRoundTrip(result: RoundTrip): void {
  const { differingIndices, borderlineIndices, indices, images, largestPixelDifference, pixelValues } =
    result;
  const isBorderline = differingIndices === borderlineIndices;
  if (!isBorderline || differingIndices * INDICES_PER_BORDERLINE > indices) {
    throw new VqkitError(
      "numerics",
      `encoder.onnx: expected the live model's indices, got ${differingIndices} of ${indices} that differ ` +
        `(images: ${images}; on the border between two codes: ${borderlineIndices}; the first: ${result.firstDifference}). Nothing was written. ` +
        'Export on the CPU with ONNX Runtime (option engine: "onnxruntime"), or check on other images (option check).',
    );
  }
  if (largestPixelDifference > 1) {
    throw new VqkitError(
      "numerics",
      `decoder.onnx: expected the live model's pixels within 1 of 255, got a difference of ${largestPixelDifference} ` +
        `among ${pixelValues} values (images: ${images}). Nothing was written. Export on the CPU with ONNX Runtime (option engine: "onnxruntime").`,
    );
  }
}

function differences(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const places: number[] = [];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) places.push(i);
  return places;
}

function placeOf(index: number, name: string, [, , width, codebooks]: readonly number[]): string {
  const position = Math.floor(index / (codebooks ?? 1));
  return `${name}, row ${Math.floor(position / (width ?? 1))}, column ${position % (width ?? 1)}`;
}

/** @param whole may be larger than `cut`, which is its top left part */
function comparePixels(cut: RgbImage, whole: RgbImage): { readonly count: number; readonly largest: number } {
  let count = 0;
  let largest = 0;
  for (let y = 0; y < cut.height; y++) {
    for (let x = 0; x < 3 * cut.width; x++) {
      const a = cut.pixels[3 * y * cut.width + x] as number;
      const difference = Math.abs(a - (whole.pixels[3 * y * whole.width + x] as number));
      if (difference > 0) count++;
      largest = Math.max(largest, difference);
    }
  }
  return { count, largest };
}
