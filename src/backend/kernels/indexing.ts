import { backend_util, type TensorInfo, util } from "@tensorflow/tfjs";
import { BackendError } from "../errors.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { spread } from "./shape.js";

const gather: Kernel<number> = {
  name: "GatherV2",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const indices = inputs.indices as TensorInfo;
    const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0] as number;
    if ((attrs.batchDims as number) > 0)
      throw new BackendError(
        "unsupported",
        "GatherV2 with batchDims above 0 is not implemented on ONNX Runtime.",
      );
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return { inputs: [x, indices], attrs: axis, outputs: [{ shape, dtype: x.dtype }] };
  },
  lower(g, [x, indices], { attrs: axis, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    return new Value(
      g.op("Gather", [g.plain(x as Value), g.plain(indices as Value)], { axis }),
      shape,
      dtype,
    );
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

/**
 * Sums the rows of x [N, …] that share a segment id. ScatterElements with `add` is right and repeatable with repeated
 * ids and any number of threads; ScatterND with `add` loses updates when more than one thread runs.
 */
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
    const summed = scatterAdd(g, {
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

function scatterAdd(
  g: GraphBuilder,
  s: { updates: string; ids: string; rows: number; width: number; segments: number; zero: string },
): string {
  const zeros = spread(g, s.zero, [s.segments + 1, s.width]);
  // Ids outside 0..segments-1 are ignored by tfjs: they go to one row too many, which is cut off.
  const inside = g.op("And", [
    g.op("GreaterOrEqual", [s.ids, g.scalar(0, "int32")]),
    g.op("Less", [s.ids, g.scalar(s.segments, "int32")]),
  ]);
  const safe = g.op("Where", [inside, s.ids, g.scalar(s.segments, "int32")]);
  const places = g.op("Expand", [safe, g.int64([s.rows, s.width])]);
  const summed = g.op("ScatterElements", [zeros, places, s.updates], { axis: 0, reduction: "add" });
  return g.op("Slice", [summed, g.int64([0]), g.int64([s.segments]), g.int64([0])]);
}

const topK: Kernel<{ k: number; sorted: boolean }> = {
  name: "TopK",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const k = attrs.k as number;
    const shape = [...x.shape.slice(0, -1), k];
    return {
      inputs: [x],
      attrs: { k, sorted: Boolean(attrs.sorted) },
      outputs: [
        { shape, dtype: x.dtype },
        { shape, dtype: "int32" },
      ],
    };
  },
  lower(g, [x], { attrs: { k, sorted }, outputs }) {
    const [values, indices] = g.ops(
      "TopK",
      [g.plain(x as Value), g.int64([k])],
      { axis: -1, largest: 1, sorted: Number(sorted) },
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

const logSoftmax: Kernel<number> = {
  ...softmax,
  name: "LogSoftmax",
  record(inputs, attrs) {
    const logits = inputs.logits as TensorInfo;
    return {
      inputs: [logits],
      attrs: attrs.axis as number,
      outputs: [{ shape: logits.shape, dtype: "float32" }],
    };
  },
  lower(g, [logits], { attrs: axis, outputs }) {
    return new Value(
      g.op("LogSoftmax", [g.plain(logits as Value)], { axis }),
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
  logSoftmax,
  cumsum,
] as Kernel[];
