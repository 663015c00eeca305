import * as tf from "../../tf/index.js";
import type { Layer } from "../layer.js";
import type { WeightValues } from "../state-dict.js";
import { weightOf } from "../weights.js";
import { withoutGradient } from "../without-gradient.js";
import { type ConvolutionOptions, convolution } from "./convolution.js";

/** Vectors shorter than this are not made longer; PyTorch's. */
const SHORTEST = 1e-12;

/**
 * A convolution whose kernel is divided by its largest singular value σ, the kernel read as a matrix M from all inputs
 * of a window to the outputs. Miyato et al. 2018, https://arxiv.org/abs/1802.05957.
 *
 * `NAME/direction` [outputs] is u, the estimate of the singular vector: v = Mu/‖Mu‖, then u ← Mᵀv/‖Mᵀv‖, and σ = u·Mᵀv.
 * In training each application makes one such step, as PyTorch's `spectral_norm` does; in inference u stays as it is.
 * u and v are constants of the gradient, σ is not.
 */
export function spectralConvolution(options: ConvolutionOptions): Layer {
  const inner = convolution(options);
  const { name, outputs } = options;
  const kernelName = `${name}/kernel`;
  const directionName = `${name}/direction`;
  return {
    ...inner,
    parameters: [
      ...inner.parameters,
      { name: directionName, shape: [outputs], start: { normal: 1 }, trainable: false },
    ],
    apply(x, context) {
      const kernel = context.weight(kernelName);
      const [before, isTraining] = [context.weight(directionName), context.onStatistic !== undefined];
      const { direction, across } = directions(kernel, before, isTraining);
      context.onStatistic?.(directionName, direction);
      const matrix = kernel.reshape<tf.Tensor2D>([-1, outputs]);
      const norm = tf.sum(tf.mul(tf.matMul(matrix, direction.reshape<tf.Tensor2D>([outputs, 1])), across));
      const scaled = tf.div(kernel, norm);
      const weight = (wanted: string) => (wanted === kernelName ? scaled : context.weight(wanted));
      return inner.apply(x, { ...context, weight });
    },
    onnx: (g, x, weights, context) =>
      inner.onnx(g, x, withNormalKernel(weights, { kernelName, directionName, outputs }), context),
  };
}

/** u [outputs] and v [inputs, 1], both of length 1, without a gradient. */
function directions(
  kernel: tf.Tensor,
  before: tf.Tensor,
  moves: boolean,
): { readonly direction: tf.Tensor1D; readonly across: tf.Tensor2D } {
  const outputs = before.size;
  const matrix = withoutGradient(() => kernel.reshape<tf.Tensor2D>([-1, outputs])); // [I, O]
  const start = withoutGradient(() => ofLengthOne(before.reshape<tf.Tensor2D>([outputs, 1])));
  const across = withoutGradient(() => ofLengthOne(tf.matMul(matrix, start))); // [I, 1]
  const direction = moves ? withoutGradient(() => ofLengthOne(tf.matMul(matrix, across, true))) : start;
  return { direction: direction.reshape([outputs]), across };
}

function ofLengthOne(vector: tf.Tensor2D): tf.Tensor2D {
  return tf.div(vector, tf.maximum(tf.sqrt(tf.sum(tf.square(vector))), SHORTEST));
}

/** The weights with the kernel of the inference form, in double precision. */
function withNormalKernel(
  weights: WeightValues,
  names: { readonly kernelName: string; readonly directionName: string; readonly outputs: number },
): WeightValues {
  const kernel = weightOf(weights, names.kernelName);
  const u = weightOf(weights, names.directionName).data;
  const length = Math.max(SHORTEST, Math.hypot(...u));
  const { outputs } = names;
  // σ = u·Mᵀv with v = Mu/‖Mu‖ is ‖Mu‖, u of length 1.
  let squares = 0;
  for (let row = 0; row < kernel.data.length; row += outputs) {
    let sum = 0;
    for (let o = 0; o < outputs; o++) sum += (kernel.data[row + o] as number) * ((u[o] as number) / length);
    squares += sum * sum;
  }
  const norm = Math.sqrt(squares);
  return new Map([
    ...weights,
    [names.kernelName, { ...kernel, data: kernel.data.map((value) => value / norm) }],
  ]);
}
