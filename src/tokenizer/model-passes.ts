import {
  type ImageAutoencoder,
  type PixelBatch,
  pixelsToTensor,
  tensorToPixels,
} from "../autoencoder/index.js";
import { BackendError, freezeTensors, RecordedFunction } from "../backend/index.js";
import { abortable } from "../core/abort.js";
import { VqkitError } from "../core/errors.js";
import { Semaphore } from "../core/semaphore.js";
import { allCodes, hasCodes, type Quantizer } from "../quantizers/index.js";
import * as tf from "../tf/index.js";
import { indexArray, scalesOf } from "./codes.js";
import type { LoadedModel } from "./model-loading.js";
import { disposedError } from "./passes/disposed.js";
import type { CodeVectors, IndexGrid, Latents, ModelFacts, Passes } from "./passes/passes.js";

/**
 * Passes on this thread; they take turns on the engine. Owns the model, whose weights no longer change: the engine may
 * build them into its graphs, in the layouts that it computes with. Passes over inputs of one shape are the same from call
 * to call, and so are repeated without being recorded, unless the quantizer does not say that it is repeatable.
 */
export class ModelPasses implements Passes {
  readonly facts: ModelFacts;
  readonly ahead = 0;
  readonly #model: ImageAutoencoder;
  readonly #turns = new Semaphore(1);
  readonly #encode: Pass;
  readonly #latents: Pass;
  readonly #decode: Pass;
  readonly #forward: Pass;
  #disposed = false;

  constructor({ model, fingerprint }: LoadedModel) {
    this.#model = model;
    const { codebookSize, numCodebooks } = model.quantizer;
    const hasCodeVectors = hasCodes(model.quantizer);
    const codes = { codebookSize, numCodebooks, hasCodeVectors, ...scalesOf(model.quantizer.sequence ?? {}) };
    this.facts = { config: model.config, fingerprint, ...codes };
    freezeTensors(model.variables().values());
    const { quantizer } = model;
    this.#encode = passOf(quantizer, (images) => quantizer.quantize(model.encode(images)).indices);
    this.#latents = passOf(quantizer, (images) => model.encode(images));
    this.#decode = passOf(quantizer, (indices) => model.decode(quantizer.indicesToCodes(indices)));
    this.#forward = passOf(quantizer, (images) => model.forward(images).reconstruction);
  }

  encode(pixels: PixelBatch, signal?: AbortSignal): Promise<IndexGrid> {
    const read = async (tensor: tf.Tensor4D): Promise<IndexGrid> => {
      const indices = indexArray(this.facts.codebookSize, tensor.size);
      indices.set(await tensor.data());
      return { indices, shape: [...tensor.shape] };
    };
    return this.#compute(() => this.#encode(pixelsToTensor(pixels)), read, signal);
  }

  latents(pixels: PixelBatch): Promise<Latents> {
    const read = async (tensor: tf.Tensor) => ({ values: Float32Array.from(await tensor.data()) });
    return this.#compute(() => this.#latents(pixelsToTensor(pixels)), read);
  }

  decode({ indices, shape }: IndexGrid, signal?: AbortSignal): Promise<PixelBatch> {
    const grid = () => tf.tensor4d(Int32Array.from(indices), [...shape], "int32");
    return this.#compute(() => this.#decode(grid()), tensorToPixels, signal);
  }

  forward(pixels: PixelBatch, signal?: AbortSignal): Promise<PixelBatch> {
    return this.#compute(() => this.#forward(pixelsToTensor(pixels)), tensorToPixels, signal);
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
      async () => tf.tidy(() => allCodes(quantizer, codebook).clone()),
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
    make: () => Promise<S>,
    read: (tensor: S) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const pass = async () => {
      this.checkAlive();
      const tensor = await make();
      try {
        return await read(tensor);
      } finally {
        tensor.dispose();
      }
    };
    return abortable(this.#turns.run(1, pass, signal), signal);
  }
}

/** Computes a tensor of one that it frees. */
type Pass = (given: tf.Tensor4D) => Promise<tf.Tensor4D>;

function passOf(quantizer: Quantizer, body: (given: tf.Tensor4D) => tf.Tensor4D): Pass {
  const recorded = new RecordedFunction(({ given }: { given: tf.Tensor4D }) => ({ made: body(given) }), {
    repeatable: quantizer.repeatable === true,
  });
  return async (given) => {
    try {
      return (await recorded.call({ given })).made;
    } catch (error) {
      if (!(error instanceof BackendError) || error.code !== "not-repeatable") throw error;
      throw new VqkitError(
        "codes",
        `expected quantizer "${quantizer.config.kind}", which says that it is repeatable, to make the operations of its last calls, got others: what these gave may be wrong. Leave \`repeatable\` out of it, and call again.`,
        { cause: error },
      );
    } finally {
      given.dispose();
    }
  };
}
