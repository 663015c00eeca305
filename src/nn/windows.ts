import type { Attributes } from "../backend/index.js";
import { ShapeError } from "../core/errors.js";
import * as tf from "../tf/index.js";
import type { ImageValue } from "./image-value.js";

/** Rows and columns; one number stands for both. */
export type Sides = number | readonly [rows: number, columns: number];

/** Zeros outside each edge of the image; one number stands for all four. */
export type Padding =
  | number
  | { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };

/** Windows over an image as a layer's options have them. */
export interface WindowOptions {
  readonly kernel: Sides;
  /** Default 1. */
  readonly stride?: Sides;
  /** Default 0. */
  readonly padding?: Padding;
}

/** Windows over an image, all of it written out. */
export interface Windows {
  readonly kernel: readonly [rows: number, columns: number];
  readonly stride: readonly [rows: number, columns: number];
  /** Top, left, bottom, right, as ONNX has them. */
  readonly pads: readonly [number, number, number, number];
}

/** @throws RangeError naming the option that is no integer of its range */
export function windowsOf({ kernel, stride = 1, padding = 0 }: WindowOptions, where: string): Windows {
  const { top, left, bottom, right } =
    typeof padding === "number" ? { top: padding, left: padding, bottom: padding, right: padding } : padding;
  const windows: Windows = { kernel: pair(kernel), stride: pair(stride), pads: [top, left, bottom, right] };
  check(windows.kernel, 1, `${where}: kernel`);
  check(windows.stride, 1, `${where}: stride`);
  check(windows.pads, 0, `${where}: padding`);
  return windows;
}

/** Zeros that keep the size of an image under windows of stride 1; for an even side the odd one stands at the end. */
export function keepingSize(kernel: Sides): Padding {
  const [rows, columns] = pair(kernel);
  const before = (side: number) => Math.floor((side - 1) / 2);
  return {
    top: before(rows),
    bottom: rows - 1 - before(rows),
    left: before(columns),
    right: columns - 1 - before(columns),
  };
}

/**
 * How many windows there are down and across: windows that would end outside the padding are left out.
 *
 * @throws ShapeError where there is none
 */
export function windowCount(
  { kernel, stride, pads }: Windows,
  [height, width]: readonly [number, number, ...number[]],
  where: string,
): readonly [height: number, width: number] {
  const count = (side: number, axis: 0 | 1) =>
    Math.floor((side + pads[axis] + (pads[axis + 2] as number) - kernel[axis]) / stride[axis]) + 1;
  const counts = [count(height, 0), count(width, 1)] as const;
  if (counts[0] >= 1 && counts[1] >= 1) return counts;
  const least = ([0, 1] as const).map((axis) => kernel[axis] - pads[axis] - (pads[axis + 2] as number));
  throw new ShapeError(where, `[N,H,W,C] with H >= ${least[0]} and W >= ${least[1]}`, [height, width]);
}

/** Windows as the engine's operators take them: its own words for padding where they mean the same. */
export function enginePadding(
  { kernel, stride, pads }: Windows,
  x: tf.Tensor4D,
): "valid" | "same" | tf.backend_util.ExplicitPadding {
  if (pads.every((pad) => pad === 0)) return "valid";
  const isSame = ([0, 1] as const).every((axis) => {
    const side = x.shape[axis + 1] as number;
    const total = Math.max(0, (Math.ceil(side / stride[axis]) - 1) * stride[axis] + kernel[axis] - side);
    return pads[axis] === Math.floor(total / 2) && pads[axis + 2] === Math.ceil(total / 2);
  });
  if (isSame) return "same";
  const [top, left, bottom, right] = pads;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/** An image and its padding as the engine's convolutions take them. tfjs-node's gradients know no explicit padding. */
export function padded(x: tf.Tensor4D, windows: Windows): [tf.Tensor4D, ReturnType<typeof enginePadding>] {
  const padding = enginePadding(windows, x);
  const isExplicit = typeof padding !== "string";
  return isExplicit && tf.getBackend() === "tensorflow" ? [tf.pad(x, padding), "valid"] : [x, padding];
}

/** Windows as attributes of ONNX operators. */
export function onnxWindows({ kernel, stride, pads }: Windows): Attributes {
  return { kernel_shape: kernel, strides: stride, pads };
}

/** The sides of what windows over `x` make. They have a new name where they are no fraction of the old ones. */
export function gridAfter(
  { kernel, stride, pads }: Windows,
  x: ImageValue,
  name: string,
): Pick<ImageValue, "grid" | "scale"> {
  const [step] = stride;
  // Of a side that is a multiple of the stride s, windows of k with p zeros in all make exactly side/s where k-s <= p < k.
  const isFraction = ([0, 1] as const).every((axis) => {
    const zeros = pads[axis] + (pads[axis + 2] as number);
    const isExact = kernel[axis] - step <= zeros && zeros < kernel[axis];
    return stride[axis] === step && x.scale % step === 0 && isExact;
  });
  return isFraction ? { grid: x.grid, scale: x.scale / step } : { grid: name, scale: 1 };
}

function pair(sides: Sides): readonly [number, number] {
  return typeof sides === "number" ? [sides, sides] : sides;
}

function check(values: readonly number[], least: number, where: string): void {
  const wrong = values.find((value) => !Number.isSafeInteger(value) || value < least);
  if (wrong !== undefined) throw new RangeError(`${where}: expected integers >= ${least}, got ${wrong}.`);
}
