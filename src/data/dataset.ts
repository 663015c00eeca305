import { ConfigError, VqkitError } from "../core/errors.js";
import { Random } from "../core/random.js";
import { Semaphore } from "../core/semaphore.js";
import type { BrokenImage, ImageBatch, ImageNote } from "./batch.js";
import type { DataConfig } from "./data-config.js";
import { type Sample, TrainingOrder } from "./epochs/training-order.js";
import type { PassedOver } from "./finding/passed-over.js";
import { type FindImagesOptions, type FoundImages, findDatasetImages } from "./found-images.js";
import { GatheredCrops } from "./gathered-crops.js";
import { centerCrop, gridCrops, randomCrop, type Size } from "./geometry.js";
import { ImageStore } from "./image-store.js";
import { copyCrop, type RgbImage } from "./images.js";
import { ImageSelection } from "./indexed/image-selection.js";
import type { IndexedImages, IndexedItem } from "./indexed/indexed-images.js";
import { mapAhead } from "./prefetch.js";
import { splitImages } from "./split.js";

/**
 * Images being read or decoded at once, for the sake of the number of open files; what they take in memory is bounded
 * where it arises. Many more than there are threads, because an image moves on to its next stage only when the main
 * thread turns to its events, which a training step may allow once.
 */
const IMAGES_IN_FLIGHT = 256;

export interface ImageDatasetOptions extends FindImagesOptions {
  /** Called once for each image found broken, when it is found; links and folders called like images count (`findImages`). */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Called once for each note on how an image was read. */
  readonly onNote?: (note: ImageNote) => void;
  /** What `findDatasetImages` has found already; by default the dataset searches. */
  readonly found?: FoundImages;
  /**
   * Instead of resizing: what makes of an image of any size one that covers the crop, as evaluations by a published
   * protocol cut theirs.
   */
  readonly prepare?: (image: RgbImage) => RgbImage;
}

/**
 * Images on disk as batches of crops: of image files, tar shards and Parquet files.
 *
 * Which image and which crop a training sample shows is a pure function of the seed, the images in their order, their
 * contents and the sample's number: nothing depends on timing, on the cache, on `prefetch`, on where a run was resumed, or
 * on whether the images lie in files of their own or in shards.
 *
 * A broken image keeps that true: wherever the order of an epoch names one, the sample shows the next readable image of
 * the same order instead (cyclically), under the crop and flip drawn for the sample's own number. So a broken image shifts
 * no other sample, and finding out early or late that it is broken makes no difference.
 */
export class ImageDataset {
  /** Images trained on; broken ones are among them. */
  readonly train: ImageSelection;
  /** Images kept back for evaluation; empty when `heldOut` is 0 or there is only one image. */
  readonly heldOut: ImageSelection;
  /** What the sources have that is no image. */
  readonly passedOver: PassedOver;
  readonly #images: IndexedImages;
  readonly #config: DataConfig;
  readonly #seed: number;
  readonly #store: ImageStore;
  /** Called like images, and none; folders that cannot be read. */
  readonly #unusable: readonly BrokenImage[];
  readonly #cropSize: Size;
  readonly #slots = new Semaphore(IMAGES_IN_FLIGHT);

  private constructor(
    config: DataConfig,
    seed: number,
    parts: {
      images: IndexedImages;
      store: ImageStore;
      passedOver: PassedOver;
      unusable: readonly BrokenImage[];
    },
  ) {
    const { images } = parts;
    const split = splitImages(images.length, config.heldOut, config.splitSeed ?? seed);
    this.train = new ImageSelection(images, split.train);
    this.heldOut = new ImageSelection(images, split.heldOut);
    this.#images = images;
    this.#config = config;
    this.#seed = seed;
    this.#store = parts.store;
    this.passedOver = parts.passedOver;
    this.#unusable = parts.unusable;
    this.#cropSize = cropSizeOf(config);
  }

