import * as tf from "../../tf/index.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { fanInUniform, type Start } from "../parameter.js";
import { expectChannels, outputsFirst, weightOf } from "../weights.js";
import { gridAfter, onnxWindows, padded, type WindowOptions, windowCount, windowsOf } from "../windows.js";

export interface ConvolutionOptions extends WindowOptions {
  /** The parameters are `NAME/kernel` [rows, columns, inputs, outputs] and `NAME/bias` [outputs]. */
  readonly name: string;
  /** Channels. */
  readonly inputs: number;
  readonly outputs: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Of kernel and bias; by default as PyTorch's `Conv2d`, see `fanInUniform`. */
  readonly start?: Start;
  /** Of the kernel alone; by default `start`. */
  readonly kernelStart?: Start;
}

/** A convolution (as in the field: a cross-correlation), zeros outside the image. */
export function convolution({ name, inputs, outputs, bias = true, ...options }: ConvolutionOptions): Layer {
  const windows = windowsOf(options, name);
  const [rows, columns] = windows.kernel;
  const { stride } = windows;
  const start = options.start ?? fanInUniform(rows * columns * inputs);
  const { kernelStart = start } = options;
  const kernelName = `${name}/kernel`;
  const biasName = `${name}/bias`;
  const isPointwise =
    [rows, columns, ...stride].every((size) => size === 1) && windows.pads.every((pad) => pad === 0);
  return {
    parameters: [
      { name: kernelName, shape: [rows, columns, inputs, outputs], start: kernelStart },
      ...(bias ? [{ name: biasName, shape: [outputs], start }] : []),
    ],
    apply(x, { weight }) {
      const [image, padding] = padded(x, windows);
      const made = tf.conv2d(image, weight(kernelName) as tf.Tensor4D, [...stride], padding);
      return bias ? tf.add(made, weight(biasName)) : made;
    },
    cost(input) {
      expectChannels(name, inputs, input);
      const [height, width] = windowCount(windows, input, name);
      const flop = 2 * rows * columns * inputs * outputs * height * width;
      return { flop, output: [height, width, outputs] };
    },
    onnx(g, x, weights) {
      const kernel = weightOf(weights, kernelName).data;
      return g.within(name, () => {
        const biases = bias ? [g.constant(biasName, weightOf(weights, biasName).data, [outputs])] : [];
        if (isPointwise && x.layout === "NHWC") {
          // Rows that stand in order: one matrix product, as in the engine.
          const table = g.constant(kernelName, kernel, [inputs, outputs]);
          const positions = g.reshape(x.name, [-1, inputs]); // [N*H*W, I]
          const product = g.op("Gemm", [positions, table, ...biases]);
          const made = g.reshape(product, [g.sizes(x.name, 0, 3), outputs]);
          return { ...x, name: made, channels: outputs };
        }
        const turned = outputsFirst(kernel, [rows * columns, inputs, outputs]);
        const filter = g.constant(kernelName, turned, [outputs, inputs, rows, columns]);
        const attributes = { ...onnxWindows(windows), dilations: [1, 1] };
        const made = g.op("Conv", [inLayout(g, x, "NCHW"), filter, ...biases], attributes);
        return { name: made, layout: "NCHW", channels: outputs, ...gridAfter(windows, x, name) };
      });
    },
  };
}
