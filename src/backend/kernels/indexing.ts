import { backend_util, type TensorInfo, util } from "../../tf/index.js";
import { sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { castTo } from "./arithmetic.js";
import { extremumOfRows, suitsGroups } from "./row-extrema.js";
import { segmentSum } from "./scatter.js";

interface Gathering {
  readonly axis: number;
  /** With leading axes in common: sizes of [batch, outer, along the axis, inner]. */
  readonly batched: readonly [number, number, number, number] | undefined;
}

const gather: Kernel<Gathering> = {
  name: "GatherV2",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const indices = inputs.indices as TensorInfo;
    const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0] as number;
    const given = (attrs.batchDims ?? 0) as number;
    const batchDims = given < 0 ? given + indices.shape.length : given;
    const info = backend_util.segment_util.collectGatherOpShapeInfo(
      x as never,
      indices as never,
      axis,
      batchDims,
    );
    const batched =
      batchDims === 0 ? undefined : ([info.batchSize, info.outerSize, info.dimSize, info.sliceSize] as const);
    return {
      inputs: [x, indices],
      attrs: { axis, batched },
      outputs: [{ shape: info.outputShape, dtype: x.dtype }],
    };
  },
  lower(g, [x, indices], { attrs: { axis, batched }, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const [source, places] = [x as Value, indices as Value];
    const at = castTo(g, g.plain(places), places.dtype, "int32");
    if (batched === undefined)
      return new Value(g.op("Gather", [g.plain(source), at], { axis }), shape, dtype);
    // One gather of rows of the flattened tensor: each batch and outer place starts at its own row.
    const [batch, outer, along, inner] = batched;
    const rows = g.plain(g.reshape(source, [batch * outer * along, inner]));
    const starts = Int32Array.from({ length: batch * outer }, (_, i) => i * along);
    const own = g.reshapeName(at, [batch, 1, sizeOf(places.shape) / batch]);
    const index = g.op("Add", [own, g.constant(starts, [batch, outer, 1])]);
    return new Value(g.reshapeName(g.op("Gather", [rows, index], { axis: 0 }), shape), shape, dtype);
  },
};

const gatherNd: Kernel<undefined> = {
  name: "GatherNd",
  record(inputs) {
    const params = inputs.params as TensorInfo;
    const indices = inputs.indices as TensorInfo;
    const [shape] = backend_util.prepareAndValidate(params as never, indices as never);
    return { inputs: [params, indices], attrs: undefined, outputs: [{ shape, dtype: params.dtype }] };
  },
  lower(g, [params, indices], { outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    return new Value(
      g.op("GatherND", [g.plain(params as Value), g.cast(g.plain(indices as Value), "int64")]),
      shape,
      dtype,
    );
  },
};

const oneHot: Kernel<{ depth: number; onValue: number; offValue: number }> = {
  name: "OneHot",
  record(inputs, attrs) {
    const indices = inputs.indices as TensorInfo;
    const { depth, onValue, offValue } = attrs as { depth: number; onValue: number; offValue: number };
    const dtype = ((attrs.dtype as unknown as string) ?? "int32") as "int32";
    return {
      inputs: [indices],
      attrs: { depth, onValue, offValue, dtype },
      outputs: [{ shape: [...indices.shape, depth], dtype }],
    };
  },
  lower(g, [indices], { attrs: { depth, onValue, offValue }, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    // Compared rather than ONNX OneHot, which counts negative indices from the end; tfjs leaves such rows off.
    const places = g.constant(
      Int32Array.from({ length: depth }, (_, i) => i),
      [depth],
    );
    const column = g.plain(g.reshape(indices as Value, [...(indices as Value).shape, 1]));
    const hit = g.op("Equal", [column, places]);
    if (onValue === 1 && offValue === 0) return new Value(g.cast(hit, dtype), shape, dtype);
    return new Value(g.op("Where", [hit, g.scalar(onValue, dtype), g.scalar(offValue, dtype)]), shape, dtype);
  },
};

/** Sums the rows of x [N, …] that share a segment id. */
const unsortedSegmentSum: Kernel<number> = {
  name: "UnsortedSegmentSum",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const segments = attrs.numSegments as number;
    return {
      inputs: [x, inputs.segmentIds as TensorInfo],
      attrs: segments,
      outputs: [{ shape: [segments, ...x.shape.slice(1)], dtype: x.dtype }],
    };
  },
  lower(g, [x, ids], { attrs: segments, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const value = x as Value;
    const rows = value.shape[0] as number;
    const width = sizeOf(value.shape.slice(1));
    const updates = g.plain(g.reshape(value, [rows, width]));
    const summed = segmentSum(g, {
      updates,
      ids: g.plain(g.reshape(ids as Value, [rows, 1])),
      rows,
      width,
      segments,
      zero: g.scalar(0, dtype),
    });
    return g.reshape(new Value(summed, [segments, width], dtype), shape);
  },
};

/** Always sorted, whatever is asked: tfjs wants the lower of equal indices first even then. */
const topK: Kernel<number> = {
  name: "TopK",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const k = attrs.k as number;
    const shape = [...x.shape.slice(0, -1), k];
    return {
      inputs: [x],
      attrs: k,
      outputs: [
        { shape, dtype: x.dtype },
        { shape, dtype: "int32" },
      ],
    };
  },
  lower(g, [x], { attrs: k, outputs }) {
    if (k === 1 && suitsGroups(x as Value)) {
      const { extremum, place } = extremumOfRows(g, { opType: "ArgMax", x: x as Value });
      return [extremum, place].map((value, i) => g.reshape(value, (outputs[i] as TensorSpec).shape));
    }
    const [values, indices] = g.ops(
      "TopK",
      [g.plain(x as Value), g.int64([k])],
      { axis: -1, largest: 1, sorted: 1 },
      2,
    );
    const [a, b] = outputs as [TensorSpec, TensorSpec];
    return [
      new Value(values, a.shape, a.dtype),
      new Value(g.cast(indices as string, "int32"), b.shape, "int32"),
    ];
  },
};

const softmax: Kernel<number> = {
  name: "Softmax",
  record(inputs, attrs) {
    const logits = inputs.logits as TensorInfo;
    return {
      inputs: [logits],
      attrs: attrs.dim as number,
      outputs: [{ shape: logits.shape, dtype: "float32" }],
    };
  },
  lower(g, [logits], { attrs: axis, outputs }) {
    return new Value(
      g.op("Softmax", [g.plain(logits as Value)], { axis }),
      (outputs[0] as TensorSpec).shape,
      "float32",
    );
  },
};

const cumsum: Kernel<{ axis: number; exclusive: boolean; reverse: boolean }> = {
  name: "Cumsum",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const call = {
      axis: attrs.axis as number,
      exclusive: Boolean(attrs.exclusive),
      reverse: Boolean(attrs.reverse),
    };
    return {
      inputs: [x],
      attrs: call,
      outputs: [{ shape: x.shape, dtype: x.dtype === "bool" ? "int32" : x.dtype }],
    };
  },
  lower(g, [x], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const numbers = (x as Value).dtype === dtype ? g.plain(x as Value) : g.cast(g.plain(x as Value), dtype);
    const axis = g.constant(BigInt64Array.of(BigInt(attrs.axis)), []);
    return new Value(
      g.op("CumSum", [numbers, axis], { exclusive: Number(attrs.exclusive), reverse: Number(attrs.reverse) }),
      shape,
      dtype,
    );
  },
};

export const indexingKernels: readonly Kernel[] = [
  gather,
  gatherNd,
  oneHot,
  unsortedSegmentSum,
  topK,
  softmax,
  cumsum,
] as Kernel[];
