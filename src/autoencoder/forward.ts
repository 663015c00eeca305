import * as tf from "@tensorflow/tfjs";
import type { Activation } from "./config.js";
import type { ConvolutionLayer, GroupNormLayer, Layer } from "./layers.js";

/** Finds a weight by name. */
export type WeightLookup = (name: string) => tf.Tensor;

/** Added to the variance in a group norm (VQGAN's value; PyTorch's own default is 1e-5). */
const groupNormEpsilon = 1e-6;

/**
 * Runs a list of layers.
 *
 * @param x [N, H, W, C], C the first layer's input channels
 * @returns [N, H', W', C'] as the layers make it
 */
export function forward(layers: readonly Layer[], x: tf.Tensor4D, weights: WeightLookup): tf.Tensor4D {
  return tf.tidy(() => layers.reduce((input, layer) => applyLayer(layer, input, weights), x));
}

function applyLayer(layer: Layer, x: tf.Tensor4D, weights: WeightLookup): tf.Tensor4D {
  switch (layer.kind) {
    case "convolution":
      return convolve(layer, x, weights);
    case "groupNorm":
      return groupNormalize(layer, x, weights);
    case "activation":
      return activate(layer.activation, x);
    case "upsample":
      return tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]);
    case "residual":
      return tf.add(x, forward(layer.body, x, weights));
    default:
      return layer satisfies never;
  }
}

function convolve(layer: ConvolutionLayer, x: tf.Tensor4D, weights: WeightLookup): tf.Tensor4D {
  const kernel = weights(`${layer.name}/kernel`) as tf.Tensor4D;
  // "same" is one row and column of zeros on each side for kernel 3, and for kernel 4 at stride 2 on an even grid.
  return tf.add(tf.conv2d(x, kernel, layer.stride, "same"), weights(`${layer.name}/bias`));
}

function groupNormalize(layer: GroupNormLayer, x: tf.Tensor4D, weights: WeightLookup): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const { groups } = layer;
  const grouped = x.reshape([batch, height * width, groups, channels / groups]); // [N, H*W, G, C/G]
  const centred = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
  const variance = tf.mean(tf.square(centred), [1, 3], true); // [N, 1, G, 1]
  const normalized = tf.div(centred, tf.sqrt(tf.add(variance, groupNormEpsilon))).reshape(x.shape);
  return tf.add(tf.mul(normalized, weights(`${layer.name}/scale`)), weights(`${layer.name}/offset`));
}

function activate(activation: Activation, x: tf.Tensor4D): tf.Tensor4D {
  switch (activation) {
    case "relu":
      return tf.relu(x);
    case "silu":
      return tf.mul(x, tf.sigmoid(x));
    default:
      return activation satisfies never;
  }
}
