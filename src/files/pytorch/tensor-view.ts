import { elementCount, type StoredTensor, type TensorDtype, tensorOver } from "../tensor-data.js";

/** Values that several tensors may share, as a file of an archive has them. */
export interface Storage {
  /** Its name in the archive. */
  readonly key: string;
  readonly dtype: TensorDtype;
  /** Elements. */
  readonly count: number;
}

/** Reads elements of a storage, from `offset` on; their bytes. */
export type ReadStorage = (
  storage: Storage,
  offset: number,
  length: number,
) => Promise<Uint8Array<ArrayBuffer>>;

/** A tensor as it is pickled: a view of a storage. */
export class TensorView {
  /** @param offset the first element's place in the storage @param strides elements from one index to the next */
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** Why a view cannot stand in its storage, or undefined when it does. */
export function viewFault({ storage, offset, shape, strides }: TensorView): string | undefined {
  const count = elementCount(shape);
  const places =
    elementCount([offset]) !== undefined && strides.every((each) => elementCount([each]) !== undefined);
  if (count === undefined || !places || strides.length !== shape.length)
    return "a shape or strides that are no sizes";
  if (count > storage.count) return "more elements than its storage has";
  if (count > 0 && endOf(shape, strides, offset) > storage.count)
    return "elements past the end of its storage";
  return undefined;
}

/** The elements of a storage that a view needs: from its first to its last. */
export function extentOf({ offset, shape, strides }: TensorView): {
  readonly offset: number;
  readonly length: number;
} {
  if (shape.includes(0)) return { offset, length: 0 };
  return { offset, length: endOf(shape, strides, offset) - offset };
}

/** @param values the elements of `extentOf(view)`, in a buffer of their own */
export function contiguous({ storage, shape, strides }: TensorView, values: ArrayBuffer): StoredTensor {
  const source = tensorOver(storage.dtype, [], values).data;
  if (isRowMajor(shape, strides)) return tensorOver(storage.dtype, shape, values);
  const count = elementCount(shape) as number;
  const target = tensorOver(storage.dtype, shape, new ArrayBuffer(count * source.BYTES_PER_ELEMENT));
  gather(source as Float32Array, target.data as Float32Array, { shape, strides }); // one type of array, whichever it is
  return target;
}

function gather(
  source: Float32Array,
  target: Float32Array,
  { shape, strides }: Pick<TensorView, "shape" | "strides">,
): void {
  const index = Array<number>(shape.length).fill(0);
  let from = 0;
  for (let at = 0; at < target.length; at++) {
    target[at] = source[from] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      from += stride;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= stride * (shape[axis] as number);
      index[axis] = 0;
    }
  }
}

function endOf(shape: readonly number[], strides: readonly number[], offset: number): number {
  return shape.reduce((end, side, axis) => end + (side - 1) * (strides[axis] as number), offset) + 1;
}

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false;
    step *= shape[axis] as number;
  }
  return true;
}
