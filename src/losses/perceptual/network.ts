import { createHash } from "node:crypto";
import { Network } from "../../nn/index.js";
import * as tf from "../../tf/index.js";
import { type BackboneName, backbone } from "./backbones.js";
import { featureDistance } from "./distance.js";
import { OnnxFeatures } from "./onnx-features.js";
import type { PerceptualNetworkConfig } from "./options.js";
import { readHeads, readStageWeights } from "./weight-files.js";

/** What LPIPS subtracts from red, green and blue in -1..1, and divides by. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];

/** A network with its weights, that tells how far images are apart. */
export interface PerceptualNetwork {
  /** SHA-256 of the weights that are used, 64 hexadecimal digits. */
  readonly fingerprint: string;
  /**
   * With gradients to both images. Call it inside `tf.tidy`.
   *
   * @param a, b [N, H, W, 3] in -1..1
   * @returns [N]
   */
  distances(a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor1D;
  /** Frees the weights; a second time does nothing. */
  dispose(): void;
}

/**
 * Reads a network from the files that a configuration names.
 *
 * @param divisor of the channels of LPIPS's networks, for tests
 * @throws VqkitError("format" | "file") as `readStageWeights`
 */
export async function openPerceptualNetwork(
  { kind, weights, heads }: Pick<PerceptualNetworkConfig, "kind" | "weights" | "heads">,
  divisor = 1,
): Promise<PerceptualNetwork> {
  if (kind === "onnx") return openFeatures(weights);
  return openBackbone(kind, { weights, heads, divisor });
}

async function openBackbone(
  name: BackboneName,
  {
    weights,
    heads,
    divisor,
  }: { readonly weights: string; readonly heads: string | null; readonly divisor: number },
): Promise<PerceptualNetwork> {
  const { stages, channels } = backbone(name, divisor);
  const values = await readStageWeights(weights, stages);
  const headValues = heads === null ? null : await readHeads(heads, channels);
  const digest = createHash("sha256").update(name);
  for (const { data } of values.flatMap((each) => [...each.values()])) digest.update(data);
  for (const head of headValues ?? []) digest.update(head);

  const networks = stages.map((stage, i) => Network.create(stage, { weights: values[i] ?? new Map() }));
  const headVariables =
    headValues?.map((head) => tf.tidy(() => tf.variable(tf.tensor1d(head), false))) ?? null;
  let isOpen = true;
  const features = (images: tf.Tensor4D): tf.Tensor4D[] => {
    let x: tf.Tensor4D = tf.div(tf.sub(images, tf.tensor1d(SHIFT)), tf.tensor1d(SCALE));
    return networks.map((network) => {
      x = network.apply(x);
      return x;
    });
  };
  return {
    fingerprint: digest.digest("hex"),
    distances: (a, b) => featureDistance(features(a), features(b), headVariables),
    dispose() {
      if (!isOpen) return;
      isOpen = false;
      for (const network of networks) network.dispose();
      tf.dispose(headVariables ?? []);
    },
  };
}

async function openFeatures(file: string): Promise<PerceptualNetwork> {
  const network = await OnnxFeatures.open(file);
  return {
    fingerprint: network.fingerprint,
    distances: (a, b) => featureDistance(network.features(a), network.features(b), null),
    dispose: () => network.dispose(),
  };
}
