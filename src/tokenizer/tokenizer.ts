import type { ImageAutoencoder } from "../autoencoder/index.js";
import { untilAborted } from "../core/abort.js";
import { ConfigError, VqkitError } from "../core/errors.js";
import { withoutUndefined } from "../core/objects.js";
import {
  ENLARGEMENT_SAMPLE,
  type ImageSource,
  openSource,
  type SourceInput,
  type SourceItem,
} from "../data/index.js";
import { arithmeticDigest } from "./arithmetic.js";
import type { CallOptions, EncodeAllOptions, EncodeCallOptions } from "./call-options.js";
import { CallsUnderWay } from "./calls.js";
import {
  type Codes,
  type CodesInput,
  checkCodes,
  checkSameGrid,
  concatCodes,
  type EncodedBatch,
} from "./codes.js";
import type { DecodedImage } from "./decoded-image.js";
import { type EncodeOptions, type EncodeSettings, parseEncodeOptions } from "./encode-options.js";
import { ImageDecoder } from "./image-decoder.js";
import { ImageEncoder } from "./image-encoder.js";
import { copyModel, type LoadedModel, loadModel } from "./model-loading.js";
import { ModelPasses } from "./model-passes.js";
import { disposedError } from "./passes/disposed.js";
import { importModules, type LoadOptions, parseLoadOptions } from "./passes/loading-options.js";
import { imageSideOf, type Passes } from "./passes/passes.js";
import { WorkerPasses } from "./passes/worker-passes.js";

