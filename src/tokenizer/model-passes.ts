import {
  type ImageAutoencoder,
  type PixelBatch,
  pixelsToTensor,
  tensorToPixels,
} from "../autoencoder/index.js";
import { freezeTensors } from "../backend/index.js";
import { abortable } from "../core/abort.js";
import { VqkitError } from "../core/errors.js";
import { Semaphore } from "../core/semaphore.js";
import { allCodes, hasCodes } from "../quantizers/index.js";
import * as tf from "../tf/index.js";
import { indexArray, scalesOf } from "./codes.js";
import type { LoadedModel } from "./model-loading.js";
import { disposedError } from "./passes/disposed.js";
import type { CodeVectors, IndexGrid, Latents, ModelFacts, Passes } from "./passes/passes.js";

/**
 * Passes on this thread; they take turns on the engine. Owns the model, whose weights no longer change: the engine may
 * build them into its graphs, in the layouts that it computes with.
 */
export class ModelPasses implements Passes {
  readonly facts: ModelFacts;
  readonly ahead = 0;
  readonly #model: ImageAutoencoder;
  readonly #turns = new Semaphore(1);
  #disposed = false;

  constructor({ model, fingerprint }: LoadedModel) {
    this.#model = model;
    const { codebookSize, numCodebooks } = model.quantizer;
    const hasCodeVectors = hasCodes(model.quantizer);
    const codes = { codebookSize, numCodebooks, hasCodeVectors, ...scalesOf(model.quantizer.sequence ?? {}) };
    this.facts = { config: model.config, fingerprint, ...codes };
    freezeTensors(model.variables().values());
  }

  encode(pixels: PixelBatch, signal?: AbortSignal): Promise<IndexGrid> {
    const { quantizer } = this.#model;
    return this.#compute(
      () => quantizer.quantize(this.#model.encode(pixelsToTensor(pixels))).indices,
      async (tensor) => {
        const indices = indexArray(quantizer.codebookSize, tensor.size);
        indices.set(await tensor.data());
        return { indices, shape: [...tensor.shape] };
      },
      signal,
    );
  }

  latents(pixels: PixelBatch): Promise<Latents> {
    return this.#compute(
      () => this.#model.encode(pixelsToTensor(pixels)),
      async (tensor) => ({ values: Float32Array.from(await tensor.data()) }),
    );
  }

  decode({ indices, shape }: IndexGrid, signal?: AbortSignal): Promise<PixelBatch> {
    const make = () => {
      const grid = tf.tensor4d(Int32Array.from(indices), [...shape], "int32");
      return this.#model.decode(this.#model.quantizer.indicesToCodes(grid));
    };
    return this.#compute(make, tensorToPixels, signal);
  }

  forward(pixels: PixelBatch, signal?: AbortSignal): Promise<PixelBatch> {
    const make = () => this.#model.forward(pixelsToTensor(pixels)).reconstruction;
    return this.#compute(make, tensorToPixels, signal);
  }

  async codeVectors(codebook: number): Promise<CodeVectors> {
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

  /** The model is freed at once; a pass that is being computed ends first where it has begun. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#model.dispose();
  }

  checkAlive(): void {
    if (this.#disposed) throw disposedError();
  }

  /** Computes a tensor, reads it and frees it, while no other pass is on the engine. */
  #compute<T, S extends tf.Tensor>(
    make: () => S,
    read: (tensor: S) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const pass = async () => {
      this.checkAlive();
      const tensor = tf.tidy(make);
      try {
        return await read(tensor);
      } finally {
        tensor.dispose();
      }
    };
    return abortable(this.#turns.run(1, pass, signal), signal);
  }
}
