import { pixelsToTensor } from "../autoencoder/index.js";
import { openPerceptualNetwork, type PerceptualNetwork, parsePerceptualNetwork } from "../losses/index.js";
import { checkImages, type EightBitImages } from "../metrics/index.js";
import * as tf from "../tf/index.js";
import type { ImageDistance } from "./image-networks.js";

/** LPIPS, or another distance of features, by the network that training minimises it with. */
export class FeatureDistance implements ImageDistance {
  readonly sha256: string;
  readonly #network: PerceptualNetwork;

  private constructor(network: PerceptualNetwork) {
    this.#network = network;
    this.sha256 = network.fingerprint;
  }

  /**
   * @param network the kind and its files, as an objective's `network`: `{ kind: "vgg", weights, heads }`
   * @throws ConfigError at `lpips`; VqkitError("format" | "file") for files that do not fit
   */
  static async open(network: unknown): Promise<FeatureDistance> {
    return new FeatureDistance(await openPerceptualNetwork(parsePerceptualNetwork(network, "lpips")));
  }

  async distances(originals: EightBitImages, reconstructions: EightBitImages): Promise<Float32Array> {
    checkImages(originals, "originals");
    checkImages(reconstructions, "reconstructions");
    const distances = tf.tidy(() =>
      this.#network.distances(pixelsToTensor(originals), pixelsToTensor(reconstructions)),
    );
    try {
      return (await distances.data()) as Float32Array;
    } finally {
      distances.dispose();
    }
  }

  async release(): Promise<void> {
    this.#network.dispose();
  }
}