/**
 * A trained model as a translator between images and indices. Callers hand in and get plain arrays, never tensors.
 *
 * Calls may overlap; they take turns on the engine, or share the worker threads that it was loaded with.
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
  /** Of a model whose codes are a sequence: as `scales` of `Codes`. It takes images of one size alone, `imageSide`. */
  readonly scales: readonly number[] | undefined;
  /** Pixels a side of the images that the model takes; undefined where it takes any size. */
  readonly imageSide: number | undefined;
  readonly #passes: Passes;
  readonly #encoder: ImageEncoder;
  readonly #decoder: ImageDecoder;
  readonly #calls: CallsUnderWay;
  #closing: Promise<void> | undefined;

  private constructor(passes: Passes, maxQueue = Number.POSITIVE_INFINITY) {
    this.#passes = passes;
    this.#encoder = new ImageEncoder(passes);
    this.#decoder = new ImageDecoder(passes);
    this.#calls = new CallsUnderWay(maxQueue);
    const { config, fingerprint, codebookSize, numCodebooks } = passes.facts;
    this.fingerprint = fingerprint;
    this.codebookSize = codebookSize;
    this.numCodebooks = numCodebooks;
    this.downsamplingFactor = config.downsamplingFactor;
    this.scales = passes.facts.scales;
    this.imageSide = imageSideOf(passes.facts);
  }

  /**
   * Loads a trained model, here or in worker threads (`workers`).
   *
   * @param path a run folder, or a model file (`model.safetensors`)
   * @param options the engine that computes; where nothing is asked for, the one already selected stays. Selecting
   * one is for the whole process; another engine ends the models that live on the earlier one. Workers have an engine
   * of their own.
   * @throws VqkitError("run") when there is no model; VqkitError("format") for a damaged one; VqkitError("file");
   * BackendError for an engine that cannot be used; ConfigError for a wrong option
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Tokenizer> {
    const settings = parseLoadOptions(options);
    const { engine, maxQueue, quantizerModules, workers } = settings;
    if (workers > 0) return new Tokenizer(await WorkerPasses.start(path, settings), maxQueue);
    await importModules(quantizerModules);
    return new Tokenizer(new ModelPasses(await loadModel(path, engine)), maxQueue);
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
    return new Tokenizer(new ModelPasses("fingerprint" in model ? model : await copyModel(model)));
  }

  /**
   * Turns one image, or several of one size, into indices.
   *
   * @param input a path, a file's bytes, or raw 8-bit pixels; or a list of these
   * @returns N = 1 or the length of the list, in its order; with the policy `tile` one for each tile, with `views` one
   * for each view
   * @throws ImageError for an image that cannot be decoded; ConfigError for a wrong option; OversizeError as
   * `checkSize`; VqkitError("codes") when the
   * images' latent grids differ: then give a `size`, or use `encodeAll`; VqkitError("busy") for more calls than
   * `maxQueue` at once; the reason of `signal` once it is aborted
   */
  async encode(
    input: ImageSource | readonly ImageSource[],
    { onNote, signal, ...options }: EncodeCallOptions = {},
  ): Promise<Codes> {
    const settings = this.#settings(options);
    const sources = isList(input)
      ? input.map((source, i) => named(source, `images[${i}]`))
      : [named(input, "image")];
    return this.#calls.run(async () => {
      await this.#encoder.checkSize(sources, settings);
      const parts: Codes[] = [];
      for await (const part of this.#encoder.encodeItems(
        sources,
        settings,
        withoutUndefined({ onNote, signal }),
      )) {
        parts.push(part);
        checkSameGrid(parts[0] as Codes, part); // now, before the rest is encoded
      }
      return concatCodes(parts);
    }, signal);
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
   * when no image is found or none is readable, or the images before `start` are others; ImageError for a broken image unless `onBroken` is there;
   * the reason of `signal` once it is aborted
   */
  encodeAll(
    source: SourceInput,
    {
      onBroken,
      onNote,
      onPassedOver,
      outputs = [],
      signal,
      start,
      column,
      mayBeEmpty,
      ...options
    }: EncodeAllOptions = {},
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const settings = this.#settings(options);
    const callbacks = withoutUndefined({ onBroken, onNote, onPassedOver });
    const batches = this.#encoder.encodeSource(source, settings, {
      outputs,
      ...callbacks,
      ...withoutUndefined({ start, column, signal, mayBeEmpty }),
    });
    return untilAborted(batches, signal);
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
    await this.#encoder.checkSize(await items.sample(ENLARGEMENT_SAMPLE), settings);
  }

  /**
   * Turns the indices of one image, or all tiles of one, back into the image.
   *
   * @returns the model's reconstruction, equal to what `reconstruct` returns for the image that was encoded
   * @throws VqkitError("codes") for codes of another model, an index out of range, several images (`decodeBatch` takes
   * those) or tiles that are not all of an image; ShapeError for a shape that is not [1,H,W,Q]
   */
  async decode(codes: CodesInput, options: CallOptions = {}): Promise<DecodedImage> {
    const count = this.#decoder.countImages(checkCodes(codes, this));
    if (count !== 1) {
      throw new VqkitError(
        "codes",
        `decode: expected the codes of one image, got those of ${count}. Use decodeBatch.`,
      );
    }
    const [image] = await this.decodeBatch(codes, options);
    return image as DecodedImage;
  }

  /** As `decode`, for any number of images: one for each, in order. Tiles make one image together. */
  async decodeBatch(codes: CodesInput, { signal }: CallOptions = {}): Promise<DecodedImage[]> {
    this.#checkAlive();
    const checked = checkCodes(codes, this);
    // Before anything is computed: a missing tile would show only at the end.
    this.#decoder.countImages(checked);
    return this.#calls.run(async () => {
      const images: DecodedImage[] = [];
      for await (const image of this.#decoder.decodeImages([checked], signal)) images.push(image);
      return images;
    }, signal);
  }

  /**
   * Decodes codes as they come, such as `readCodes` yields them, into whole images in their order. The tiles of an image
   * may come in several parts; it is put together row by row, in memory of its own size.
   *
   * @throws as `decode`, while iterating
   */
  async *decodeImages(
    codes: AsyncIterable<CodesInput> | Iterable<CodesInput>,
    { signal }: CallOptions = {},
  ): AsyncGenerator<DecodedImage, void, undefined> {
    this.#checkAlive();
    yield* untilAborted(this.#decoder.decodeImages(this.#checked(codes), signal), signal);
  }

  /**
   * The model's own forward pass: encoder, quantizer and decoder in one go, the image sized and padded as in `encode`.
   *
   * @throws as `encode`
   */
  async reconstruct(
    input: ImageSource,
    { onNote, signal, ...options }: EncodeCallOptions = {},
  ): Promise<DecodedImage> {
    const settings = this.#settings(options);
    if (settings.views !== "one") {
      throw new ConfigError(
        "views",
        `expected "one", for one image is reconstructed, got "${settings.views}".`,
      );
    }
    const item = named(input, "image");
    return this.#calls.run(async () => {
      await this.#encoder.checkSize([item], settings);
      return this.#encoder.reconstruct(item, settings, withoutUndefined({ onNote, signal }));
    }, signal);
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
   * What this machine's arithmetic makes of images that are always the same: SHA-256, in hex, of their latents, bit for
   * bit, and their indices. Another processor, engine or version may add in another order; where two agree, both encode
   * any image into the same codes.
   *
   * @param options as for `encode`: the images have the size that it gives
   * @throws ConfigError for a wrong option
   */
  arithmetic(options: EncodeOptions = {}): Promise<string> {
    return arithmeticDigest(this.#passes, this.#settings(options));
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
    return this.#passes.facts.hasCodeVectors;
  }

  /**
   * Ends the tokenizer in good order: takes no more calls, waits for those under way, and frees the model and its
   * threads. Streams (`encodeAll`, `decodeImages`) are their readers' to end before; one that goes on fails.
   */
  close(): Promise<void> {
    this.#closing ??= this.#calls.ended().then(() => this.#passes.dispose());
    return this.#closing;
  }

  /**
   * Frees the model; no other call may follow. Of calls under way those that wait fail, as a later call does; a pass that
   * a worker computes ends first.
   *
   * @returns when worker threads are gone; without workers the model is freed at once
   */
  dispose(): Promise<void> {
    return this.#passes.dispose();
  }

  #settings(options: EncodeOptions): EncodeSettings {
    this.#checkAlive();
    return this.encodeSettings(options);
  }

  #checkAlive(): void {
    if (this.#closing !== undefined) throw disposedError();
    this.#passes.checkAlive();
  }

  async *#checked(
    codes: AsyncIterable<CodesInput> | Iterable<CodesInput>,
  ): AsyncGenerator<Codes, void, undefined> {
    for await (const part of codes) yield checkCodes(part, this);
  }
}

function named(source: ImageSource, otherwise: string): SourceItem {
  return { source, name: typeof source === "string" ? source : otherwise };
}

function isList(input: ImageSource | readonly ImageSource[]): input is readonly ImageSource[] {
  return Array.isArray(input);
}
