import { createHash } from "node:crypto";
import { basename } from "node:path";
import { centredBytes } from "../autoencoder/index.js";
import { type NetworkValue, OnnxNetwork } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { withReader } from "../files/index.js";
import { checkImages, type EightBitImages } from "../metrics/index.js";

/*
 * Networks that judge images, from ONNX files that the user makes (docs/evaluation.md has the scripts). One contract
 * for all: RGB images [N, 3, H, W], float32 in -1..1, at the size they are evaluated in; N must be free. Whatever else
 * a network wants, another size or range, is done inside its file, so that the file's digest says it all.
 */

export interface ImageNetworkOptions {
  /** Threads inside one operator, at least 1; by default one a processor. */
  readonly threads?: number | undefined;
}

/** How images become what a network takes: `text` stands in the cards of its figures. */
export interface NetworkInput {
  readonly text: string;
  /** @returns [N, 3, h, w] */
  values(images: EightBitImages): NetworkValue;
}

/** The images as they are evaluated. */
const plainInput: NetworkInput = {
  text: "8-bit RGB as x/127.5-1, [N,3,H,W] at the size of the evaluation",
  values: imagesAsInput,
};

/** What says how far two images are apart to the eye, as LPIPS does. */
export interface ImageDistance {
  /** Of what it computes with, 64 hexadecimal digits. */
  readonly sha256: string;
  /**
   * The distance of each image from its reconstruction.
   *
   * @returns [N]
   */
  distances(originals: EightBitImages, reconstructions: EightBitImages): Promise<Float32Array>;
  /** Frees its memory. */
  release(): Promise<void>;
}

/** The same by an ONNX file. */
export class DistanceNetwork implements ImageDistance {
  /** Of the file, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly #network: OnnxNetwork;

  private constructor({ network, sha256 }: OpenedNetwork) {
    this.#network = network;
    this.sha256 = sha256;
  }

  /**
   * @param file ONNX: two inputs [N, 3, H, W] in -1..1, original and reconstruction; one output of N numbers
   * @throws VqkitError("file") when it cannot be read; VqkitError("format") for other inputs or outputs; BackendError
   */
  static async open(file: string, options: ImageNetworkOptions = {}): Promise<DistanceNetwork> {
    return new DistanceNetwork(await openNetwork(file, { ...options, inputs: 2 }));
  }

  /**
   * The distance of each image from its reconstruction.
   *
   * @returns [N]
   * @throws BackendError("shape") for images of a size that the file does not take; VqkitError("format") when it
   * returns another number of distances; VqkitError("numerics") for one that is not finite
   */
  async distances(originals: EightBitImages, reconstructions: EightBitImages): Promise<Float32Array> {
    const [distances] = await this.#network.run([imagesAsInput(originals), imagesAsInput(reconstructions)]);
    if (distances === undefined || distances.data.length !== originals.count) {
      throw new VqkitError(
        "format",
        `${this.#network.name}: expected one distance for each of ${originals.count} images, got shape [${distances?.dims}].`,
      );
    }
    const odd = distances.data.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0) {
      throw new VqkitError(
        "numerics",
        `${this.#network.name}: expected finite distances, got ${distances.data[odd]}.`,
      );
    }
    return distances.data;
  }

  /** Frees the network's memory. */
  release(): Promise<void> {
    return this.#network.release();
  }
}

/** A network that turns an image into a vector of features, as InceptionV3 up to its last pooling does. */
export class FeatureNetwork {
  /** Of the file, 64 hexadecimal digits. */
  readonly sha256: string;
  /** What becomes of images before. */
  readonly input: string;
  readonly #network: OnnxNetwork;
  readonly #values: NetworkInput["values"];

  private constructor({ network, sha256 }: OpenedNetwork, input: NetworkInput) {
    this.#network = network;
    this.sha256 = sha256;
    this.input = input.text;
    this.#values = (images) => input.values(images);
  }

  /**
   * @param file ONNX: one input [N, 3, H, W] in -1..1; one output of D numbers for each image
   * @param options.input what the network is given instead of the images as they are evaluated
   * @throws as `DistanceNetwork.open`
   */
  static async open(
    file: string,
    { input = plainInput, ...options }: ImageNetworkOptions & { readonly input?: NetworkInput } = {},
  ): Promise<FeatureNetwork> {
    return new FeatureNetwork(await openNetwork(file, { ...options, inputs: 1 }), input);
  }

  /**
   * @returns [N, D], flat
   * @throws BackendError("shape") for images of a size that the file does not take; VqkitError("format") when the
   * output is not [N, D] or [N, D, 1, 1]
   */
  async features(images: EightBitImages): Promise<Float32Array> {
    checkImages(images, "images");
    const [features] = await this.#network.run([this.#values(images)]);
    const [count, dimensions, ...rest] = features?.dims ?? [];
    if (features === undefined || count !== images.count || !dimensions || rest.some((size) => size !== 1)) {
      throw new VqkitError(
        "format",
        `${this.#network.name}: expected features [${images.count},D], got shape [${features?.dims}]. Pool them inside the file.`,
      );
    }
    return features.data;
  }

  /** Frees the network's memory. */
  release(): Promise<void> {
    return this.#network.release();
  }
}

interface OpenedNetwork {
  readonly network: OnnxNetwork;
  readonly sha256: string;
}

async function openNetwork(
  file: string,
  { inputs, threads }: ImageNetworkOptions & { readonly inputs: number },
): Promise<OpenedNetwork> {
  // Digest and network of the same bytes: a file with weights beside it, which no digest would cover, is refused.
  const model = await withReader(file, (reader) => reader.read(0, reader.size));
  const network = await OnnxNetwork.load(model, { name: basename(file), threads });
  if (network.inputs.length !== inputs || network.outputs.length !== 1) {
    await network.release();
    throw new VqkitError(
      "format",
      `${file}: expected ${inputs === 1 ? "1 input" : `${inputs} inputs`} and 1 output, got ${network.inputs.length} and ${network.outputs.length}. See docs/evaluation.md.`,
    );
  }
  return { network, sha256: createHash("sha256").update(model).digest("hex") };
}

/** [N, H, W, 3] bytes → [N, 3, H, W] in -1..1. */
function imagesAsInput(images: EightBitImages): NetworkValue {
  checkImages(images, "images");
  const { pixels, count, height, width } = images;
  const area = height * width;
  const data = new Float32Array(count * 3 * area);
  for (let plane = 0; plane < count * 3; plane++) {
    const from = Math.floor(plane / 3) * 3 * area + (plane % 3);
    const to = plane * area;
    for (let i = 0; i < area; i++) data[to + i] = centredBytes[pixels[from + 3 * i] as number] as number;
  }
  return { data, dims: [count, 3, height, width] };
}
