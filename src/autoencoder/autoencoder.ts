import { ShapeError } from "../core/errors.js";
import {
  assignWeightValues,
  checkWeights,
  copyWeightValues,
  type Layer,
  Network,
  type NetworkStart,
  sequence,
  type WeightValue,
  type WeightValues,
} from "../nn/index.js";
import type { Quantizer, QuantizerOutput, TrainingInputs } from "../quantizers/index.js";
import type * as tf from "../tf/index.js";
import type { AutoencoderConfig } from "./config-fields.js";
import { checkDecoder } from "./decoder.js";
import { checkImageShape } from "./image-shape.js";
import { decoderLayers, encoderLayers } from "./layers.js";

/** What one pass through the whole model returns. N images H×W, f the downsampling factor, D the code dimension. */
export interface AutoencoderOutput {
  /** [N, H, W, 3], about -1..1; not clamped. */
  readonly reconstruction: tf.Tensor4D;
  /** [N, H/f, W/f, D]: what the quantizer was given. */
  readonly latents: tf.Tensor4D;
  readonly quantization: QuantizerOutput;
}

/** What a model is made of. */
export interface AutoencoderParts {
  /** Resolved, as `resolveModel` returns it. */
  readonly config: AutoencoderConfig;
  /** Belongs to the model from here on: `dispose` frees it too. */
  readonly quantizer: Quantizer;
}

/**
 * A fully convolutional image autoencoder with a quantizer between its two networks.
 *
 * Pixels are [N, H, W, 3] in -1..1 for any H and W that are multiples of the downsampling factor f; latents are
 * [N, H/f, W/f, D]. With f = 4 and D = 64, [2, 64, 96, 3] becomes [2, 16, 24, 64].
 *
 * D is the quantizer's `codeDim`. `quantConvolution` says which convolutions lead from the `latentChannels` of the
 * encoder's output to it, and back. By the presets that are no VQGAN's, none where both are equal, which is the papers'
 * plain form, and 1×1 ones where they differ (FSQ, low-dimensional codebooks).
 */
export class ImageAutoencoder {
  readonly config: AutoencoderConfig;
  readonly quantizer: Quantizer;
  readonly #encoder: Network;
  readonly #decoder: Network;

