import {
  type AutoencoderConfig,
  type ImageAutoencoder,
  type PixelBatch,
  pixelsToTensor,
  tensorToPixels,
} from "../autoencoder/index.js";
import { freezeTensors } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { Semaphore } from "../core/semaphore.js";
import { allCodes, hasCodes } from "../quantizers/index.js";
import * as tf from "../tf/index.js";
import { type CodesShape, type IndexArray, indexArray } from "./codes.js";

/** Indices and their shape [N,H,W,Q]. */
export interface IndexGrid {
  readonly indices: IndexArray;
  readonly shape: CodesShape;
}

/**
 * A model's passes from plain arrays to plain arrays; they take turns on the engine. Owns the model, whose weights no
 * longer change: the engine may build them into its graphs, in the layouts that it computes with.
 */
export class ModelPasses {
  readonly #model: ImageAutoencoder;
  readonly #turns = new Semaphore(1);
  #disposed = false;

  constructor(model: ImageAutoencoder) {
    this.#model = model;
    freezeTensors(model.variables().values());
  }

  /** The autoencoder's. */
  get config(): AutoencoderConfig {
    return this.#model.config;
  }

  /** Whether `codeVectors` has the codes of each codebook. */
  get hasCodeVectors(): boolean {
    return hasCodes(this.#model.quantizer);
  }

  encode(pixels: PixelBatch): Promise<IndexGrid> {
    const { quantizer } = this.#model;
    return this.#compute(
      () => quantizer.quantize(this.#model.encode(pixelsToTensor(pixels))).indices,
      async (tensor) => {
        const indices = indexArray(quantizer.codebookSize, tensor.size);
        indices.set(await tensor.data());
        return { indices, shape: [...tensor.shape] };
      },
    );
  }

  decode({ indices, shape }: IndexGrid): Promise<PixelBatch> {
    return this.#compute(() => {
      const grid = tf.tensor4d(Int32Array.from(indices), [...shape], "int32");
      return this.#model.decode(this.#model.quantizer.indicesToCodes(grid));
    }, tensorToPixels);
  }

  /** Encoder, quantizer and decoder in one graph. */
  forward(pixels: PixelBatch): Promise<PixelBatch> {
    return this.#compute(() => this.#model.forward(pixelsToTensor(pixels)).reconstruction, tensorToPixels);
  }

  /** The codes of a codebook, [K, D] row by row. */
  async codeVectors(codebook: number): Promise<{ codeDim: number; values: Float32Array }> {
    const { quantizer } = this.#model;
    const { numCodebooks, config } = quantizer;
    if (!Number.isInteger(codebook) || codebook < 0 || codebook >= numCodebooks) {
      throw new VqkitError(
        "codes",
        `codeVectors: expected a codebook in 0..${numCodebooks - 1}, got ${codebook}.`,
      );
    }
    if (!hasCodes(quantizer)) {
      throw new VqkitError(
        "codes",
        `codeVectors: expected a quantizer that has a table of codes for each codebook, got "${config.kind}".`,
      );
    }
    return this.#compute(
      () => allCodes(quantizer, codebook).clone(),
      async (tensor) => ({
        codeDim: tensor.shape[1],
        values: Float32Array.from(await tensor.data()),
      }),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#model.dispose();
  }

  /** @throws VqkitError("engine") after `dispose` */
  checkAlive(): void {
    if (!this.#disposed) return;
    throw new VqkitError(
      "engine",
      "Tokenizer: expected one that is in use, got one after dispose(). Load it again.",
    );
  }

  /** Computes a tensor, reads it and frees it, while no other pass is on the engine. */
  #compute<T, S extends tf.Tensor>(make: () => S, read: (tensor: S) => Promise<T>): Promise<T> {
    return this.#turns.run(1, async () => {
      this.checkAlive();
      const tensor = tf.tidy(make);
      try {
        return await read(tensor);
      } finally {
        tensor.dispose();
      }
    });
  }
}
