import type { ImageAutoencoder } from "../autoencoder/index.js";
import type { EngineOptions } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import {
  type BrokenImage,
  ENLARGEMENT_SAMPLE,
  type FindOptions,
  type ImageNote,
  type ImageSource,
  openSource,
  type RgbImage,
  type SourceInput,
  type SourceItem,
} from "../data/index.js";
import {
  type CodedImage,
  type Codes,
  type CodesInput,
  checkCodes,
  checkSameGrid,
  concatCodes,
  type EncodedBatch,
  type SourceProgress,
  sliceCodes,
} from "./codes.js";
import type { DecodedImage } from "./decoded-image.js";
import { type EncodeOptions, type EncodeSettings, parseEncodeOptions } from "./encode-options.js";
import { imageBatches, type PreparedBatch, partsAtOnce, pixelsOf } from "./image-batches.js";
import { copyModel, type LoadedModel, loadModel } from "./model-loading.js";
import { ModelPasses } from "./model-passes.js";
import { type ImageTaker, prepareImage } from "./prepared-image.js";
import { checkEncodeSize, passFault } from "./size-check.js";
import { TileSequence } from "./tiles.js";
import { WholeImages } from "./whole-images.js";

/** Options of one call: how images become pixels, and who is told of how they were read. */
export interface EncodeCallOptions extends EncodeOptions {
  /** Told what a person should know of how an image was read: of what was left out, or was missing. */
  readonly onNote?: (note: ImageNote) => void;
}

export interface EncodeAllOptions extends EncodeCallOptions, Pick<FindOptions, "onPassedOver" | "outputs"> {
  /** Told of each image that cannot be read, which is then skipped; where absent, it is thrown. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /**
   * Where to begin: a batch that an earlier call yielded for the same images and options, or how many items of the
   * source to skip. The batches from there on are those that the earlier call would have yielded.
   */
  readonly start?: SourceProgress | number;
  /** The column of Parquet files that holds the images; where absent it is found out. */
  readonly column?: string;
}

type SourceOptions = Pick<
  EncodeAllOptions,
  "onBroken" | "onNote" | "onPassedOver" | "outputs" | "start" | "column"
>;

/** Images in one pass of `decode` at most. */
const DECODE_BATCH = 16;

/**
 * A trained model as a translator between images and indices. Callers hand in and get plain arrays, never tensors.
 *
 * Calls may overlap; they take turns on the engine.
 */
export class Tokenizer {
  /** SHA-256, in hex, of the model's configuration and weights. Codes carry it. */
  readonly fingerprint: string;
  /** K: indices are in 0..K-1. */
  readonly codebookSize: number;
  /** Q: indices at each position of the latent grid. */
  readonly numCodebooks: number;
  /** Image side ÷ latent-grid side. */
  readonly downsamplingFactor: number;
  readonly #passes: ModelPasses;

  private constructor({ model, fingerprint }: LoadedModel) {
    this.#passes = new ModelPasses(model);
    this.fingerprint = fingerprint;
    this.codebookSize = model.quantizer.codebookSize;
    this.numCodebooks = model.quantizer.numCodebooks;
    this.downsamplingFactor = model.config.downsamplingFactor;
  }

  /**
   * Loads a trained model.
   *
   * @param path a run folder, or a model file (`model.safetensors`)
   * @param options the engine that computes; where nothing is asked for, the one already selected stays. Selecting
   * one is for the whole process; another engine ends the models that live on the earlier one.
   * @throws VqkitError("run") when there is no model; VqkitError("format") for a damaged one; VqkitError("file");
   * BackendError for an engine that cannot be used
   */
  static async load(path: string, options: EngineOptions = {}): Promise<Tokenizer> {
    return Tokenizer.from(await loadModel(path, options));
  }

  /**
   * Makes a tokenizer of a model that is in memory, such as a trainer's, with the weights that it has now.
   *
   * @param model copied; one that `loadModel` returned is not: it belongs to the tokenizer from here on, whose `dispose`
   * frees it, and its weights must not change any more
   * @throws VqkitError("format") naming a weight that is not finite; ConfigError for a quantizer whose kind is not
   * registered
   */
  static async from(model: ImageAutoencoder | LoadedModel): Promise<Tokenizer> {
    return new Tokenizer("fingerprint" in model ? model : await copyModel(model));
  }

  /**
   * Turns one image, or several of one size, into indices.
   *
   * @param input a path, a file's bytes, or raw 8-bit pixels; or a list of these
   * @returns N = 1 or the length of the list, in its order; with the policy `tile` one for each tile
   * @throws ImageError for an image that cannot be decoded; ConfigError for a wrong option; OversizeError as
   * `checkSize`; VqkitError("codes") when the
   * images' latent grids differ: then give a `size`, or use `encodeAll`
   */
  async encode(
    input: ImageSource | readonly ImageSource[],
    { onNote, ...options }: EncodeCallOptions = {},
  ): Promise<Codes> {
    const settings = this.#settings(options);
    const sources = isList(input)
      ? input.map((source, i) => named(source, `images[${i}]`))
      : [named(input, "image")];
    await this.#checkSize(sources, settings);
    const parts: Codes[] = [];
    for await (const part of this.#encodeItems(sources, settings, onNote === undefined ? {} : { onNote })) {
      parts.push(part);
      checkSameGrid(parts[0] as Codes, part); // now, before the rest is encoded
    }
    return concatCodes(parts);
  }

