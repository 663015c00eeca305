import { backend_util, slice_util, type Tensor, type TensorInfo, util } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";

/** A kernel that rearranges one tensor `x`: `plan` gives its options and the shape that results. */
export function rearrangement<A>(
  name: string,
  plan: (x: TensorInfo, attrs: Record<string, unknown>) => { attrs: A; shape: readonly number[] },
  emit: (g: GraphBuilder, x: Value, attrs: A, spec: TensorSpec) => Value | string,
): Kernel<A> {
  return {
    name,
    record(inputs, given) {
      const x = (inputs.x ?? inputs.image ?? inputs.input ?? inputs.dims) as TensorInfo;
      const { attrs, shape } = plan(x, given as Record<string, unknown>);
      return { inputs: [x], attrs, outputs: [{ shape, dtype: x.dtype }] };
    },
    lower(g, [x], { attrs, outputs }) {
      const spec = outputs[0] as TensorSpec;
      const made = emit(g, x as Value, attrs, spec);
      return typeof made === "string" ? new Value(made, spec.shape, spec.dtype) : made;
    },
  };
}

const transpose = rearrangement(
  "Transpose",
  (x, { perm }) => ({
    attrs: perm as number[],
    shape: (perm as number[]).map((axis) => x.shape[axis] as number),
  }),
  (g, x, perm) => g.transposeName(g.plain(x), perm),
);

interface Range {
  readonly begin: readonly number[];
  readonly size: readonly number[];
}

const slice = rearrangement<Range>(
  "Slice",
  (x, attrs) => {
    const [begin, size] = slice_util.parseSliceParams(
      x as Tensor,
      attrs.begin as number[],
      attrs.size as number[],
    ) as [number[], number[]];
    slice_util.assertParamsValid(x as Tensor, begin, size);
    return { attrs: { begin, size }, shape: size };
  },
  (g, x, { begin, size }) => {
    const axes = x.shape.map((_, axis) => axis).filter((axis) => size[axis] !== x.shape[axis]);
    if (axes.length === 0) return x;
    const starts = axes.map((axis) => begin[axis] as number);
    const ends = axes.map((axis) => (begin[axis] as number) + (size[axis] as number));
    return g.op("Slice", [g.plain(x), g.int64(starts), g.int64(ends), g.int64(axes)]);
  },
);

interface Stride {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly strides: readonly number[];
}

const stridedSlice = rearrangement<Stride>(
  "StridedSlice",
  (x, attrs) => {
    const mask = (name: string) => attrs[name] as number;
    const info = slice_util.sliceInfo(
      x.shape,
      attrs.begin as number[],
      attrs.end as number[],
      attrs.strides as number[],
      mask("beginMask"),
      mask("endMask"),
      mask("ellipsisMask"),
      mask("newAxisMask"),
      mask("shrinkAxisMask"),
    );
    return { attrs: { begin: info.begin, end: info.end, strides: info.strides }, shape: info.finalShape };
  },
  (g, x, { begin, end, strides }, spec) => {
    const axes = begin.map((_, axis) => axis);
    // Going backwards past the first element is an end below -size in ONNX.
    const ends = end.map((stop, axis) =>
      (strides[axis] as number) < 0 && stop < 0 ? Number.MIN_SAFE_INTEGER : stop,
    );
    const sparse = g.op("Slice", [
      g.plain(x),
      g.int64(begin),
      g.int64(ends),
      g.int64(axes),
      g.int64(strides),
    ]);
    return g.reshapeName(sparse, spec.shape);
  },
);

