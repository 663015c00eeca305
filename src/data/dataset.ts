import { ConfigError, VqkitError } from "../core/errors.js";
import { Random } from "../core/random.js";
import { Semaphore } from "../core/semaphore.js";
import type { BrokenImage, ImageBatch, ImageNote } from "./batch.js";
import type { DataConfig } from "./data-config.js";
import { type FindOptions, findImages } from "./find-images.js";
import type { PassedOver } from "./finding/passed-over.js";
import { centerCrop, gridCrops, randomCrop, type Size } from "./geometry.js";
import { ImageStore } from "./image-store.js";
import { copyCrop, type RgbImage } from "./images.js";
import { mapAhead } from "./prefetch.js";
import { type FileSplit, splitFiles } from "./split.js";

/**
 * Images being read or decoded at once, for the sake of the number of open files; what they take in memory is bounded
 * where it arises. Many more than there are threads, because an image moves on to its next stage only when the main
 * thread turns to its events, which a training step may allow once.
 */
const IMAGES_IN_FLIGHT = 256;

export interface ImageDatasetOptions extends FindOptions {
  /** Called once for each file found broken, when it is found; links and folders called like images count (`findImages`). */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Called once for each note on how a file was read. */
  readonly onNote?: (note: ImageNote) => void;
  /** What `findDatasetImages` has found already; by default the dataset searches. */
  readonly found?: FoundImages;
  /**
   * Instead of resizing: what makes of an image of any size one that covers the crop, as evaluations by a published
   * protocol cut theirs.
   */
  readonly prepare?: (image: RgbImage) => RgbImage;
}

/** The images of some sources, for any number of datasets. */
export interface FoundImages {
  /** As `findImages` returns them. */
  readonly files: readonly string[];
  /** Called like images, and none; folders that cannot be read. */
  readonly unusable: readonly BrokenImage[];
  /** What else the sources have. */
  readonly passedOver: PassedOver;
}

/** Finds the images of a dataset. @throws as `findImages` */
export async function findDatasetImages(
  images: DataConfig["images"],
  options: FindOptions = {},
): Promise<FoundImages> {
  const unusable: BrokenImage[] = [];
  let passedOver: PassedOver | undefined;
  const files = await findImages(images, {
    ...options,
    onBroken(broken) {
      unusable.push(broken);
      options.onBroken?.(broken);
    },
    onPassedOver(all) {
      passedOver = all;
      options.onPassedOver?.(all);
    },
  });
  return { files, unusable, passedOver: passedOver as PassedOver }; // `findImages` has told it
}

/** Sample number s of training is position s mod n of epoch floor(s / n), n being the number of training files. */
interface Sample {
  readonly epoch: number;
  readonly position: number;
  /** The epoch's permutation of the training files. */
  readonly order: readonly string[];
}

/**
 * Images on disk as batches of crops.
 *
 * Which file and which crop a training sample shows is a pure function of the seed, the list of files, their contents
 * and the sample's number: nothing depends on timing, on the cache, on `prefetch`, or on where a run was resumed.
 *
 * A broken file keeps that true: wherever the permutation of an epoch names one, the sample shows the next readable
 * file of the same permutation instead (cyclically), under the crop and flip drawn for the sample's own number. So a
 * broken file shifts no other sample, and finding out early or late that it is broken makes no difference.
 */
