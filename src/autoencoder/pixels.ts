import { ShapeError, VqkitError } from "../core/errors.js";
import { checkBytes } from "../core/typed-arrays.js";
import * as tf from "../tf/index.js";

/** 8-bit RGB images of one size, row by row: [count, height, width, 3]. An `ImageBatch` is one. */
export interface PixelBatch {
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** x/127.5 − 1 for every byte, rounded once to float32, so that each engine sees the same values. */
export const centredBytes = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);

/**
 * 8-bit pixels as the model takes them: x/127.5 − 1.
 *
 * @returns [count, height, width, 3] float32 in -1..1
 * @throws ShapeError when the number of bytes is not count·height·width·3; VqkitError("data") when they are none
 */
export function pixelsToTensor({ pixels, count, height, width }: PixelBatch): tf.Tensor4D {
  checkBytes(pixels, "pixels");
  if (pixels.length !== count * height * width * 3) {
    throw new ShapeError("pixels", `[${count},${height},${width},3]`, [pixels.length]);
  }
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < values.length; i++) values[i] = centredBytes[pixels[i] as number] as number;
  return tf.tensor4d(values, [count, height, width, 3]);
}

/**
 * Model output as 8-bit pixels: (y + 1)·127.5 in double precision, clamped to 0..255 and rounded half to even (the
 * one tie that float32 can express is y = 0, which becomes 128). Inverts `pixelsToTensor` for all 256 values.
 *
 * @param images [N, H, W, 3]; still the caller's to dispose
 * @throws ShapeError for another shape; VqkitError (`numerics`) when a value is NaN
 */
export async function tensorToPixels(images: tf.Tensor4D): Promise<PixelBatch> {
  const [count, height, width, channels] = images.shape;
  if (images.rank !== 4 || channels !== 3) throw new ShapeError("images", "[N,H,W,3]", images.shape);
  const values = await images.data();
  // Assignment to a Uint8ClampedArray clamps and rounds half to even by definition; NaN would become 0.
  const clamped = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) {
      throw new VqkitError(
        "numerics",
        `images: expected numbers, got NaN at element ${i}. Has training diverged?`,
      );
    }
    clamped[i] = (value + 1) * 127.5;
  }
  return { pixels: new Uint8Array(clamped.buffer), count, height, width };
}