const pad = rearrangement<{ paddings: readonly (readonly [number, number])[]; value: number }>(
  "PadV2",
  (x, attrs) => {
    const paddings = attrs.paddings as [number, number][];
    return {
      attrs: { paddings, value: attrs.constantValue as number },
      shape: x.shape.map((size, i) => size + (paddings[i]?.[0] ?? 0) + (paddings[i]?.[1] ?? 0)),
    };
  },
  (g, x, { paddings, value }) => {
    const pads = g.int64([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
    return g.op("Pad", [g.plain(x), pads, g.scalar(value, x.dtype)], { mode: "constant" });
  },
);

const mirrorPad = rearrangement<{ paddings: readonly (readonly [number, number])[]; mode: string }>(
  "MirrorPad",
  (x, attrs) => {
    const paddings = attrs.paddings as [number, number][];
    return {
      attrs: { paddings, mode: attrs.mode as string },
      shape: x.shape.map((size, i) => size + (paddings[i]?.[0] ?? 0) + (paddings[i]?.[1] ?? 0)),
    };
  },
  (g, x, { paddings, mode }, spec) => {
    if (mode === "reflect") {
      const pads = g.int64([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
      return g.op("Pad", [g.plain(x), pads], { mode: "reflect" });
    }
    // "symmetric" repeats the border itself: one gather an axis.
    return paddings.reduce((name, [before], axis) => {
      const size = x.shape[axis] as number;
      const total = spec.shape[axis] as number;
      if (total === size) return name;
      const source = Array.from({ length: total }, (_, i) => mirrored(i - before, size));
      return g.op("Gather", [name, g.int64(source)], { axis });
    }, g.plain(x));
  },
);

function mirrored(at: number, size: number): number {
  const period = (((at % (2 * size)) + 2 * size) % (2 * size)) as number;
  return period < size ? period : 2 * size - 1 - period;
}

const tile = rearrangement<readonly number[]>(
  "Tile",
  (x, { reps }) => ({
    attrs: reps as number[],
    shape: x.shape.map((size, i) => size * ((reps as number[])[i] as number)),
  }),
  (g, x, reps) => g.op("Tile", [g.plain(x), g.int64(reps)]),
);

const reverse = rearrangement<readonly number[]>(
  "Reverse",
  (x, { dims }) => ({ attrs: util.parseAxisParam(dims as number[], x.shape), shape: x.shape }),
  (g, x, axes) => {
    if (axes.length === 0) return x;
    const all = (value: number) => g.int64(axes.map(() => value));
    return g.op("Slice", [g.plain(x), all(-1), all(Number.MIN_SAFE_INTEGER), g.int64(axes), all(-1)]);
  },
);

/** Concat and Pack take any number of tensors, under the keys "0", "1", … */
const concat: Kernel<number> = {
  name: "Concat",
  record(inputs, attrs) {
    const tensors = Object.values(inputs) as unknown as TensorInfo[];
    const axis = util.parseAxisParam(attrs.axis as number, (tensors[0] as TensorInfo).shape)[0] as number;
    const shapes = tensors.map((t) => t.shape);
    backend_util.assertParamsConsistent(shapes, axis);
    const shape = backend_util.computeOutShape(shapes, axis);
    const filled = tensors.filter((t) => util.sizeFromShape(t.shape) > 0);
    return { inputs: filled, attrs: axis, outputs: [{ shape, dtype: (tensors[0] as TensorInfo).dtype }] };
  },
  lower(g, operands, { attrs: axis, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    return new Value(
      g.op(
        "Concat",
        operands.map((v) => g.plain(v)),
        { axis },
      ),
      shape,
      dtype,
    );
  },
};

const pack: Kernel<number> = {
  name: "Pack",
  record(inputs, attrs) {
    const tensors = Object.values(inputs) as unknown as TensorInfo[];
    const { shape, dtype } = tensors[0] as TensorInfo;
    for (const other of tensors) {
      util.assertShapesMatch(shape, other.shape, "All tensors passed to stack must have matching shapes");
      util.assert(dtype === other.dtype, () => "All tensors passed to stack must have matching dtypes");
    }
    const axis = attrs.axis as number;
    return {
      inputs: tensors,
      attrs: axis,
      outputs: [{ shape: [...shape.slice(0, axis), tensors.length, ...shape.slice(axis)], dtype }],
    };
  },
  lower(g, operands, { attrs: axis, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const single = shape.map((size, i) => (i === axis ? 1 : size));
    return new Value(
      g.op(
        "Concat",
        operands.map((v) => g.plain(g.reshape(v, single))),
        { axis },
      ),
      shape,
      dtype,
    );
  },
};

const unpack: Kernel<number> = {
  name: "Unpack",
  record(inputs, attrs) {
    const value = inputs.value as TensorInfo;
    const axis = util.parseAxisParam(attrs.axis as number, value.shape)[0] as number;
    const shape = value.shape.filter((_, i) => i !== axis);
    return {
      inputs: [value],
      attrs: axis,
      outputs: Array.from({ length: value.shape[axis] as number }, () => ({ shape, dtype: value.dtype })),
    };
  },
  lower(g, [value], { attrs: axis, outputs }) {
    const source = g.plain(value as Value);
    // Gather by a scalar takes one place along the axis and drops the axis.
    return outputs.map(
      ({ shape, dtype }, i) =>
        new Value(
          g.op("Gather", [source, g.constant(BigInt64Array.of(BigInt(i)), [])], { axis }),
          shape,
          dtype,
        ),
    );
  },
};

interface Split {
  readonly axis: number;
  readonly sizes: readonly number[];
}

const splitV: Kernel<Split> = {
  name: "SplitV",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0] as number;
    const sizes = backend_util.prepareSplitSize(x as Tensor, attrs.numOrSizeSplits as number[], axis);
    const outputs = sizes.map((size) => ({
      shape: x.shape.map((s, i) => (i === axis ? size : s)),
      dtype: x.dtype,
    }));
    return { inputs: [x], attrs: { axis, sizes }, outputs };
  },
  lower(g, [x], { attrs: { axis, sizes }, outputs }) {
    const names = g.ops("Split", [g.plain(x as Value), g.int64(sizes)], { axis }, sizes.length);
    return outputs.map(({ shape, dtype }, i) => new Value(names[i], shape, dtype));
  },
};

export const shapeKernels: readonly Kernel[] = [
  transpose,
  slice,
  stridedSlice,
  pad,
  mirrorPad,
  tile,
  reverse,
  concat,
  pack,
  unpack,
  splitV,
] as Kernel[];
