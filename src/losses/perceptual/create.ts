import { ConfigError } from "../../core/errors.js";
import * as tf from "../../tf/index.js";
import { withGradient } from "../known-gradient.js";
import type { Module, Objective } from "../objective.js";
import type { ObjectiveParts, PreparedObjective } from "../registry/definition.js";
import { openPerceptualNetwork, type PerceptualNetwork } from "./network.js";
import type { PerceptualConfig } from "./options.js";

/**
 * Reads the network's files.
 *
 * @throws ConfigError at `WHERE.network.fingerprint` when they are others than the configuration says; VqkitError
 */
export async function preparePerceptual(
  config: PerceptualConfig,
  where: string,
): Promise<PreparedObjective<PerceptualConfig>> {
  const network = await openPerceptualNetwork(config.network);
  const { fingerprint, weights } = config.network;
  if (fingerprint !== null && fingerprint !== network.fingerprint) {
    network.dispose();
    throw new ConfigError(
      `${where}.network.fingerprint`,
      `expected the weights ${fingerprint.slice(0, 16)} in ${weights}, got ${network.fingerprint.slice(0, 16)}. The file has changed: leave the fingerprint out to take it as it is.`,
    );
  }
  return {
    config: { ...config, network: { ...config.network, fingerprint: network.fingerprint } },
    create: () => perceptualParts(config, network),
    dispose: () => network.dispose(),
  };
}

function perceptualParts({ weight, batch }: PerceptualConfig, network: PerceptualNetwork): ObjectiveParts {
  // Its weights never change and stand in a file: they are no state.
  const module: Module = {
    name: "perceptual",
    variables: () => new Map(),
    dispose: () => network.dispose(),
  };
  const ofModel: Objective = {
    name: "perceptual",
    modules: [module],
    repeatable: true,
    images: "plain",
    inputs: () => ({}),
    evaluate({ pixels, reconstruction }) {
      const images = [pixels, reconstruction] as const;
      const isWhole = batch === null || batch >= pixels.shape[0];
      const value = isWhole
        ? (tf.mean(network.distances(...images)) as tf.Scalar)
        : inParts(images, batch, (a, b) => network.distances(a, b));
      return { terms: [{ name: "perceptual", value, weight }], figures: {} };
    },
  };
  return { ofModel, phases: [] };
}

/**
 * The mean distance of a batch, a few images at a time: the gradient of each part is computed with its value, so that no
 * more than one part's features have to be held. Call it inside the gradient of a phase.
 */
export function inParts(
  [images, reconstructions]: readonly [tf.Tensor4D, tf.Tensor4D],
  size: number,
  distances: (a: tf.Tensor4D, b: tf.Tensor4D) => tf.Tensor1D,
): tf.Scalar {
  const count = images.shape[0];
  const values: tf.Tensor[] = [];
  const gradients: tf.Tensor4D[] = [];
  for (let from = 0; from < count; from += size) {
    const length = Math.min(size, count - from);
    const [a, b] = [images, reconstructions].map((batch) => tf.slice(batch, from, length)) as [
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const value = tf.div(tf.sum(distances(a, b)), count);
    const [gradient] = tf.grads(() => value)([b]) as [tf.Tensor4D];
    values.push(value);
    gradients.push(gradient);
  }
  return withGradient(reconstructions, tf.addN(values) as tf.Scalar, tf.concat(gradients, 0));
}
