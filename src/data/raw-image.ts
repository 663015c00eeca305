import { VqkitError } from "../core/errors.js";
import { isBytes, typeName } from "../core/typed-arrays.js";

/** Arrays that the samples of a raw image may stand in. */
export type PixelArray =
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | readonly number[];

/** Pixels that a caller holds already, row by row; 1 channel is grey, 4 are red, green, blue, alpha. */
export interface RawImage {
  /**
   * height × width × channels samples. Without a `range`: bytes; a `Uint16Array` of 16-bit samples, of which the upper
   * 8 bits are taken, as of 16-bit files; or an `Array` of integers in 0..255.
   */
  readonly pixels: PixelArray;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3 | 4;
  /**
   * The samples of black and of white (of alpha: transparent and opaque), such as [0, 1], [-1, 1] or [0, 4095]. Arrays
   * of other types than above need it, because their type does not say it.
   */
  readonly range?: readonly [black: number, white: number];
}

/** A raw image whose samples are bytes. */
export interface ByteImage extends RawImage {
  readonly pixels: Uint8Array;
}

/**
 * Checks a raw image and brings its samples to 8 bits: (sample - black) / (white - black) · 255, rounded; bytes without
 * a `range` are not copied.
 *
 * @throws VqkitError "data" that starts with `name`: when sides, channels and the number of samples do not agree, the
 * range of the samples is not certain, or a sample is outside it
 */
export function byteImage(image: RawImage, name: string): ByteImage {
  const { height, width, channels } = image;
  checkShape(image, name);
  return { pixels: bytesOf(image, name), height, width, channels };
}

function checkShape({ pixels, height, width, channels }: RawImage, name: string): void {
  for (const [side, value] of Object.entries({ height, width })) {
    if (!Number.isInteger(value) || value < 1) throw fault(`${name}.${side}`, "an integer >= 1", value);
  }
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw fault(`${name}.channels`, "1, 3 or 4", channels);
  }
  if (!isPixelArray(pixels)) throw fault(`${name}.pixels`, "an array of numbers", typeName(pixels));
  const expected = height * width * channels;
  if (pixels.length !== expected) {
    const shape = `height ${height} × width ${width} × ${channels} channels = ${expected}`;
    throw fault(`${name}.pixels`, `${shape} ${isBytes(pixels) ? "bytes" : "samples"}`, pixels.length);
  }
}

function isPixelArray(pixels: unknown): pixels is PixelArray {
  if (Array.isArray(pixels)) return true;
  const isBig = pixels instanceof BigInt64Array || pixels instanceof BigUint64Array;
  return ArrayBuffer.isView(pixels) && !(pixels instanceof DataView) && !isBig;
}

function bytesOf({ pixels, range }: RawImage, name: string): Uint8Array {
  if (range !== undefined) return scaled(pixels, checkRange(range, name), name);
  if (isBytes(pixels)) return new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  if (pixels instanceof Uint16Array) return upperBytes(pixels, name);
  if (Array.isArray(pixels)) return listedBytes(pixels, name);
  throw new VqkitError(
    "data",
    `${name}.pixels: expected a Uint8Array, or the range of the samples beside it, got ${typeName(pixels)} alone. ` +
      "Say which samples are black and white: range: [0, 1].",
  );
}

function checkRange(range: readonly [number, number], name: string): readonly [number, number] {
  const [black, white] = range;
  if (range.length === 2 && Number.isFinite(black) && Number.isFinite(white) && black < white) return range;
  throw fault(`${name}.range`, "two numbers, black below white", JSON.stringify(range));
}

function scaled(pixels: PixelArray, [black, white]: readonly [number, number], name: string): Uint8Array {
  const bytes = new Uint8Array(pixels.length);
  const factor = 255 / (white - black);
  for (let i = 0; i < bytes.length; i++) {
    const sample = pixels[i] as number;
    if (!(sample >= black && sample <= white)) {
      throw fault(`${name}.pixels[${i}]`, `a number in ${black}..${white} (range)`, sample);
    }
    bytes[i] = Math.round((sample - black) * factor);
  }
  return bytes;
}

/** 8-bit samples in a wider array would come out black, and no picture of 16 bits stays below 256. */
function upperBytes(pixels: Uint16Array, name: string): Uint8Array {
  const largest = pixels.reduce((most, sample) => Math.max(most, sample), 0);
  if (largest > 0 && largest < 256) {
    throw fault(
      `${name}.pixels`,
      "16-bit samples in a Uint16Array",
      `none above ${largest}. Say which samples are black and white: range: [0, 255] or [0, 65535]`,
    );
  }
  return Uint8Array.from(pixels, (sample) => sample >> 8);
}

function listedBytes(pixels: readonly number[], name: string): Uint8Array {
  const odd = pixels.findIndex((sample) => !Number.isInteger(sample) || sample < 0 || sample > 255);
  if (odd < 0) return Uint8Array.from(pixels);
  throw fault(
    `${name}.pixels[${odd}]`,
    "an integer in 0..255",
    `${pixels[odd]}. For other samples say which are black and white: range: [0, 1]`,
  );
}

function fault(where: string, expected: string, got: unknown): VqkitError {
  return new VqkitError("data", `${where}: expected ${expected}, got ${String(got)}.`);
}
