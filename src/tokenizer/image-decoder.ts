import { mapAhead, type RgbImage } from "../data/index.js";
import { type CodedImage, type Codes, pixelsCovered, sliceCodes } from "./codes.js";
import type { DecodedImage } from "./decoded-image.js";
import { partsAtOnce } from "./image-batches.js";
import type { Passes } from "./passes/passes.js";
import { TileSequence } from "./tiles.js";
import { WholeImages } from "./whole-images.js";

/** Images in one pass at most. */
const DECODE_BATCH = 16;

/** Indices to images, by a model's passes. */
export class ImageDecoder {
  readonly #passes: Passes;
  readonly #factor: number;

  constructor(passes: Passes) {
    this.#passes = passes;
    this.#factor = passes.facts.config.downsamplingFactor;
  }

  /** Whole images, in order; the tiles of one may come in several codes. @throws VqkitError("codes") when tiles are missing */
  async *decodeImages(
    codes: AsyncIterable<Codes> | Iterable<Codes>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<DecodedImage, void, undefined> {
    const images = new WholeImages(this.#factor);
    const { ahead } = this.#passes;
    for await (const parts of mapAhead(this.#slices(codes), (part) => this.#decodePass(part, signal), {
      ahead,
    })) {
      for (const { made, coded } of parts) {
        const image = images.add(made, coded);
        if (image !== undefined) yield image;
      }
    }
    images.end();
  }

  /** How many images codes are when tiles are put together. @throws VqkitError("codes") when tiles are missing */
  countImages(codes: Codes): number {
    const tiles = new TileSequence(this.#factor);
    const frame = pixelsCovered(codes, this.#factor);
    const last = codes.images.filter((image) => tiles.take(image, frame)?.last ?? true);
    tiles.end();
    return last.length;
  }

  /** As many images or tiles as go through the model at once. */
  async *#slices(codes: AsyncIterable<Codes> | Iterable<Codes>): AsyncGenerator<Codes, void, undefined> {
    for await (const part of codes) {
      const [count] = part.shape;
      const step = partsAtOnce(pixelsCovered(part, this.#factor), DECODE_BATCH);
      for (let start = 0; start < count; start += step) {
        yield sliceCodes(part, start, Math.min(count, start + step));
      }
    }
  }

  /** Each image or tile, with its padding. */
  async #decodePass(
    some: Codes,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly made: RgbImage; readonly coded: CodedImage }[]> {
    const { height, width, pixels } = await this.#passes.decode(some, signal);
    const bytes = height * width * 3;
    // Copies, so that one image does not hold the whole batch.
    return some.images.map((coded, i) => ({
      made: { pixels: pixels.slice(i * bytes, (i + 1) * bytes), height, width },
      coded,
    }));
  }
}