  /**
   * Finds the images and splits them; none is decoded yet.
   *
   * @param config the result of parsing with `dataConfigSchema`.
   * @throws VqkitError "data" when a source does not exist or holds no image; ConfigError at `data.filesFrom`.
   */
  static async open(
    config: DataConfig,
    seed: number,
    options: ImageDatasetOptions = {},
  ): Promise<ImageDataset> {
    const { images, unusable, passedOver } = options.found ?? (await findDatasetImages(config, options));
    const { resize, maxPixels } = config;
    const store = new ImageStore({
      ...(options.prepare === undefined
        ? { transform: { resize, cover: cropSizeOf(config), maxPixels } }
        : { transform: { maxPixels }, prepare: options.prepare }),
      cacheBytes: config.cacheMegabytes * 2 ** 20,
      ...(options.onBroken === undefined ? {} : { onBroken: options.onBroken }),
      ...(options.onNote === undefined ? {} : { onNote: options.onNote }),
    });
    return new ImageDataset(config, seed, { images, store, passedOver, unusable });
  }

  /**
   * Files found broken so far, by training or evaluation, each once, sorted by name. What is called like an image and is
   * a link, a pipe or a folder is among them from the start, and so are folders that cannot be read.
   */
  get broken(): readonly BrokenImage[] {
    return [...this.#unusable, ...this.#store.broken].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /** The images that evaluation reads: those held out, or else the training images. */
  get evaluation(): ImageSelection {
    return this.heldOut.length > 0 ? this.heldOut : this.train;
  }

  /** What messages call the images of `train`: paths, or paths of shards and places there. */
  get trainFiles(): readonly string[] {
    return this.train.names();
  }

  /** The same of `heldOut`. */
  get heldOutFiles(): readonly string[] {
    return this.heldOut.names();
  }

  /** The same of `evaluation`. */
  get evaluationFiles(): readonly string[] {
    return this.evaluation.names();
  }

  /**
   * Training batches without end, each of `batchSize` (>= 1) crops. Every epoch shows each image once, in a fresh seeded
   * order of all images, or with `shuffleBuffer` in that of its buffer; a batch may reach from one epoch into the next.
   *
   * @param options.startStep the first batch is the one that an uninterrupted iteration would yield as number
   * `startStep` (from 0); default 0.
   * @throws ConfigError for a wrong option, and at `data.shuffleBuffer` for compressed shards without one; while iterating,
   * VqkitError "data" when no training image is readable.
   */
  trainBatches(options: {
    readonly batchSize: number;
    readonly startStep?: number;
  }): AsyncIterable<ImageBatch> {
    const { batchSize, startStep = 0 } = options;
    checkInteger("batchSize", batchSize, 1);
    checkInteger("startStep", startStep, 0);
    const { shuffleBuffer } = this.#config;
    const order = new TrainingOrder(this.#images, this.train.indices, { seed: this.#seed, shuffleBuffer });
    return this.#trainBatches(order, order.batches(startStep * batchSize, batchSize));
  }

  /**
   * The evaluation set once, in order: of each image of `evaluation` a grid of crops that do not overlap, at most
   * `evaluationCropsPerImage` of them, never mirrored. The last batch may hold fewer than `batchSize` (>= 1) crops.
   *
   * @param options.imagesPerPart cuts the set into parts of so many images (>= 1), of which batches then are: what is read
   * of one does not depend on the others. Default: no parts.
   * @param options.part yields this part alone (>= 0), which may have no readable image
   * @throws ConfigError for a wrong option; while iterating, VqkitError "data" when none of the images is readable.
   */
  evaluationBatches(options: {
    readonly batchSize: number;
    readonly imagesPerPart?: number;
    readonly part?: number;
  }): AsyncIterable<ImageBatch> {
    const { batchSize, imagesPerPart, part } = options;
    checkInteger("batchSize", batchSize, 1);
    if (imagesPerPart !== undefined) checkInteger("imagesPerPart", imagesPerPart, 1);
    if (part !== undefined) checkInteger("part", part, 0);
    return this.#evaluate(batchSize, { imagesPerPart, part });
  }

  async *#trainBatches(order: TrainingOrder, plan: Iterable<Sample[]>): AsyncGenerator<ImageBatch, void> {
    try {
      yield* mapAhead(plan, (samples, signal) => this.#trainBatch(samples, signal), {
        ahead: this.#config.prefetch,
      });
    } finally {
      await order.close();
    }
  }

  async #trainBatch(samples: readonly Sample[], signal: AbortSignal): Promise<ImageBatch> {
    const { height, width } = this.#cropSize;
    const bytes = height * width * 3;
    const pixels = new Uint8Array(samples.length * bytes);
    const jobs = samples.map((sample, i) =>
      this.#slots.run(1, () => this.#writeSample(sample, pixels, i * bytes), signal),
    );
    // A batch that fails is over only when none of its samples is being decoded any more.
    await Promise.allSettled(jobs);
    const files = await Promise.all(jobs);
    return { pixels, count: samples.length, height, width, files };
  }

