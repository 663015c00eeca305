import type { GraphWriter } from "../../backend/index.js";
import * as tf from "../../tf/index.js";
import { codesOf, startingNear } from "../codes.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { convolution } from "./convolution.js";
import { type GroupNormOptions, groupNorm } from "./group-norm.js";

/** The parameters are those of two linear maps, the 1×1 convolutions `NAME/factor` and `NAME/shift`. */
export interface AdaptiveNormOptions extends GroupNormOptions {
  /** Channels of the codes. */
  readonly codeDim: number;
}

/**
 * A group norm whose scale is linear in the deviation of each image's codes, and whose offset is linear in their mean:
 * Open-MAGVIT2, arXiv 2409.04410. Takes `codes` of the context.
 *
 * The variance over the P positions is divided by P − 1 and has ε added, as there; one position by itself has none.
 */
export function adaptiveNorm({ codeDim, ...options }: AdaptiveNormOptions): Layer {
  const { name, channels, epsilon = 1e-6 } = options;
  const normal = groupNorm(options);
  const [scaleName] = normal.parameters.map((parameter) => parameter.name);
  const linear = (part: string) =>
    convolution({ name: `${name}/${part}`, kernel: 1, inputs: codeDim, outputs: channels });
  const [factor, shift] = [linear("factor"), linear("shift")];
  // The norm itself has no scale and no offset.
  const unit = (each: string) => new Float32Array(channels).fill(each === scaleName ? 1 : 0);
  return {
    parameters: [...startingNear(1, factor.parameters), ...startingNear(0, shift.parameters)],
    apply(x, context) {
      const { mean, deviation } = statistics(codesOf(name, context), epsilon);
      const image = normal.apply(x, { weight: (each) => tf.tensor1d(unit(each)) });
      const scaled = tf.mul(image, factor.apply(deviation, context));
      return tf.add(scaled, shift.apply(mean, context));
    },
    cost(input) {
      const { output } = normal.cost(input);
      return { flop: 2 * factor.cost([1, 1, codeDim]).flop, output };
    },
    onnx(g, x, weights, context = {}) {
      const codes = codesOf(name, context);
      const rows = g.reshape(inLayout(g, codes, "NHWC"), [0, -1, 1, codeDim]); // [N, P, 1, D]
      const { mean, deviation } = g.within(name, () => writeStatistics(g, rows, epsilon));
      const value = { layout: "NHWC", channels: codeDim, grid: `${name} one`, scale: 1 } as const;
      const times = inLayout(g, factor.onnx(g, { ...value, name: deviation }, weights), "NHWC");
      const plus = inLayout(g, shift.onnx(g, { ...value, name: mean }, weights), "NHWC");
      const units = normal.parameters.map(
        (each) => [each.name, { shape: each.shape, data: unit(each.name) }] as const,
      );
      const image = inLayout(g, normal.onnx(g, x, new Map(units)), "NHWC");
      return { ...x, name: g.op("Add", [g.op("Mul", [image, times]), plus]), layout: "NHWC" };
    },
  };
}

/** Of each image and channel, over all positions: [N, 1, 1, D]. */
function statistics(
  codes: tf.Tensor4D,
  epsilon: number,
): Readonly<Record<"mean" | "deviation", tf.Tensor4D>> {
  const [batch, height, width, codeDim] = codes.shape;
  const positions = height * width;
  const rows = codes.reshape([batch, positions, 1, codeDim]) as tf.Tensor4D;
  const mean = tf.mean(rows, 1, true) as tf.Tensor4D;
  const sum = tf.sum(tf.square(tf.sub(rows, mean)), 1, true) as tf.Tensor4D;
  const variance = tf.div(sum, Math.max(1, positions - 1));
  return { mean, deviation: tf.sqrt(tf.add(variance, epsilon)) };
}

/** @param rows [N, P, 1, D] */
function writeStatistics(
  g: GraphWriter,
  rows: string,
  epsilon: number,
): Record<"mean" | "deviation", string> {
  const axis = g.int64s([1]);
  const mean = g.op("ReduceMean", [rows, axis], { keepdims: 1 });
  const centred = g.op("Sub", [rows, mean]);
  const sum = g.op("ReduceSum", [g.op("Mul", [centred, centred]), axis], { keepdims: 1 });
  const positions = g.cast(g.sizes(rows, 1, 2), "float32");
  const divisor = g.op("Max", [g.scalar(1), g.op("Sub", [positions, g.scalar(1)])]); // [1]
  const variance = g.op("Div", [sum, divisor]);
  return { mean, deviation: g.op("Sqrt", [g.op("Add", [variance, g.scalar(epsilon)])]) };
}
