import { backend_util, type TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { arithmetic, castTo } from "./arithmetic.js";

/** Kernels that read an image [N, H, W, C] at positions between its pixels. */

interface Positions {
  /** int32: which image; y and x: float32 rows and columns. All broadcast to one shape S. */
  readonly image: string;
  readonly y: string;
  readonly x: string;
}

interface Sampling {
  readonly bilinear: boolean;
  /** What stands outside the image; undefined where positions are known to be inside. */
  readonly outside: number | undefined;
}

/** The image's values at `positions`, float32 [...S, C]. */
function sample(g: GraphBuilder, image: Value, positions: Positions, sampling: Sampling): string {
  const a = arithmetic(g);
  const { x, y } = positions;
  const read = pixelReader(g, image, positions.image, sampling.outside);
  if (!sampling.bilinear) return read(a.round(y), a.round(x));
  const [top, left] = [a.floor(y), a.floor(x)];
  const [bottom, right] = [a.add(top, 1), a.add(left, 1)];
  const [down, along] = [lastAxis(g, a.sub(y, top)), lastAxis(g, a.sub(x, left))];
  const between = (from: string, to: string, part: string) =>
    a.add(a.mul(from, a.sub(1, part)), a.mul(to, part));
  return between(
    between(read(top, left), read(top, right), along),
    between(read(bottom, left), read(bottom, right), along),
    down,
  );
}

function lastAxis(g: GraphBuilder, name: string): string {
  return g.op("Unsqueeze", [name, g.int64([-1])]);
}

/** Reads whole pixels; y and x hold whole numbers. */
function pixelReader(g: GraphBuilder, image: Value, which: string, outside: number | undefined) {
  const [n, height, width, channels] = image.shape as [number, number, number, number];
  const pixels = castTo(g, g.plain(g.reshape(image, [n * height * width, channels])), image.dtype, "float32");
  const a = arithmetic(g);
  const whole = arithmetic(g, "int32");
  return (y: string, x: string): string => {
    const row = g.cast(a.clamp(y, 0, height - 1), "int32");
    const column = g.cast(a.clamp(x, 0, width - 1), "int32");
    const index = whole.add(whole.mul(whole.add(whole.mul(which, height), row), width), column);
    const found = g.op("Gather", [pixels, index], { axis: 0 });
    if (outside === undefined) return found;
    return a.where(lastAxis(g, inside(g, y, x, [height, width])), found, outside);
  };
}

function inside(g: GraphBuilder, y: string, x: string, [height, width]: readonly [number, number]): string {
  const a = arithmetic(g);
  const within = (at: string, size: number) => a.and(a.greaterOrEqual(at, 0), a.lessOrEqual(at, size - 1));
  return a.and(within(y, height), within(x, width));
}

/** 0, 1, … along one of several axes. */
function ramp(g: GraphBuilder, size: number, shape: readonly number[]): string {
  return g.constant(
    Float32Array.from({ length: size }, (_, i) => i),
    shape,
  );
}

interface Crop {
  readonly size: readonly [number, number];
  readonly bilinear: boolean;
  readonly extrapolation: number;
}

const cropAndResize: Kernel<Crop> = {
  name: "CropAndResize",
  record(inputs, attrs) {
    const image = inputs.image as TensorInfo;
    const boxes = inputs.boxes as TensorInfo;
    const [height, width] = attrs.cropSize as [number, number];
    return {
      inputs: [image, boxes, inputs.boxInd as TensorInfo],
      attrs: {
        size: [height, width],
        bilinear: attrs.method === "bilinear",
        extrapolation: attrs.extrapolationValue as number,
      },
      outputs: [
        {
          shape: [boxes.shape[0] as number, height, width, image.shape[3] as number],
          dtype: "float32",
        },
      ],
    };
  },
  lower(g, [image, boxes, boxInd], { attrs, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const [count, height, width] = shape as [number, number, number, number];
    const source = image as Value;
    const [, imageHeight, imageWidth] = source.shape as [number, number, number, number];
    const corner = (i: number) => {
      const column = g.op("Slice", [g.plain(boxes as Value), g.int64([i]), g.int64([i + 1]), g.int64([1])]);
      return g.reshapeName(column, [count, 1, 1]);
    };
    const y = cropPositions(g, [corner(0), corner(2)], {
      size: imageHeight,
      steps: ramp(g, height, [1, height, 1]),
      count: height,
    });
    const x = cropPositions(g, [corner(1), corner(3)], {
      size: imageWidth,
      steps: ramp(g, width, [1, 1, width]),
      count: width,
    });
    const which = castTo(
      g,
      g.plain(g.reshape(boxInd as Value, [count, 1, 1])),
      (boxInd as Value).dtype,
      "int32",
    );
    const found = sample(g, source, { image: which, y, x }, { bilinear: attrs.bilinear, outside: undefined });
    const visible = lastAxis(g, inside(g, y, x, [imageHeight, imageWidth]));
    return new Value(arithmetic(g).where(visible, found, attrs.extrapolation), shape, "float32");
  },
};

/** Evenly from one side of the box to the other, ends included; the middle when there is but one. */
function cropPositions(
  g: GraphBuilder,
  [first, last]: readonly [string, string],
  axis: { readonly size: number; readonly steps: string; readonly count: number },
): string {
  const a = arithmetic(g);
  const end = axis.size - 1;
  if (axis.count === 1) return a.mul(a.add(first, last), 0.5 * end);
  const step = a.div(a.mul(a.sub(last, first), end), axis.count - 1);
  return a.add(a.mul(first, end), a.mul(axis.steps, step));
}

type FillMode = "constant" | "reflect" | "wrap" | "nearest";

interface Projection {
  readonly size: readonly [number, number];
  readonly bilinear: boolean;
  readonly fillMode: FillMode;
  readonly fillValue: number;
}

/** Each output pixel reads the input where the projective transform [a0..b2, c0, c1] sends it. */
const transform: Kernel<Projection> = {
  name: "Transform",
  record(inputs, attrs) {
    const image = inputs.image as TensorInfo;
    const [n, h, w, c] = image.shape as [number, number, number, number];
    const [height, width] = (attrs.outputShape ?? [h, w]) as [number, number];
    return {
      inputs: [image, inputs.transforms as TensorInfo],
      attrs: {
        size: [height, width],
        bilinear: attrs.interpolation === "bilinear",
        fillMode: attrs.fillMode as FillMode,
        fillValue: attrs.fillValue as number,
      },
      outputs: [{ shape: [n, height, width, c], dtype: image.dtype }],
    };
  },
  lower(g, [image, transforms], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const [n, height, width] = shape as [number, number, number, number];
    const source = image as Value;
    const matrices = transforms as Value;
    const a = arithmetic(g);
    const coefficient = (i: number) =>
      g.reshapeName(g.op("Slice", [g.plain(matrices), g.int64([i]), g.int64([i + 1]), g.int64([1])]), [
        matrices.shape[0] as number,
        1,
        1,
      ]);
    const [column, row] = [ramp(g, width, [1, 1, width]), ramp(g, height, [1, height, 1])];
    const line = (i: number) => a.add(a.mul(coefficient(i), column), a.mul(coefficient(i + 1), row));
    const depth = a.add(line(6), 1);
    const project = (i: number) => a.div(a.add(line(i), coefficient(i + 2)), depth);
    const x = mapped(g, project(0), source.shape[2] as number, attrs.fillMode);
    const y = mapped(g, project(3), source.shape[1] as number, attrs.fillMode);
    const which = g.constant(
      Int32Array.from({ length: n }, (_, i) => i),
      [n, 1, 1],
    );
    const found = sample(
      g,
      source,
      { image: which, y, x },
      { bilinear: attrs.bilinear, outside: attrs.fillValue },
    );
    // Points at infinity are outside.
    const finite = lastAxis(g, g.op("Not", [a.equal(depth, 0)]));
    const filled = a.where(finite, found, attrs.fillValue);
    return new Value(castTo(g, filled, "float32", dtype), shape, dtype);
  },
};

/** A position outside the image brought back inside, as tfjs's fill modes do it. */
function mapped(g: GraphBuilder, at: string, size: number, mode: FillMode): string {
  const a = arithmetic(g);
  if (mode === "constant") return at;
  const end = size - 1;
  if (mode === "nearest" || size === 1) return a.clamp(at, 0, end);
  const [below, above] = [a.less(at, 0), a.greater(at, end)];
  if (mode === "wrap") {
    const up = a.add(at, a.mul(a.add(a.truncate(a.div(a.neg(at), end)), 1), size));
    const down = a.sub(at, a.mul(a.truncate(a.div(at, end)), size));
    return a.clamp(a.where(below, up, a.where(above, down, at)), 0, end);
  }
  const period = 2 * size;
  const raised = a.add(at, a.mul(a.truncate(a.div(a.neg(at), period)), period));
  const fromBelow = a.where(a.less(raised, -size), a.add(raised, period), a.sub(a.neg(raised), 1));
  const lowered = a.sub(at, a.mul(a.truncate(a.div(at, period)), period));
  const fromAbove = a.where(a.greaterOrEqual(lowered, size), a.sub(period - 1, lowered), lowered);
  return a.clamp(a.where(below, fromBelow, a.where(above, fromAbove, at)), 0, end);
}

interface Rotation {
  readonly radians: number;
  readonly fill: number | readonly number[];
  readonly center: readonly [number, number];
}

/** The angle is fixed, so which pixel goes where is a constant table. */
const rotate: Kernel<Rotation> = {
  name: "RotateWithOffset",
  record(inputs, attrs) {
    const image = inputs.image as TensorInfo;
    const [, height, width] = image.shape as [number, number, number, number];
    const center = backend_util.getImageCenter(attrs.center as number, height, width) as [number, number];
    const { radians, fillValue } = attrs as { radians: number; fillValue: number | number[] };
    return {
      inputs: [image],
      attrs: { radians, fill: fillValue, center },
      outputs: [{ shape: image.shape, dtype: image.dtype }],
    };
  },
  lower(g, [image], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const [n, height, width, channels] = shape as [number, number, number, number];
    const table = rotated([height, width], attrs);
    const pixels = g.plain(g.reshape(image as Value, [n, height * width, channels]));
    const safe = table.map((source) => Math.max(0, source));
    const found = g.op("Gather", [pixels, g.constant(safe, [table.length])], { axis: 1 });
    const known = g.constant(
      Uint8Array.from(table, (source) => Number(source >= 0)),
      [1, table.length, 1],
    );
    // A list of fill values is a colour: its alpha channel, if there is one, is opaque.
    const { fill } = attrs;
    const colour = Float32Array.from({ length: channels }, (_, c) =>
      typeof fill === "number" ? fill : c === 3 ? 255 : (fill[c] ?? 0),
    );
    const filler = castTo(g, g.constant(colour, [1, 1, channels]), "float32", dtype);
    return new Value(g.reshapeName(g.op("Where", [known, found, filler]), shape), shape, dtype);
  },
};

/** For each pixel the one it comes from, or -1. */
function rotated([height, width]: readonly [number, number], { radians, center }: Rotation): Int32Array {
  const [sin, cos] = [Math.sin(radians), Math.cos(radians)];
  return Int32Array.from({ length: height * width }, (_, i) => {
    const [dx, dy] = [(i % width) - center[0], Math.floor(i / width) - center[1]];
    const x = Math.round(dx * cos - dy * sin + center[0]);
    const y = Math.round(dx * sin + dy * cos + center[1]);
    return x >= 0 && x < width && y >= 0 && y < height ? y * width + x : -1;
  });
}

export const samplingKernels: readonly Kernel[] = [cropAndResize, transform, rotate] as Kernel[];