  /** Cuts a sample's crop into `pixels` at `offset`; returns what the image that it came from is called. */
  async #writeSample({ epoch, position }: Sample, pixels: Uint8Array, offset: number): Promise<string> {
    for (let tried = 0; tried < epoch.length; tried++) {
      const at = (position + tried) % epoch.length;
      const index = epoch.index(at);
      const name = this.#images.name(index);
      const image = await this.#store.get({ index, name, source: epoch.source(at) });
      if (image === undefined) continue;
      const random = new Random(this.#seed, "crop", epoch.number, position);
      // Always drawn in the same order, so that one option does not change what another one draws.
      const drawn = randomCrop(image, this.#cropSize, random);
      const mirrored = random.next() < 0.5;
      const rect = this.#config.crop === "random" ? drawn : centerCrop(image, this.#cropSize);
      copyCrop(image, rect, { into: pixels, offset, flipped: this.#config.flip && mirrored });
      return name;
    }
    throw this.#noneReadable("training", this.train);
  }

  async *#evaluate(
    batchSize: number,
    {
      imagesPerPart: size = Number.POSITIVE_INFINITY,
      part: only,
    }: { readonly imagesPerPart: number | undefined; readonly part: number | undefined },
  ): AsyncGenerator<ImageBatch, void, undefined> {
    const { prefetch, evaluationCropsPerImage } = this.#config;
    const { height, width } = this.#cropSize;
    const ahead = Math.ceil((prefetch * batchSize) / evaluationCropsPerImage);
    const chosen =
      only === undefined ? this.evaluation : this.evaluation.slice(only * size, (only + 1) * size);
    const cropped = mapAhead(chosen.read(), (item, signal) => this.#evaluationCrops(item, signal), { ahead });
    const gathered = new GatheredCrops(batchSize, { height, width });
    let read = 0;
    for await (const { file, crops } of cropped) {
      const part = Number.isFinite(size) ? (only ?? Math.floor(read++ / size)) : undefined;
      yield* gathered.add(file, { crops, part });
    }
    if (gathered.total === 0 && only === undefined) throw this.#noneReadable("evaluation", this.evaluation);
    yield* gathered.rest();
  }

  /** The grid crops of one image, one after the other; none when it is broken. */
  #evaluationCrops(item: IndexedItem, signal: AbortSignal): Promise<{ file: string; crops: Uint8Array }> {
    const { name: file } = item;
    const cut = async () => {
      const image = await this.#store.get(item);
      if (image === undefined) return { file, crops: new Uint8Array(0) };
      const rects = gridCrops(image, this.#cropSize, this.#config.evaluationCropsPerImage);
      const bytes = this.#cropSize.height * this.#cropSize.width * 3;
      const crops = new Uint8Array(rects.length * bytes);
      for (const [i, rect] of rects.entries()) copyCrop(image, rect, { into: crops, offset: i * bytes });
      return { file, crops };
    };
    return this.#slots.run(1, cut, signal);
  }

  #noneReadable(use: string, images: ImageSelection): VqkitError {
    const names = new Set(images.names());
    const first = this.broken.find(({ file }) => names.has(file));
    const example = first === undefined ? "" : ` The first: ${first.file}: ${first.reason}.`;
    const remedy = use === "evaluation" && this.heldOut.length > 0 ? " Replace it, or set heldOut to 0." : "";
    return new VqkitError(
      "data",
      `data.images: expected at least one readable ${use} image, got none among ${images.length}.${example}${remedy}`,
    );
  }
}

function cropSizeOf(config: DataConfig): Size {
  const [height, width] = config.cropSize;
  return { height, width };
}

function checkInteger(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ConfigError(name, `expected an integer >= ${least}, got ${value}.`);
  }
}
