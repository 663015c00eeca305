import { backend_util, type NamedAttrMap, type TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { arithmetic, castTo } from "./arithmetic.js";
import { padSpace, taps, tapValues, type Windows, windowsOf } from "./spatial.js";

/** Grey-scale dilation: y = max over the taps of x[shifted] + filter[tap], for each channel by itself. */

interface Dilation extends Windows {
  readonly outShape: readonly number[];
}

function dilationOf(x: TensorInfo, filter: TensorInfo, attrs: NamedAttrMap): Dilation {
  const info = backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    attrs.strides as number,
    attrs.pad as "same",
    "NHWC",
    attrs.dilations as number,
  );
  return { ...windowsOf(info), outShape: info.outShape };
}

/** x[shifted] + filter[tap] for every tap, [N, H', W', C] each; outside the image it is lower than anything. */
function candidates(g: GraphBuilder, x: Value, filter: Value, d: Dilation): string[] {
  const [kh, kw, channels] = filter.shape as [number, number, number];
  const source = castTo(g, g.plain(x), x.dtype, "float32");
  const padded = padSpace(g, source, d.pads, g.scalar(Number.NEGATIVE_INFINITY));
  const weights = castTo(g, g.plain(g.reshape(filter, [kh * kw, channels])), filter.dtype, "float32");
  return taps(d.kernel).map((tap, i) => {
    const weight = g.op("Gather", [weights, g.constant(BigInt64Array.of(BigInt(i)), [])], { axis: 0 });
    return g.op("Add", [tapValues(g, padded, tap, d, d.outShape.slice(1, 3)), weight]);
  });
}

const forward: Kernel<Dilation> = {
  name: "Dilation2D",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const filter = inputs.filter as TensorInfo;
    const dilation = dilationOf(x, filter, attrs);
    return {
      inputs: [x, filter],
      attrs: dilation,
      outputs: [{ shape: dilation.outShape, dtype: x.dtype }],
    };
  },
  lower(g, [x, filter], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const greatest = g.op("Max", candidates(g, x as Value, filter as Value, attrs));
    return new Value(castTo(g, greatest, "float32", dtype), shape, dtype);
  },
};

/** Which tap won, int32 [N, H', W', C]; the first of equals. */
function winners(g: GraphBuilder, x: Value, filter: Value, d: Dilation): string {
  const stacked = candidates(g, x, filter, d).map((name) => g.op("Unsqueeze", [name, g.int64([0])]));
  const index = g.op("ArgMax", [g.op("Concat", stacked, { axis: 0 })], { axis: 0, keepdims: 0 });
  return g.cast(index, "int32");
}

function gradient(
  name: string,
  of: "x" | "filter",
  lower: (g: GraphBuilder, dy: string, winner: string, call: { d: Dilation; spec: TensorSpec }) => string,
): Kernel<Dilation> {
  return {
    name,
    record(inputs, attrs) {
      const x = inputs.x as TensorInfo;
      const filter = inputs.filter as TensorInfo;
      return {
        inputs: [x, filter, inputs.dy as TensorInfo],
        attrs: dilationOf(x, filter, attrs),
        outputs: [{ shape: (inputs[of] as TensorInfo).shape, dtype: "float32" }],
      };
    },
    lower(g, [x, filter, dy], { attrs: d, outputs }) {
      const spec = outputs[0] as TensorSpec;
      const winner = winners(g, x as Value, filter as Value, d);
      return new Value(lower(g, g.plain(dy as Value), winner, { d, spec }), spec.shape, "float32");
    },
  };
}

const filterGradient = gradient("Dilation2DBackpropFilter", "filter", (g, dy, winner, { d, spec }) => {
  const a = arithmetic(g);
  const rows = taps(d.kernel).map((_, i) => {
    const won = g.op("Equal", [winner, g.scalar(i, "int32")]);
    return g.op("Unsqueeze", [a.sum(a.where(won, dy, 0), [0, 1, 2]), g.int64([0])]); // [1, C]
  });
  return g.reshapeName(g.op("Concat", rows, { axis: 0 }), spec.shape);
});

/** dy is added to the pixel that the winning tap read. */
const inputGradient = gradient("Dilation2DBackpropInput", "x", (g, dy, winner, { d, spec }) => {
  const [n, height, width, channels] = spec.shape as [number, number, number, number];
  const [, rows, columns] = d.outShape as [number, number, number, number];
  const a = arithmetic(g, "int32");
  const count = (size: number, shape: readonly number[], each: (i: number) => number) =>
    g.constant(
      Int32Array.from({ length: size }, (_, i) => each(i)),
      shape,
    );
  const tapRow = a.div(winner, d.kernel[1] as number);
  const tapColumn = a.sub(winner, a.mul(tapRow, d.kernel[1] as number));
  const place = (axis: 0 | 1, i: number) => i * (d.stride[axis] as number) - (d.pads[axis] as number);
  const row = a.add(
    count(rows, [1, rows, 1, 1], (i) => place(0, i)),
    a.mul(tapRow, d.dilation[0] as number),
  );
  const column = a.add(
    count(columns, [1, 1, columns, 1], (i) => place(1, i)),
    a.mul(tapColumn, d.dilation[1] as number),
  );
  const image = count(n, [n, 1, 1, 1], (i) => i * height);
  const pixel = a.add(a.mul(a.add(image, row), width), column);
  const index = a.add(
    a.mul(pixel, channels),
    count(channels, [1, 1, 1, channels], (i) => i),
  );
  const zeros = g.expand(g.scalar(0), [sizeOf(spec.shape)]);
  const sums = g.op("ScatterElements", [zeros, g.reshapeName(index, [-1]), g.reshapeName(dy, [-1])], {
    axis: 0,
    reduction: "add",
  });
  return g.reshapeName(sums, spec.shape);
});

export const dilationKernels: readonly Kernel[] = [forward, filterGradient, inputGradient] as Kernel[];