  /**
   * Encodes any number of images in memory that does not grow with their pixels, reading and decoding ahead of the
   * model. Images come in the source's order, neighbours of one latent grid together, and each with all its tiles.
   *
   * An image's indices do not depend on which others share its batch.
   *
   * @param source what `openSource` takes: a folder (with its subfolders), a file, a glob pattern, or a list of these,
   * with tar shards and Parquet files among them; or images from code
   * @throws ConfigError at once for a wrong option; while iterating, OversizeError as `checkSize`; VqkitError("data")
   * when no image is found or none is readable, or the images before `start` are others; ImageError for a broken image unless `onBroken` is there
   */
  encodeAll(
    source: SourceInput,
    { onBroken, onNote, onPassedOver, outputs = [], start, column, ...options }: EncodeAllOptions = {},
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const settings = this.#settings(options);
    return this.#encodeSource(source, settings, {
      outputs,
      ...(onPassedOver === undefined ? {} : { onPassedOver }),
      ...(onBroken === undefined ? {} : { onBroken }),
      ...(onNote === undefined ? {} : { onNote }),
      ...(start === undefined ? {} : { start }),
      ...(column === undefined ? {} : { column }),
    });
  }

  /**
   * Checks what `encodeAll` checks of the size that images get, before anything is encoded: for who writes what is
   * encoded in the place of something.
   *
   * @throws ConfigError for a wrong option; OversizeError when images would be enlarged more than twice, or memory does
   * not suffice, and `allowOversize` does not confirm it; VqkitError("data") when no image is found
   */
  async checkSize(
    source: SourceInput,
    { column, ...options }: EncodeOptions & Pick<EncodeAllOptions, "column"> = {},
  ): Promise<void> {
    const settings = this.#settings(options);
    const items = await openSource(source, column === undefined ? {} : { column });
    await this.#checkSize(await items.sample(ENLARGEMENT_SAMPLE), settings);
  }

  /**
   * Turns the indices of one image, or all tiles of one, back into the image.
   *
   * @returns the model's reconstruction, equal to what `reconstruct` returns for the image that was encoded
   * @throws VqkitError("codes") for codes of another model, an index out of range, several images (`decodeBatch` takes
   * those) or tiles that are not all of an image; ShapeError for a shape that is not [1,H,W,Q]
   */
  async decode(codes: CodesInput): Promise<DecodedImage> {
    const count = this.#countImages(checkCodes(codes, this));
    if (count !== 1) {
      throw new VqkitError(
        "codes",
        `decode: expected the codes of one image, got those of ${count}. Use decodeBatch.`,
      );
    }
    const [image] = await this.decodeBatch(codes);
    return image as DecodedImage;
  }

  /** As `decode`, for any number of images: one for each, in order. Tiles make one image together. */
  async decodeBatch(codes: CodesInput): Promise<DecodedImage[]> {
    // Before anything is computed: a missing tile would show only at the end.
    this.#countImages(checkCodes(codes, this));
    const images: DecodedImage[] = [];
    for await (const image of this.decodeImages([codes])) images.push(image);
    return images;
  }

  /**
   * Decodes codes as they come, such as `readCodes` yields them, into whole images in their order. The tiles of an image
   * may come in several parts; it is put together row by row, in memory of its own size.
   *
   * @throws as `decode`, while iterating
   */
  async *decodeImages(
    codes: AsyncIterable<CodesInput> | Iterable<CodesInput>,
  ): AsyncGenerator<DecodedImage, void, undefined> {
    this.#passes.checkAlive();
    const images = new WholeImages(this.downsamplingFactor);
    for await (const part of codes) {
      for await (const { made, coded } of this.#decodeParts(checkCodes(part, this))) {
        const image = images.add(made, coded);
        if (image !== undefined) yield image;
      }
    }
    images.end();
  }

  /**
   * The model's own forward pass: encoder, quantizer and decoder in one go, the image sized and padded as in `encode`.
   *
   * @throws as `encode`
   */
  async reconstruct(
    input: ImageSource,
    { onNote, ...options }: EncodeCallOptions = {},
  ): Promise<DecodedImage> {
    const settings = this.#settings(options);
    const item = named(input, "image");
    await this.#checkSize([item], settings);
    const prepared = await prepareImage(item, settings, this.#taker(settings));
    for (const note of prepared.notes) onNote?.(note);
    const images = new WholeImages(this.downsamplingFactor);
    let image: DecodedImage | undefined;
    for (const { rect, coded } of prepared.parts) {
      const pixels = pixelsOf([{ image: prepared.image, rect, coded }], prepared.size);
      image = images.add(await this.#passes.forward(pixels), coded);
    }
    return image as DecodedImage; // the last part completes it
  }

  /**
   * Options as the calls of this tokenizer take them, checked and complete: what to record beside the codes.
   *
   * @throws ConfigError that names the option
   */
  encodeSettings(options: EncodeOptions = {}): EncodeSettings {
    return parseEncodeOptions(options, this.downsamplingFactor);
  }

  /**
   * The codes as numbers, as they are decoded: for SimVQ the transformed table, for FSQ the points of its grid.
   *
   * @param codebook which of several: what its codes give to the sum, or to their group of channels
   * @returns `values` [K, `codeDim`], row by row; `codeDim` is D, of a group its own
   * @throws VqkitError("codes") for a codebook that is not there, and a quantizer that has no table of its codes
   */
  async codeVectors(codebook = 0): Promise<{ readonly codeDim: number; readonly values: Float32Array }> {
    return this.#passes.codeVectors(codebook);
  }

  /** Whether `codeVectors` has the codes of each codebook. */
  get hasCodeVectors(): boolean {
    return this.#passes.hasCodeVectors;
  }

  /** Frees the model; no other call may follow. */
  dispose(): void {
    this.#passes.dispose();
  }

  #settings(options: EncodeOptions): EncodeSettings {
    this.#passes.checkAlive();
    return this.encodeSettings(options);
  }

  #checkSize(items: readonly SourceItem[], settings: EncodeSettings): Promise<void> {
    return checkEncodeSize(items, settings, { model: this.#passes.config });
  }

  #taker({ allowOversize }: EncodeSettings): ImageTaker {
    const factor = this.downsamplingFactor;
    const model = this.#passes.config;
    return allowOversize ? { factor } : { factor, refuse: (size) => passFault(size, { model }) };
  }

  async *#encodeSource(
    source: SourceInput,
    settings: EncodeSettings,
    { column, onPassedOver, outputs, ...options }: SourceOptions,
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const { onBroken } = options;
    const items = await openSource(source, {
      ...(outputs === undefined ? {} : { outputs }),
      ...(onPassedOver === undefined ? {} : { onPassedOver }),
      ...(column === undefined ? {} : { column }),
      ...(onBroken === undefined ? {} : { onBroken }),
    });
    await this.#checkSize(await items.sample(ENLARGEMENT_SAMPLE), settings);
    yield* this.#encodeItems(items, settings, options);
  }

  async *#encodeItems(
    items: AsyncIterable<SourceItem> | Iterable<SourceItem>,
    settings: EncodeSettings,
    options: Pick<EncodeAllOptions, "onBroken" | "onNote" | "start"> = {},
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const batches = imageBatches(items, { settings, ...this.#taker(settings), ...options });
    for await (const batch of batches) {
      yield { ...(await this.#encodeBatch(batch, settings.batchSize)), ...batch.progress };
    }
  }

  async #encodeBatch({ parts, size }: PreparedBatch, batchSize: number): Promise<Codes> {
    const step = partsAtOnce(size, batchSize);
    const done: Codes[] = [];
    for (let start = 0; start < parts.length; start += step) {
      done.push(await this.#encodePass(parts.slice(start, start + step), size));
    }
    return done.length === 1 ? (done[0] as Codes) : concatCodes(done);
  }

  async #encodePass(parts: PreparedBatch["parts"], size: PreparedBatch["size"]): Promise<Codes> {
    const { codebookSize, fingerprint } = this;
    const grid = await this.#passes.encode(pixelsOf(parts, size));
    return { ...grid, codebookSize, images: parts.map(({ coded }) => coded), fingerprint };
  }

  /** How many images codes are when tiles are put together. @throws VqkitError("codes") when tiles are missing */
  #countImages({ images, shape: [, height, width] }: Codes): number {
    const factor = this.downsamplingFactor;
    const tiles = new TileSequence(factor);
    const frame = { height: height * factor, width: width * factor };
    const last = images.filter((image) => tiles.take(image, frame)?.last ?? true);
    tiles.end();
    return last.length;
  }

  /** Each image or tile, with its padding, in passes of bounded size. */
  async *#decodeParts(codes: Codes): AsyncGenerator<{ made: RgbImage; coded: CodedImage }, void, undefined> {
    const [count, gridHeight, gridWidth] = codes.shape;
    const factor = this.downsamplingFactor;
    const step = partsAtOnce({ height: gridHeight * factor, width: gridWidth * factor }, DECODE_BATCH);
    for (let start = 0; start < count; start += step) {
      const some = sliceCodes(codes, start, Math.min(count, start + step));
      const batch = await this.#passes.decode(some);
      for (const [i, coded] of some.images.entries()) {
        const { height, width } = batch;
        const bytes = height * width * 3;
        // A copy, so that one image does not hold the whole batch.
        const pixels = batch.pixels.slice(i * bytes, (i + 1) * bytes);
        yield { made: { pixels, height, width }, coded };
      }
    }
  }
}

function named(source: ImageSource, otherwise: string): SourceItem {
  return { source, name: typeof source === "string" ? source : otherwise };
}

function isList(input: ImageSource | readonly ImageSource[]): input is readonly ImageSource[] {
  return Array.isArray(input);
}
