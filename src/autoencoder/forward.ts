import * as tf from "@tensorflow/tfjs";
import type { Activation } from "./config.js";
import type { ConvolutionLayer, GroupNormLayer, Layer } from "./layers.js";

/** Finds a weight by name. */
export type WeightLookup = (name: string) => tf.Tensor;

/** Added to the variance in a group norm (VQGAN's value; PyTorch's own default is 1e-5). */
export const groupNormEpsilon = 1e-6;

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

/**
 * Statistics go by way of the channels: whatever touches the whole map then reduces or broadcasts over long rows of C
 * numbers, not over runs of C/G, which engines do many times slower.
 */
function groupNormalize(layer: GroupNormLayer, x: tf.Tensor4D, weights: WeightLookup): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const { groups } = layer;
  const members = tf.ones([channels / groups]);
  const groupMean = (map: tf.Tensor): tf.Tensor => {
    const perChannel = tf.mean(map, 1).reshape([batch, groups, channels / groups]);
    return tf.mean(perChannel, 2, true); // [N, G, 1]
  };
  const perChannel = (group: tf.Tensor) => tf.mul(group, members).reshape([batch, 1, channels]);

  const map = x.reshape([batch, height * width, channels]); // [N, H*W, C]
  const centred = tf.sub(map, perChannel(groupMean(map)));
  const deviation = tf.sqrt(tf.add(groupMean(tf.square(centred)), groupNormEpsilon));
  const scale = tf.div(weights(`${layer.name}/scale`), perChannel(deviation)); // [N, 1, C]
  return tf.add(tf.mul(centred, scale), weights(`${layer.name}/offset`)).reshape(x.shape);
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
