import * as tf from "../../tf/index.js";
import { channelVector } from "../image-value.js";
import type { Layer } from "../layer.js";
import type { Start } from "../parameter.js";
import { expectChannels, weightOf } from "../weights.js";

export interface BatchNormOptions {
  /** The parameters are `NAME/scale`, `NAME/offset`, `NAME/mean` and `NAME/variance`, [channels] each. */
  readonly name: string;
  readonly channels: number;
  /** Added to the variance. Default 1e-5, PyTorch's. */
  readonly epsilon?: number;
  /** Share of a batch in the running statistics, 0..1. Default 0.1, PyTorch's. */
  readonly momentum?: number;
  /** Of the scale; default 1. */
  readonly start?: Start;
}

/**
 * Zero mean and unit variance of each channel, then a scale and an offset. Ioffe and Szegedy 2015,
 * https://arxiv.org/abs/1502.03167.
 *
 * In training the statistics are the batch's own, over all its positions, and gradients go through them; the running
 * ones become (1 − momentum)·running + momentum·batch, with the unbiased variance, as in PyTorch. In inference the
 * running statistics stand in their place.
 */
export function batchNorm(options: BatchNormOptions): Layer {
  const { name, channels, epsilon = 1e-5, momentum = 0.1, start = { constant: 1 } } = options;
  const [scaleName, offsetName, meanName, varianceName] = ["scale", "offset", "mean", "variance"].map(
    (part) => `${name}/${part}`,
  ) as [string, string, string, string];
  const moved = (running: tf.Tensor, own: tf.Tensor) =>
    tf.add(running, tf.mul(tf.sub(own, running), momentum));
  return {
    parameters: [
      { name: scaleName, shape: [channels], start },
      { name: offsetName, shape: [channels], start: { constant: 0 } },
      { name: meanName, shape: [channels], start: { constant: 0 }, trainable: false },
      { name: varianceName, shape: [channels], start: { constant: 1 }, trainable: false },
    ],
    apply(x, { weight, onStatistic }) {
      const running = { mean: weight(meanName), variance: weight(varianceName) };
      const { centred, variance } =
        onStatistic === undefined
          ? { centred: tf.sub(x, running.mean), variance: running.variance }
          : ownStatistics(x, (own) => {
              onStatistic(meanName, moved(running.mean, own.mean));
              onStatistic(varianceName, moved(running.variance, own.unbiasedVariance));
            });
      const factor = tf.div(weight(scaleName), tf.sqrt(tf.add(variance, epsilon)));
      return tf.add(tf.mul(centred, factor), weight(offsetName));
    },
    cost(input) {
      expectChannels(name, channels, input);
      return { flop: 0, output: input };
    },
    onnx(g, x, weights) {
      const vector = (part: string) => channelVector(g, x, [part, weightOf(weights, part).data]);
      return g.within(name, () => {
        const deviation = g.op("Sqrt", [g.op("Add", [vector(varianceName), g.scalar(epsilon)])]);
        const factor = g.op("Div", [vector(scaleName), deviation]);
        const centred = g.op("Sub", [x.name, vector(meanName)]);
        return { ...x, name: g.op("Add", [g.op("Mul", [centred, factor]), vector(offsetName)]) };
      });
    },
  };
}

/** A batch around the mean of each channel, and the variance of each; all of it leads gradients. */
function ownStatistics(
  x: tf.Tensor4D,
  tell: (own: { readonly mean: tf.Tensor; readonly unbiasedVariance: tf.Tensor }) => void,
): { readonly centred: tf.Tensor4D; readonly variance: tf.Tensor } {
  const channels = x.shape[3];
  const count = x.size / channels;
  const mean = tf.mean(x.reshape([count, channels]), 0); // [N*H*W, C] → [C]
  const centred: tf.Tensor4D = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred.reshape([count, channels])), 0);
  // One position has no unbiased variance; the biased one is 0 then.
  tell({ mean, unbiasedVariance: tf.mul(variance, count / Math.max(1, count - 1)) });
  return { centred, variance };
}