  private constructor({ config, quantizer }: AutoencoderParts, networks: readonly [Network, Network]) {
    this.config = config;
    this.quantizer = quantizer;
    [this.#encoder, this.#decoder] = networks;
  }

  /**
   * Builds a model. Each fresh weight depends on the seed and its own name alone, so the encoder and the decoder start
   * from the same bytes whichever quantizer stands between them. Weights that are given, the quantizer's among them, are
   * not drawn; without a seed all have to be given.
   *
   * @param options.quantizer freed when this throws
   * @throws VqkitError("format") naming weights that are missing, unknown, or of another shape
   */
  static create({ seed, weights = new Map(), ...parts }: AutoencoderParts & NetworkStart): ImageAutoencoder {
    const { config, quantizer } = parts;
    const encoder = sequence(encoderLayers(config, quantizer.codeDim));
    const decoder = sequence(decoderLayers(config, quantizer.codeDim));
    const codebook = prefixed(quantizer.variables());
    try {
      const networks = [...encoder.parameters, ...decoder.parameters];
      const wanted = [...networks.map((parameter) => [parameter.name, parameter] as const), ...codebook];
      checkWeights(new Map<string, { shape: readonly number[] }>(wanted), weights, {
        part: seed !== undefined,
      });
      const startOf = ({ parameters }: Layer): NetworkStart => ({
        ...(seed === undefined ? {} : { seed }),
        weights: chosen(weights, new Set(parameters.map(({ name }) => name))),
      });
      assignWeightValues(codebook, chosen(weights, codebook), { part: true });
      return new ImageAutoencoder(parts, [
        Network.create(encoder, startOf(encoder)),
        Network.create(decoder, startOf(decoder)),
      ]);
    } catch (error) {
      quantizer.dispose();
      throw error;
    }
  }

  /**
   * @param pixels [N, H, W, 3] in -1..1
   * @returns latents [N, H/f, W/f, D], not yet quantized
   * @throws ShapeError when H or W is not a multiple of f; it names the nearest sizes that are
   */
  encode(pixels: tf.Tensor4D): tf.Tensor4D {
    checkImageShape("encode", pixels.shape, this.config.downsamplingFactor);
    return this.#encoder.apply(pixels);
  }

  /**
   * @param quantized [N, h, w, D], codes or (for a plain autoencoder) latents
   * @returns pixels [N, h·f, w·f, 3], about -1..1; not clamped
   * @throws ShapeError when the last dimension is not D; VqkitError("format") for an encoder by itself
   */
  decode(quantized: tf.Tensor4D): tf.Tensor4D {
    const { codeDim } = this.quantizer;
    if (quantized.rank !== 4 || quantized.shape[3] !== codeDim) {
      throw new ShapeError("decode", `[N,H,W,${codeDim}]`, quantized.shape);
    }
    checkDecoder(this.config, "decode");
    return this.#decoder.apply(quantized, { codes: quantized });
  }

  /**
   * Encodes, quantizes and decodes; changes no variable.
   *
   * @param pixels [N, H, W, 3] in -1..1
   * @param training what the quantizer drew for a step; only in training
   * @throws ShapeError as `encode` does
   */
  forward(pixels: tf.Tensor4D, training?: TrainingInputs): AutoencoderOutput {
    const latents = this.encode(pixels);
    const quantization = this.quantizer.quantize(latents, training);
    return { reconstruction: this.decode(quantization.quantized), latents, quantization };
  }

  /**
   * All state by name: `encoder/…`, `decoder/…`, `projection/…` where there is one, and the quantizer's own under
   * `quantizer/`. The names are the model's; the engine's `variable.name` is another, unique in the process.
   */
  variables(): ReadonlyMap<string, tf.Variable> {
    return new Map([
      ...this.#encoder.variables(),
      ...this.#decoder.variables(),
      ...prefixed(this.quantizer.variables()),
    ]);
  }

  /** The kernel of the decoder's last convolution. @throws VqkitError("format") for an encoder by itself */
  get lastKernel(): tf.Variable {
    checkDecoder(this.config, "lastKernel");
    const kernels = [...this.#decoder.variables()].filter(([name]) => name.endsWith("/kernel"));
    return (kernels.at(-1) as (typeof kernels)[number])[1]; // every decoder ends with a convolution
  }

  /** The part of `variables()` that learns by gradient. */
  trainableVariables(): ReadonlyMap<string, tf.Variable> {
    return new Map([...this.variables()].filter(([, variable]) => variable.trainable));
  }

  /** Copies of all weights, as they stand at the call. */
  copyWeights(): Promise<Map<string, WeightValue>> {
    return copyWeightValues(this.variables());
  }

  /**
   * Replaces all weights; the values are copied. On an error nothing has changed.
   *
   * @throws VqkitError (`format`) that names the weights which are missing, unknown, or of another shape
   */
  setWeights(values: ReadonlyMap<string, WeightValue>): void {
    assignWeightValues(this.variables(), values);
  }

  /** Frees the weights and the quantizer. */
  dispose(): void {
    this.#encoder.dispose();
    this.#decoder.dispose();
    this.quantizer.dispose();
  }
}

/** A quantizer's variables under the names that they have in the model. */
function prefixed(variables: ReadonlyMap<string, tf.Variable>): Map<string, tf.Variable> {
  return new Map([...variables].map(([name, variable]) => [`quantizer/${name}`, variable]));
}

function chosen(weights: WeightValues, names: { has(name: string): boolean }): WeightValues {
  return new Map([...weights].filter(([name]) => names.has(name)));
}
