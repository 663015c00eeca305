import { backend_util, type NamedAttrMap, type TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { arithmetic } from "./arithmetic.js";
import { emitBiasless } from "./folding.js";
import { convAttributes, padSpace, taps, tapValues, type Windows, windowsOf } from "./spatial.js";

/** Depthwise convolution: x [N, H, W, C], filter [kh, kw, C, M], result [N, H', W', C*M]. */

type Shape4D = [number, number, number, number];

function depthwiseInfo(x: number[], filter: number[], attrs: NamedAttrMap): backend_util.Conv2DInfo {
  return backend_util.computeConv2DInfo(
    x as Shape4D,
    filter as Shape4D,
    attrs.strides as number,
    (attrs.dilations ?? [1, 1]) as [number, number],
    attrs.pad as number,
    attrs.dimRoundingMode as unknown as "floor",
    true,
  );
}

/** [kh, kw, C, M] → [C*M, 1, kh, kw] */
function onnxFilter(g: GraphBuilder, filter: Value): string {
  const [kh, kw, channels, multiplier] = filter.shape as Shape4D;
  return g.reshapeName(g.transposeName(g.plain(filter), [2, 3, 0, 1]), [channels * multiplier, 1, kh, kw]);
}

const forward: Kernel<Windows> = {
  name: "DepthwiseConv2dNative",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const filter = inputs.filter as TensorInfo;
    const info = depthwiseInfo(x.shape, filter.shape, attrs);
    return {
      inputs: [x, filter],
      attrs: windowsOf(info),
      outputs: [{ shape: info.outShape, dtype: "float32" }],
    };
  },
  lower(g, [x, filter], { attrs: windows, outputs }) {
    const inputs = [g.channelsFirst(x as Value), onnxFilter(g, filter as Value)] as const;
    const attributes = { ...convAttributes(windows), group: (x as Value).shape[3] as number };
    return emitBiasless(g, { opType: "Conv", inputs, attributes }, (outputs[0] as TensorSpec).shape);
  },
};

const inputGradient: Kernel<Windows> = {
  name: "DepthwiseConv2dNativeBackpropInput",
  record(inputs, attrs) {
    const filter = inputs.filter as TensorInfo;
    const shape = attrs.inputShape as number[];
    const info = depthwiseInfo(shape, filter.shape, attrs);
    return {
      inputs: [inputs.dy as TensorInfo, filter],
      attrs: windowsOf(info),
      outputs: [{ shape, dtype: "float32" }],
    };
  },
  lower(g, [dy, filter], { attrs: windows, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const dx = g.op("ConvTranspose", [g.channelsFirst(dy as Value), onnxFilter(g, filter as Value)], {
      ...convAttributes(windows),
      group: shape[3] as number,
      output_padding: windows.rest,
    });
    return g.fromChannelsFirst(dx, shape, "float32");
  },
};

/** Each tap of the filter meets a shifted copy of x: dW[tap, c, m] = Σ x[shifted, c] · dy[c*M + m]. */
const filterGradient: Kernel<Windows> = {
  name: "DepthwiseConv2dNativeBackpropFilter",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const shape = attrs.filterShape as number[];
    return {
      inputs: [x, inputs.dy as TensorInfo],
      attrs: windowsOf(depthwiseInfo(x.shape, shape, attrs)),
      outputs: [{ shape, dtype: "float32" }],
    };
  },
  lower(g, [x, dy], { attrs: windows, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const [, , channels, multiplier] = shape as Shape4D;
    const [n, height, width] = (dy as Value).shape as Shape4D;
    const a = arithmetic(g);
    const gradient = g.plain(g.reshape(dy as Value, [n, height, width, channels, multiplier]));
    const padded = padSpace(g, g.plain(x as Value), windows.pads);
    const rows = taps(windows.kernel).map((tap) => {
      const met = tapValues(g, padded, tap, windows, [height, width]); // [N, H', W', C]
      const column = g.reshapeName(met, [n, height, width, channels, 1]);
      return g.reshapeName(a.sum(a.mul(column, gradient), [0, 1, 2]), [1, channels, multiplier]);
    });
    return new Value(g.reshapeName(g.op("Concat", rows, { axis: 0 }), shape), shape, "float32");
  },
};

export const depthwiseKernels: readonly Kernel[] = [forward, inputGradient, filterGradient] as Kernel[];
