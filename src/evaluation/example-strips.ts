import { type ImageAutoencoder, pixelsToTensor, tensorToPixels } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import { joinArrays } from "../core/typed-arrays.js";
import {
  type ImageBatch,
  type ImageDataset,
  imageOfBatch,
  pictureGrid,
  type RgbImage,
} from "../data/index.js";
import * as tf from "../tf/index.js";
import { ExampleCollector } from "./examples.js";

/** As many images as the picture of a finished run shows. */
const EXAMPLES = 8;

/** Pictures of the same few evaluation images, as the model of the moment reconstructs them. */
export class ExampleStrips {
  readonly #model: ImageAutoencoder;
  readonly #dataset: ImageDataset;
  #images: Promise<readonly RgbImage[]> | undefined;
  #originals: Promise<Buffer> | undefined;

  constructor(model: ImageAutoencoder, dataset: ImageDataset) {
    this.#model = model;
    this.#dataset = dataset;
  }

  /** The images themselves in one row, a PNG file. @throws VqkitError("data") */
  originals(): Promise<Buffer> {
    this.#originals ??= this.#examples().then(picture);
    return this.#originals;
  }

  /**
   * What the model makes of them, a PNG file of the same size; null when that is no numbers, for it is the training
   * step that says that a model has diverged.
   *
   * @throws VqkitError("data")
   */
  async reconstructions(): Promise<Buffer | null> {
    const images = await this.#examples();
    const output = tf.tidy(() => this.#model.forward(pixelsToTensor(asBatch(images))).reconstruction);
    try {
      const batch: ImageBatch = { ...(await tensorToPixels(output)), files: images.map(() => "") };
      return await picture(images.map((_, i) => imageOfBatch(batch, i)));
    } catch (error) {
      if (error instanceof VqkitError && error.code === "numerics") return null;
      throw error;
    } finally {
      output.dispose();
    }
  }

  #examples(): Promise<readonly RgbImage[]> {
    this.#images ??= firstExamples(this.#dataset);
    return this.#images;
  }
}

/** The images that an evaluation gives as examples, without reading more of the set than these need. */
async function firstExamples(dataset: ImageDataset): Promise<readonly RgbImage[]> {
  const collector = new ExampleCollector(EXAMPLES);
  const files = new Set<string>();
  for await (const batch of dataset.evaluationBatches({ batchSize: EXAMPLES })) {
    collector.add(batch, batch);
    for (const file of batch.files) files.add(file);
    // The crops of a file follow one another: once another file begins, the first ones are complete.
    if (files.size > EXAMPLES) break;
  }
  return collector.examples().originals;
}

function asBatch(images: readonly RgbImage[]): ImageBatch {
  const [{ height, width } = { height: 0, width: 0 }] = images;
  const all = images.map(({ pixels }) => pixels);
  const pixels = joinArrays(all, (length) => new Uint8Array(length)); // [N, H, W, 3]
  return { pixels, count: images.length, height, width, files: images.map(() => "") };
}

async function picture(images: readonly RgbImage[]): Promise<Buffer> {
  return (await pictureGrid([{ images }])).png;
}
