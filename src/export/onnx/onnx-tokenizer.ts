import { InferenceSession, OrtTensor } from "../../backend/index.js";
import type { RgbImage } from "../../data/index.js";
import type { OnnxGraphs } from "./graphs.js";
import type { PixelFormat } from "./pixels.js";

/** Indices as an exported encoder gives them. */
export interface OnnxIndices {
  readonly indices: Int32Array;
  /** [N, H, W, Q] */
  readonly shape: readonly number[];
}

/** An exported model, run as a stranger would: by ONNX Runtime with its default options, and nothing of vqkit's. */
export class OnnxTokenizer {
  readonly #encoder: InferenceSession;
  readonly #decoder: InferenceSession;
  readonly #format: PixelFormat;

  private constructor(sessions: readonly [InferenceSession, InferenceSession], format: PixelFormat) {
    [this.#encoder, this.#decoder] = sessions;
    this.#format = format;
  }

  static async create({ encoder, decoder }: OnnxGraphs, format: PixelFormat): Promise<OnnxTokenizer> {
    const first = await InferenceSession.create(encoder);
    try {
      return new OnnxTokenizer([first, await InferenceSession.create(decoder)], format);
    } catch (error) {
      await first.release();
      throw error;
    }
  }

  async encode({ pixels, height, width }: RgbImage): Promise<OnnxIndices> {
    const input =
      this.#format === "uint8"
        ? new OrtTensor("uint8", pixels, [1, height, width, 3])
        : new OrtTensor("float32", planes(pixels, height * width), [1, 3, height, width]);
    const { indices } = await this.#encoder.run({ pixels: input });
    return { indices: indices?.data as Int32Array, shape: indices?.dims ?? [] };
  }

  /** @returns the whole decoded area of one image: nothing is cut off */
  async decode({ indices, shape }: OnnxIndices): Promise<RgbImage> {
    const { pixels } = await this.#decoder.run({ indices: new OrtTensor("int32", indices, shape) });
    const dims = pixels?.dims ?? [];
    if (this.#format === "uint8") {
      return { pixels: pixels?.data as Uint8Array, height: dims[1] ?? 0, width: dims[2] ?? 0 };
    }
    const [, , height = 0, width = 0] = dims;
    return { pixels: interleaved(pixels?.data as Float32Array, height * width), height, width };
  }

  async release(): Promise<void> {
    await this.#encoder.release();
    await this.#decoder.release();
  }
}

/** Bytes [H*W, 3] → [3, H*W] in -1..1. */
function planes(pixels: Uint8Array, size: number): Float32Array {
  return Float32Array.from({ length: 3 * size }, (_, i) => {
    const [channel, at] = [Math.floor(i / size), i % size];
    return (pixels[3 * at + channel] as number) / 127.5 - 1;
  });
}

/** [3, H*W] in -1..1 → bytes [H*W, 3]. */
function interleaved(values: Float32Array, size: number): Uint8Array {
  const bytes = new Uint8ClampedArray(3 * size); // rounds half to even
  for (let at = 0; at < size; at++)
    for (let channel = 0; channel < 3; channel++) {
      bytes[3 * at + channel] = ((values[channel * size + at] as number) + 1) * 127.5;
    }
  return new Uint8Array(bytes.buffer);
}