export class ImageDataset {
  /** Files trained on, sorted; broken ones are among them. */
  readonly trainFiles: readonly string[];
  /** Files kept back for evaluation, sorted; empty when `heldOut` is 0 or there is only one file. */
  readonly heldOutFiles: readonly string[];
  /** What the sources have that is no image. */
  readonly passedOver: PassedOver;
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
      split: FileSplit;
      store: ImageStore;
      passedOver: PassedOver;
      unusable: readonly BrokenImage[];
    },
  ) {
    this.trainFiles = parts.split.train;
    this.heldOutFiles = parts.split.heldOut;
    this.#config = config;
    this.#seed = seed;
    this.#store = parts.store;
    this.passedOver = parts.passedOver;
    this.#unusable = parts.unusable;
    this.#cropSize = cropSizeOf(config);
  }

  /**
   * Finds the files and splits them; no image is decoded yet.
   *
   * @param config the result of parsing with `dataConfigSchema`.
   * @throws VqkitError "data" when a source does not exist or holds no image.
   */
  static async open(
    config: DataConfig,
    seed: number,
    options: ImageDatasetOptions = {},
  ): Promise<ImageDataset> {
    const { files, unusable, passedOver } =
      options.found ?? (await findDatasetImages(config.images, options));
    const split = splitFiles(files, config.heldOut, config.splitSeed ?? seed);
    const { resize, maxPixels } = config;
    const store = new ImageStore({
      ...(options.prepare === undefined
        ? { transform: { resize, cover: cropSizeOf(config), maxPixels } }
        : { transform: { maxPixels }, prepare: options.prepare }),
      cacheBytes: config.cacheMegabytes * 2 ** 20,
      ...(options.onBroken === undefined ? {} : { onBroken: options.onBroken }),
      ...(options.onNote === undefined ? {} : { onNote: options.onNote }),
    });
    return new ImageDataset(config, seed, { split, store, passedOver, unusable });
  }

  /**
   * Files found broken so far, by training or evaluation, each once, sorted by name. What is called like an image and is
   * a link, a pipe or a folder is among them from the start, and so are folders that cannot be read.
   */
  get broken(): readonly BrokenImage[] {
    return [...this.#unusable, ...this.#store.broken].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /** The files that evaluation reads: those held out, or else the training files. */
  get evaluationFiles(): readonly string[] {
    return this.heldOutFiles.length > 0 ? this.heldOutFiles : this.trainFiles;
  }

  /**
   * Training batches without end, each of `batchSize` (>= 1) crops. Every epoch shows each file once, in a fresh seeded
   * order; a batch may reach from one epoch into the next.
   *
   * @param options.startStep the first batch is the one that an uninterrupted iteration would yield as number
   * `startStep` (from 0); default 0.
   * @throws ConfigError for a wrong option; while iterating, VqkitError "data" when no training file is readable.
   */
  trainBatches(options: {
    readonly batchSize: number;
    readonly startStep?: number;
  }): AsyncIterable<ImageBatch> {
    const { batchSize, startStep = 0 } = options;
    checkInteger("batchSize", batchSize, 1);
    checkInteger("startStep", startStep, 0);
    const plan = this.#planSteps(batchSize, startStep);
    return mapAhead(plan, (samples, signal) => this.#trainBatch(samples, signal), {
      ahead: this.#config.prefetch,
    });
  }

  /**
   * The evaluation set once, in order: of each file of `evaluationFiles` a grid of crops that do not overlap, at most
   * `evaluationCropsPerImage` of them, never mirrored. The last batch may hold fewer than `batchSize` (>= 1) crops.
   *
   * @throws ConfigError for a wrong option; while iterating, VqkitError "data" when none of the files is readable.
   */
  evaluationBatches(options: { readonly batchSize: number }): AsyncIterable<ImageBatch> {
    checkInteger("batchSize", options.batchSize, 1);
    return this.#evaluate(options.batchSize);
  }

  *#planSteps(batchSize: number, startStep: number): Generator<Sample[], never, undefined> {
    const n = this.trainFiles.length;
    let latest: { epoch: number; order: readonly string[] } | undefined;
    for (let number = startStep * batchSize; ; ) {
      const samples: Sample[] = [];
      for (; samples.length < batchSize; number++) {
        const epoch = Math.floor(number / n);
        if (latest?.epoch !== epoch) {
          latest = { epoch, order: new Random(this.#seed, "order", epoch).shuffled(this.trainFiles) };
        }
        samples.push({ ...latest, position: number % n });
      }
      yield samples;
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

  /** Cuts a sample's crop into `pixels` at `offset`; returns the file it came from. */
  async #writeSample(sample: Sample, pixels: Uint8Array, offset: number): Promise<string> {
    const { epoch, position, order } = sample;
    for (let tried = 0; tried < order.length; tried++) {
      const file = order[(position + tried) % order.length] as string;
      const image = await this.#store.get(file);
      if (image === undefined) continue;
      const random = new Random(this.#seed, "crop", epoch, position);
      // Always drawn in the same order, so that one option does not change what another one draws.
      const drawn = randomCrop(image, this.#cropSize, random);
      const mirrored = random.next() < 0.5;
      const rect = this.#config.crop === "random" ? drawn : centerCrop(image, this.#cropSize);
      copyCrop(image, rect, { into: pixels, offset, flipped: this.#config.flip && mirrored });
      return file;
    }
    throw this.#noneReadable("training", order);
  }

  async *#evaluate(batchSize: number): AsyncGenerator<ImageBatch, void, undefined> {
    const { height, width } = this.#cropSize;
    const { prefetch, evaluationCropsPerImage } = this.#config;
    const bytes = height * width * 3;
    const ahead = Math.ceil((prefetch * batchSize) / evaluationCropsPerImage);
    let pixels = new Uint8Array(batchSize * bytes);
    let files: string[] = [];
    let total = 0;
    const cropped = mapAhead(this.evaluationFiles, (file, signal) => this.#evaluationCrops(file, signal), {
      ahead,
    });
    for await (const { file, crops } of cropped) {
      for (let at = 0; at < crops.length; at += bytes) {
        pixels.set(crops.subarray(at, at + bytes), files.length * bytes);
        files.push(file);
        total++;
        if (files.length < batchSize) continue;
        yield { pixels, count: batchSize, height, width, files };
        pixels = new Uint8Array(batchSize * bytes);
        files = [];
      }
    }
    if (total === 0) throw this.#noneReadable("evaluation", this.evaluationFiles);
    const count = files.length;
    if (count > 0) yield { pixels: pixels.slice(0, count * bytes), count, height, width, files };
  }

  /** The grid crops of one file, one after the other; none when it is broken. */
  #evaluationCrops(file: string, signal: AbortSignal): Promise<{ file: string; crops: Uint8Array }> {
    const cut = async () => {
      const image = await this.#store.get(file);
      if (image === undefined) return { file, crops: new Uint8Array(0) };
      const rects = gridCrops(image, this.#cropSize, this.#config.evaluationCropsPerImage);
      const bytes = this.#cropSize.height * this.#cropSize.width * 3;
      const crops = new Uint8Array(rects.length * bytes);
      for (const [i, rect] of rects.entries()) copyCrop(image, rect, { into: crops, offset: i * bytes });
      return { file, crops };
    };
    return this.#slots.run(1, cut, signal);
  }

  #noneReadable(use: string, files: readonly string[]): VqkitError {
    const first = this.broken.find((each) => files.includes(each.file));
    const example = first === undefined ? "" : ` The first: ${first.file}: ${first.reason}.`;
    const remedy =
      use === "evaluation" && this.heldOutFiles.length > 0 ? " Replace it, or set heldOut to 0." : "";
    return new VqkitError(
      "data",
      `data.images: expected at least one readable ${use} image, got none among ${files.length}.${example}${remedy}`,
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
