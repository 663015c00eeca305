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
 * Sums over positions are products of the map [N, H*W, C] with a row of ones, and groups are made of their C numbers:
 * whatever touches the whole map then reduces or broadcasts over long rows, not over runs of C/G, which engines do many
 * times slower.
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
      const map = x.reshape<tf.Tensor3D>([batch, height * width, channels]);
      const made = normalized(map, [weight(scaleName), weight(offsetName)], { members, epsilon });
      return made.reshape(x.shape);
    },
    cost(input) {
      expectChannels(name, channels, input);
      return { flop: 0, output: input };
    },
    onnx(g, x, weights) {
      return g.within(name, () => {
        const repeated = g.constant(`ones[${members}]`, new Float32Array(members).fill(1), [members]);
        const image = inLayout(g, x, "NHWC");
        const map = g.reshape(image, [0, -1, channels]); // [N, H*W, C]
        const positions = g.sizes(map, 1, 2);
        const ones = g.op("Expand", [
          g.scalar(1),
          g.op("Concat", [g.int64s([1]), positions], { axis: 0 }), // [1, H*W]
        ]);
        const count = g.op("Mul", [g.cast(positions, "float32"), g.scalar(members)]);
        const groupMean = (of: string): string => {
          const perChannel = g.reshape(g.op("MatMul", [ones, of]), [0, groups, members]);
          const sum = g.op("ReduceSum", [perChannel, g.int64s([2])], { keepdims: 1 }); // [N, G, 1]
          return g.op("Div", [sum, count]);
        };
        const perChannel = (group: string): string =>
          g.reshape(g.op("Mul", [group, repeated]), [0, 1, channels]);

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

/** Channels in a group, and what is added to the variance. */
interface Grouping {
  readonly members: number;
  readonly epsilon: number;
}

/**
 * (x − μ)·γ/σ + β with μ and σ of each group, x [N, P, C]. Its gradient is written out, in half of the passes over the
 * map that differentiating the formula takes; it cannot be differentiated again.
 */
function normalized(
  x: tf.Tensor3D,
  [scale, offset]: readonly [tf.Tensor, tf.Tensor],
  { members, epsilon }: Grouping,
): tf.Tensor3D {
  const operator = tf.customGrad((...given) => {
    const [map, factor, shift, save] = given as [tf.Tensor3D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const { overPositions, perChannel, groupMean } = statisticsOf(map.shape, members);
    const centred = tf.sub(map, perChannel(groupMean(overPositions(map))));
    const variance = groupMean(overPositions(tf.square(centred)));
    const deviation = perChannel(tf.sqrt(tf.add(variance, epsilon))); // [N, 1, C]
    save([centred as tf.Tensor, deviation, factor]);
    return {
      value: tf.add(tf.mul(centred, tf.div(factor, deviation)), shift),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => normalizedGradients(dy as tf.Tensor3D, saved, members),
    };
  });
  return operator(x, scale, offset) as tf.Tensor3D;
}

/**
 * With c = x − μ, r = 1/σ and M the mean over a group: dx = γr·dy − r³·M(γ·dy·c)·c − r·M(γ·dy), dγ = Σ dy·c·r, dβ = Σ dy.
 */
function normalizedGradients(dy: tf.Tensor3D, saved: readonly tf.Tensor[], members: number): tf.Tensor[] {
  const [centred, deviation, scale] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor1D];
  const { overPositions, perChannel, groupMean } = statisticsOf(dy.shape, members);
  const inverse = tf.div(1, deviation); // [N, 1, C]
  const sum = overPositions(dy); // [N, 1, C]
  const product = tf.mul(overPositions(tf.mul(dy, centred)), inverse);
  const factor = tf.mul(inverse, scale);
  const along = tf.mul(perChannel(groupMean(tf.mul(product, scale))), tf.square(inverse));
  const constant = tf.mul(perChannel(groupMean(tf.mul(sum, scale))), inverse);
  const dx = tf.sub(tf.sub(tf.mul(dy, factor), tf.mul(centred, along)), constant);
  return [dx, tf.sum(product, [0, 1]), tf.sum(sum, [0, 1])];
}

/** Sums and means of maps [N, P, C] whose groups have `members` channels. */
function statisticsOf([batch, positions, channels]: readonly [number, number, number], members: number) {
  const groups = channels / members;
  const ones = tf.fill([1, positions], 1) as tf.Tensor2D;
  const repeated = tf.ones([members]);
  return {
    /** [N, P, C] → [N, 1, C] */
    overPositions: (map: tf.Tensor): tf.Tensor => tf.matMul(ones, map as tf.Tensor3D),
    /** [N, 1, C], sums over positions → [N, G, 1], means over groups */
    groupMean: (sums: tf.Tensor): tf.Tensor =>
      tf.div(tf.sum(sums.reshape([batch, groups, members]), 2, true), positions * members),
    /** [N, G, 1] → [N, 1, C] */
    perChannel: (group: tf.Tensor): tf.Tensor => tf.mul(group, repeated).reshape([batch, 1, channels]),
  };
}
