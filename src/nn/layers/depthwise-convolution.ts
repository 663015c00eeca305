import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { fanInUniform, type Start } from "../parameter.js";
import { expectChannels, outputsFirst, weightOf } from "../weights.js";
import { gridAfter, onnxWindows, padded, type WindowOptions, windowCount, windowsOf } from "../windows.js";

export interface DepthwiseConvolutionOptions extends WindowOptions {
  /** The parameters are `NAME/kernel` [rows, columns, channels, multiplier] and `NAME/bias` [channels·multiplier]. */
  readonly name: string;
  readonly channels: number;
  /** Outputs of each channel; they stand side by side. Default 1. */
  readonly multiplier?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Of kernel and bias; by default as PyTorch's `Conv2d` with as many groups as channels. */
  readonly start?: Start;
}

/** A convolution of each channel by itself, zeros outside the image. */
export function depthwiseConvolution({
  name,
  channels,
  multiplier = 1,
  bias = true,
  ...options
}: DepthwiseConvolutionOptions): Layer {
  const windows = windowsOf(options, name);
  const [rows, columns] = windows.kernel;
  const outputs = channels * multiplier;
  const start = options.start ?? fanInUniform(rows * columns);
  const [kernelName, biasName] = [`${name}/kernel`, `${name}/bias`];
  return {
    parameters: [
      { name: kernelName, shape: [rows, columns, channels, multiplier], start },
      ...(bias ? [{ name: biasName, shape: [outputs], start }] : []),
    ],
    apply(x, { weight }) {
      const [image, padding] = padded(x, windows);
      const filter = weight(kernelName) as tf.Tensor4D;
      const made = tf.depthwiseConv2d(image, filter, [...windows.stride], padding);
      return bias ? tf.add(made, weight(biasName)) : made;
    },
    cost(input) {
      expectChannels(name, channels, input);
      const [height, width] = windowCount(windows, input, name);
      return { flop: 2 * rows * columns * outputs * height * width, output: [height, width, outputs] };
    },
    onnx(g, x, weights) {
      return g.within(name, () => {
        const turned = outputsFirst(weightOf(weights, kernelName).data, [rows * columns, 1, outputs]);
        const filter = g.constant(kernelName, turned, [outputs, 1, rows, columns]);
        const biases = bias ? [g.constant(biasName, weightOf(weights, biasName).data, [outputs])] : [];
        const attributes = { ...onnxWindows(windows), dilations: [1, 1], group: channels };
        const made = g.op("Conv", [inLayout(g, x, "NCHW"), filter, ...biases], attributes);
        return { name: made, layout: "NCHW", channels: outputs, ...gridAfter(windows, x, name) };
      });
    },
  };
}
