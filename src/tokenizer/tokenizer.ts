import * as tf from "@tensorflow/tfjs";
import {
  type ImageAutoencoder,
  type PixelBatch,
  pixelsToTensor,
  tensorToPixels,
} from "../autoencoder/index.js";
import { backendName, type EngineOptions, selectEngine } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { type BrokenImage, findImages, type ImageSource } from "../data/index.js";
import { Semaphore } from "../data/semaphore.js";
import {
  type Codes,
  type CodesInput,
  checkCodes,
  checkSameGrid,
  concatCodes,
  indexArray,
  sliceCodes,
} from "./codes.js";
import { DecodedImage } from "./decoded-image.js";
import { type EncodeOptions, type EncodeSettings, parseEncodeOptions } from "./encode-options.js";
import { BATCH_PIXELS, imageBatches, type PreparedBatch } from "./image-batches.js";
import { imageNames } from "./image-names.js";
import { type LoadedModel, loadModel } from "./model-loading.js";
import { type NamedSource, prepareImage, withoutPadding } from "./prepared-image.js";

export interface EncodeAllOptions extends EncodeOptions {
  /** Told of each file that cannot be decoded, which is then passed over; where absent, it is thrown. */
  readonly onBroken?: (broken: BrokenImage) => void;
}

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
  readonly #model: ImageAutoencoder;
  readonly #turns = new Semaphore(1);
  #disposed = false;

  private constructor({ model, fingerprint }: LoadedModel) {
    this.#model = model;
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
    await ensureEngine(options);
    // Its weights are not frozen (`freezeTensors`), which would encode a quarter faster: built into a graph they are
    // summed in another order, and one pixel in 10^5 would differ from what the same model makes during training.
    return new Tokenizer(await loadModel(path));
  }

  /**
   * Turns one image, or several of one size, into indices.
   *
   * @param input a path, a file's bytes, or raw 8-bit pixels; or a list of these
   * @returns N = 1 or the length of the list, in its order
   * @throws ImageError for an image that cannot be decoded; ConfigError for a wrong option; VqkitError("codes") when the
   * images' latent grids differ: then give a `size`, or use `encodeAll`
   */
  async encode(input: ImageSource | readonly ImageSource[], options: EncodeOptions = {}): Promise<Codes> {
    const settings = this.#settings(options);
    const sources = isList(input)
      ? input.map((source, i) => named(source, `images[${i}]`))
      : [named(input, "image")];
    if (sources.length === 0) throw new VqkitError("data", "images: expected at least one image, got none.");
    const parts: Codes[] = [];
    for await (const part of this.#encodeSources(sources, settings)) {
      parts.push(part);
      checkSameGrid(parts[0] as Codes, part); // now, before the rest is encoded
    }
    return concatCodes(parts);
  }

  /**
   * Encodes any number of files in memory that does not grow with it, decoding ahead of the model. Images come in order
   * (sorted by path), neighbours of one latent grid together; names are paths from the files' common folder.
   *
   * @param source a folder (with its subfolders), a file, a glob pattern, or a list of these
   * @throws ConfigError at once for a wrong option; while iterating, VqkitError("data") when no image is found or none
   * is readable, ImageError for a broken file unless `onBroken` is there
   */
  encodeAll(
    source: string | readonly string[],
    { onBroken, ...options }: EncodeAllOptions = {},
  ): AsyncGenerator<Codes, void, undefined> {
    const settings = this.#settings(options);
    return this.#encodeFiles(source, settings, onBroken);
  }

  /**
   * Turns the indices of one image back into the image.
   *
   * @returns the model's reconstruction, equal to what `reconstruct` returns for the image that was encoded
   * @throws VqkitError("codes") for codes of another model, an index out of range, or several images (`decodeBatch`
   * takes those); ShapeError for a shape that is not [1,H,W,Q]
   */
  async decode(codes: CodesInput): Promise<DecodedImage> {
    const count = codes.shape[0];
    if (codes.shape.length === 4 && count !== 1) {
      throw new VqkitError(
        "codes",
        `decode: expected the codes of one image, got those of ${count}. Use decodeBatch.`,
      );
    }
    const [image] = await this.decodeBatch(codes);
    return image as DecodedImage;
  }

  /** As `decode`, for any number of images: one for each, in order. */
  async decodeBatch(codes: CodesInput): Promise<DecodedImage[]> {
    this.#checkAlive();
    const checked = checkCodes(codes, this);
    const [count, height, width] = checked.shape;
    const pixels = height * width * this.downsamplingFactor ** 2;
    const step = Math.max(1, Math.min(DECODE_BATCH, Math.floor(BATCH_PIXELS / pixels)));
    const images: DecodedImage[] = [];
    for (let start = 0; start < count; start += step) {
      images.push(...(await this.#decodeSome(sliceCodes(checked, start, Math.min(count, start + step)))));
    }
    return images;
  }

  /**
   * The model's own forward pass: encoder, quantizer and decoder in one go, the image padded as in `encode`.
   *
   * @throws as `encode`
   */
  async reconstruct(input: ImageSource, options: EncodeOptions = {}): Promise<DecodedImage> {
    const settings = this.#settings(options);
    const { coded, padded } = await prepareImage(named(input, "image"), settings, this.downsamplingFactor);
    const made = await this.#pixels(
      () => this.#model.forward(pixelsToTensor({ ...padded, count: 1 })).reconstruction,
    );
    return new DecodedImage(coded.name, withoutPadding(made, coded));
  }

  /** Frees the model; no other call may follow. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#model.dispose();
  }

  #settings(options: EncodeOptions): EncodeSettings {
    this.#checkAlive();
    return parseEncodeOptions(options, this.downsamplingFactor);
  }

  async *#encodeFiles(
    source: string | readonly string[],
    settings: EncodeSettings,
    onBroken: EncodeAllOptions["onBroken"],
  ): AsyncGenerator<Codes, void, undefined> {
    const files = await findImages(source);
    const names = imageNames(files);
    const sources = files.map((file, i) => ({ source: file, name: names[i] as string }));
    yield* this.#encodeSources(sources, settings, onBroken);
  }

  async *#encodeSources(
    sources: Iterable<NamedSource>,
    settings: EncodeSettings,
    onBroken?: EncodeAllOptions["onBroken"],
  ): AsyncGenerator<Codes, void, undefined> {
    const factor = this.downsamplingFactor;
    const batches = imageBatches(sources, {
      settings,
      factor,
      ...(onBroken === undefined ? {} : { onBroken }),
    });
    for await (const batch of batches) yield await this.#encodeBatch(batch);
  }

  async #encodeBatch(batch: PreparedBatch): Promise<Codes> {
    const { codebookSize, fingerprint } = this;
    return this.#compute(
      () => this.#model.quantizer.quantize(this.#model.encode(pixelsToTensor(batch))).indices,
      async (tensor) => {
        const indices = indexArray(codebookSize, tensor.size);
        indices.set(await tensor.data());
        return { indices, shape: [...tensor.shape], codebookSize, images: batch.images, fingerprint };
      },
    );
  }

  async #decodeSome({ indices, shape, images }: Codes): Promise<DecodedImage[]> {
    const { pixels, height, width } = await this.#pixels(() => {
      const codes = this.#model.quantizer.indicesToCodes(
        tf.tensor4d(Int32Array.from(indices), [...shape], "int32"),
      );
      return this.#model.decode(codes);
    });
    const bytes = height * width * 3;
    return images.map((image, i) => {
      const whole = { pixels: pixels.slice(i * bytes, (i + 1) * bytes), height, width };
      return new DecodedImage(image.name, withoutPadding(whole, image));
    });
  }

  #pixels(make: () => tf.Tensor4D): Promise<PixelBatch> {
    return this.#compute(make, tensorToPixels);
  }

  /** Computes a tensor, reads it and frees it, while no other call of this tokenizer is on the engine. */
  #compute<T>(make: () => tf.Tensor4D, read: (tensor: tf.Tensor4D) => Promise<T>): Promise<T> {
    return this.#turns.run(1, async () => {
      this.#checkAlive();
      const tensor = tf.tidy(make);
      try {
        return await read(tensor);
      } finally {
        tensor.dispose();
      }
    });
  }

  #checkAlive(): void {
    if (!this.#disposed) return;
    throw new VqkitError(
      "engine",
      "Tokenizer: expected one that is in use, got one after dispose(). Load it again.",
    );
  }
}

/** Selects what is asked for; without a wish, an engine that somebody selected stays, and with it what lives there. */
async function ensureEngine(options: EngineOptions): Promise<void> {
  const { engine = "auto", device, threads } = options;
  const wish = threads !== undefined || device !== undefined || engine !== "auto";
  const selected = [backendName, "tensorflow"].includes(tf.getBackend());
  if (wish || !selected) await selectEngine(options);
}

function named(source: ImageSource, otherwise: string): NamedSource {
  return { source, name: typeof source === "string" ? source : otherwise };
}

function isList(input: ImageSource | readonly ImageSource[]): input is readonly ImageSource[] {
  return Array.isArray(input);
}
