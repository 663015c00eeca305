import { backend_util, type NamedAttrMap, type TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import {
  channelsSecond,
  convAttributes,
  fromChannelsSecond,
  padSpace,
  taps,
  tapValues,
  type Windows,
  windowsOf,
} from "./spatial.js";

/** Volumes: x [N, D, H, W, I], filter [kd, kh, kw, I, O], result [N, D', H', W', O]. */

type Shape5D = [number, number, number, number, number];

function windows3d(x: number[], filter: number[], attrs: NamedAttrMap): Windows & { outShape: number[] } {
  const info = backend_util.computeConv3DInfo(
    x as Shape5D,
    filter as Shape5D,
    attrs.strides as number,
    (attrs.dilations ?? 1) as number,
    attrs.pad as "same",
  );
  return { ...windowsOf(info), outShape: info.outShape };
}

/** [kd, kh, kw, I, O] → [O, I, kd, kh, kw] */
function onnxFilter(g: GraphBuilder, filter: Value): string {
  return g.transposeName(g.plain(filter), [4, 3, 0, 1, 2]);
}

const forward: Kernel<Windows> = {
  name: "Conv3D",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const filter = inputs.filter as TensorInfo;
    const { outShape: shape, ...windows } = windows3d(x.shape, filter.shape, attrs);
    return { inputs: [x, filter], attrs: windows, outputs: [{ shape, dtype: "float32" }] };
  },
  lower(g, [x, filter], { attrs: windows, outputs }) {
    const inputs = [channelsSecond(g, x as Value), onnxFilter(g, filter as Value)];
    const y = g.op("Conv", inputs, convAttributes(windows));
    return fromChannelsSecond(g, y, (outputs[0] as TensorSpec).shape, "float32");
  },
};

const inputGradient: Kernel<Windows> = {
  name: "Conv3DBackpropInputV2",
  record(inputs, attrs) {
    const filter = inputs.filter as TensorInfo;
    const shape = attrs.inputShape as number[];
    const { outShape: _, ...windows } = windows3d(shape, filter.shape, attrs);
    return {
      inputs: [inputs.dy as TensorInfo, filter],
      attrs: windows,
      outputs: [{ shape, dtype: "float32" }],
    };
  },
  lower(g, [dy, filter], { attrs: windows, outputs }) {
    const inputs = [channelsSecond(g, dy as Value), onnxFilter(g, filter as Value)];
    const dx = g.op("ConvTranspose", inputs, { ...convAttributes(windows), output_padding: windows.rest });
    return fromChannelsSecond(g, dx, (outputs[0] as TensorSpec).shape, "float32");
  },
};

/** One product of matrices a tap: dW[tap] = x[shifted]ᵀ · dy. */
const filterGradient: Kernel<Windows> = {
  name: "Conv3DBackpropFilterV2",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const shape = attrs.filterShape as number[];
    const { outShape: _, ...windows } = windows3d(x.shape, shape, attrs);
    return { inputs: [x, inputs.dy as TensorInfo], attrs: windows, outputs: [{ shape, dtype: "float32" }] };
  },
  lower(g, [x, dy], { attrs: windows, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const [inputs, channels] = shape.slice(3) as [number, number];
    const gradient = dy as Value;
    const positions = sizeOf(gradient.shape) / channels;
    const rows = g.plain(g.reshape(gradient, [positions, channels])); // [N*D'*H'*W', O]
    const padded = padSpace(g, g.plain(x as Value), windows.pads);
    const products = taps(windows.kernel).map((tap) => {
      const met = tapValues(g, padded, tap, windows, gradient.shape.slice(1, -1));
      return g.op("Gemm", [g.reshapeName(met, [positions, inputs]), rows], { transA: 1, transB: 0 }); // [I, O]
    });
    return new Value(g.reshapeName(g.op("Concat", products, { axis: 0 }), shape), shape, "float32");
  },
};

export const convolution3dKernels: readonly Kernel[] = [forward, inputGradient, filterGradient] as Kernel[];
