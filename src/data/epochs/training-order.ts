import { ConfigError } from "../../core/errors.js";
import type { IndexedImages } from "../indexed/indexed-images.js";
import { BufferedEpoch } from "./buffered-epoch.js";
import type { Epoch } from "./epoch.js";
import { ShuffledEpoch } from "./shuffled-epoch.js";

/** Sample number s of training is position s mod n of epoch floor(s / n), n being the number of training images. */
export interface Sample {
  readonly epoch: Epoch;
  readonly position: number;
}

export interface TrainingOrderOptions {
  readonly seed: number;
  /** Images of the shuffle buffer; null draws from all images. */
  readonly shuffleBuffer: number | null;
}

/** Epochs that may have images on their way at a time: the one that ends, and the one that begins. */
const OPEN_EPOCHS = 2;

/** The samples of training, epoch after epoch, from any of them on. */
export class TrainingOrder {
  readonly #images: IndexedImages;
  readonly #train: Uint32Array;
  readonly #options: TrainingOrderOptions;
  #epochs: Epoch[] = [];

  /**
   * @param train numbers of the training images, ascending
   * @throws ConfigError at `data.shuffleBuffer` where images can be read in one order alone, and there is no buffer
   */
  constructor(images: IndexedImages, train: Uint32Array, options: TrainingOrderOptions) {
    const { sequential } = images;
    if (sequential !== undefined && options.shuffleBuffer === null) {
      throw new ConfigError(
        "data.shuffleBuffer",
        `expected the number of images to draw from, got none: ${sequential} is compressed and can be read from its beginning on alone. Give some thousands (option shuffleBuffer), or decompress the shard.`,
      );
    }
    this.#images = images;
    this.#train = train;
    this.#options = options;
  }

  /** Batches of samples without end, each of `batchSize`, from the sample of number `first` on. */
  *batches(first: number, batchSize: number): Generator<Sample[], never, undefined> {
    const n = this.#train.length;
    for (let number = first; ; ) {
      const samples: Sample[] = [];
      for (; samples.length < batchSize; number++) {
        samples.push({ epoch: this.#epoch(Math.floor(number / n), number % n), position: number % n });
      }
      this.#epochs = this.#epochs.slice(-OPEN_EPOCHS);
      yield samples;
    }
  }

  /** After the last sample that is wanted. */
  async close(): Promise<void> {
    for (const epoch of this.#epochs) await epoch.close();
  }

  #epoch(number: number, start: number): Epoch {
    const latest = this.#epochs.at(-1);
    if (latest?.number === number) return latest;
    const { seed, shuffleBuffer: size } = this.#options;
    const next =
      size === null
        ? new ShuffledEpoch(this.#images, this.#train, { number, seed })
        : new BufferedEpoch(this.#images, this.#train, { number, seed, size, start });
    this.#epochs.push(next);
    return next;
  }
}
