import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { expectChannels, weightOf } from "../weights.js";

export interface GroupNormOptions {
  /** The parameters are `NAME/scale` and `NAME/offset`, [channels] each. */
  readonly name: string;
  readonly channels: number;
  /** Divides `channels`. */
  readonly groups: number;
  /** Added to the variance. Default 1e-6, VQGAN's value; PyTorch's own default is 1e-5. */
  readonly epsilon?: number;
}

/**
 * Zero mean and unit variance over each image's group of channels, then a scale and an offset per channel. Wu and He
 * 2018, https://arxiv.org/abs/1803.08494.
 *
 * Statistics go by way of the channels, [N, H*W, C] → mean over positions, then over the members of each group:
 * whatever touches the whole map then reduces or broadcasts over long rows of C numbers, not over runs of C/G, which
 * engines do many times slower.
 */
export function groupNorm({ name, channels, groups, epsilon = 1e-6 }: GroupNormOptions): Layer {
  const members = channels / groups;
  if (!Number.isInteger(members)) {
    throw new RangeError(`${name}: expected groups that divide ${channels} channels, got ${groups}.`);
  }
  const [scaleName, offsetName] = [`${name}/scale`, `${name}/offset`];
  return {
    parameters: [
      { name: scaleName, shape: [channels], start: { constant: 1 } },
      { name: offsetName, shape: [channels], start: { constant: 0 } },
    ],
    apply(x, { weight }) {
      const [batch, height, width] = x.shape;
      const ones = tf.ones([members]);
      const groupMean = (map: tf.Tensor): tf.Tensor => {
        const perChannel = tf.mean(map, 1).reshape([batch, groups, members]);
        return tf.mean(perChannel, 2, true); // [N, G, 1]
      };
      const perChannel = (group: tf.Tensor) => tf.mul(group, ones).reshape([batch, 1, channels]);

      const map = x.reshape([batch, height * width, channels]); // [N, H*W, C]
      const centred = tf.sub(map, perChannel(groupMean(map)));
      const deviation = tf.sqrt(tf.add(groupMean(tf.square(centred)), epsilon));
      const scale = tf.div(weight(scaleName), perChannel(deviation)); // [N, 1, C]
      return tf.add(tf.mul(centred, scale), weight(offsetName)).reshape(x.shape);
    },
    cost(input) {
      expectChannels(name, channels, input);
      return { flop: 0, output: input };
    },
    onnx(g, x, weights) {
      return g.within(name, () => {
        const ones = g.constant(`ones[${members}]`, new Float32Array(members).fill(1), [members]);
        const groupMean = (map: string): string => {
          const mean = g.op("ReduceMean", [map, g.int64s([1])], { keepdims: 0 });
          const perChannel = g.reshape(mean, [0, groups, members]);
          return g.op("ReduceMean", [perChannel, g.int64s([2])], { keepdims: 1 }); // [N, G, 1]
        };
        const perChannel = (group: string): string => g.reshape(g.op("Mul", [group, ones]), [0, 1, channels]);

        const image = inLayout(g, x, "NHWC");
        const map = g.reshape(image, [0, -1, channels]); // [N, H*W, C]
        const centred = g.op("Sub", [map, perChannel(groupMean(map))]);
        const variance = groupMean(g.op("Mul", [centred, centred]));
        const deviation = g.op("Sqrt", [g.op("Add", [variance, g.scalar(epsilon)])]);
        const scale = g.constant(scaleName, weightOf(weights, scaleName).data, [channels]);
        const offset = g.constant(offsetName, weightOf(weights, offsetName).data, [channels]);
        const scaled = g.op("Mul", [centred, g.op("Div", [scale, perChannel(deviation)])]);
        const made = g.reshape(g.op("Add", [scaled, offset]), [g.sizes(image, 0, 4)]);
        return { ...x, name: made, layout: "NHWC" };
      });
    },
  };
}
