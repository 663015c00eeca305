import { floatsOfBfloats, floatsOfHalves } from "./half-floats.js";

/**
 * Element types of stored arrays, by their safetensors names, and the typed array that holds each. F16 and BF16 are held
 * as the bits that stand in the file, see `floatsOf`; BOOL as 0 and 1.
 */
export interface TensorArrays {
  F64: Float64Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  F32: Float32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I32: Int32Array;
  U32: Uint32Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

export type TensorDtype = keyof TensorArrays;

/** An array as it stands in a file: row-major values and their shape; [] is one value. */
export type StoredTensor = {
  [D in TensorDtype]: {
    readonly dtype: D;
    readonly shape: readonly number[];
    readonly data: TensorArrays[D];
  };
}[TensorDtype];

/** Arrays by name. */
export type TensorMap = ReadonlyMap<string, StoredTensor>;

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): TensorArrays[TensorDtype];
}

// A Map, not an object: names come from files, and "constructor" is no dtype.
const TYPES: ReadonlyMap<string, ArrayType> = new Map<TensorDtype, ArrayType>([
  ["F64", Float64Array],
  ["I64", BigInt64Array],
  ["U64", BigUint64Array],
  ["F32", Float32Array],
  ["F16", Uint16Array],
  ["BF16", Uint16Array],
  ["I32", Int32Array],
  ["U32", Uint32Array],
  ["I16", Int16Array],
  ["U16", Uint16Array],
  ["I8", Int8Array],
  ["U8", Uint8Array],
  ["BOOL", Uint8Array],
]);

export const KNOWN_DTYPES: readonly string[] = [...TYPES.keys()];

export function isDtype(name: unknown): name is TensorDtype {
  return typeof name === "string" && TYPES.has(name);
}

export function bytesPerElement(dtype: TensorDtype): number {
  return typeOf(dtype).BYTES_PER_ELEMENT;
}

/** Product of a shape, or undefined when a side is no integer >= 0 or the product passes 2^53. */
export function elementCount(shape: readonly unknown[]): number | undefined {
  let count = 1;
  for (const side of shape) {
    if (typeof side !== "number" || !Number.isSafeInteger(side) || side < 0 || Object.is(side, -0)) {
      return undefined;
    }
    count *= side;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** An array over a buffer that holds exactly its values (little-endian, as every host that tfjs and ONNX Runtime run on). */
export function tensorOver(dtype: TensorDtype, shape: readonly number[], buffer: ArrayBuffer): StoredTensor {
  const data = new (typeOf(dtype))(buffer);
  return { dtype, shape, data } as StoredTensor; // the constructor table ties data to dtype
}

/** The bytes of an array's values, without a copy. */
export function bytesOf({ data }: StoredTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * The values of a floating-point array as float32, rounded where they were F64; F32 without a copy.
 *
 * @returns undefined for integers and BOOL
 */
export function floatsOf({ dtype, data }: StoredTensor): Float32Array | undefined {
  switch (dtype) {
    case "F32":
      return data;
    case "F64":
      return Float32Array.from(data);
    case "F16":
      return floatsOfHalves(data);
    case "BF16":
      return floatsOfBfloats(data);
    default:
      return undefined;
  }
}

/** Why an array contradicts itself, or undefined when it does not. */
export function tensorFault({ dtype, shape, data }: StoredTensor): string | undefined {
  if (!isDtype(dtype)) return `expected dtype ${KNOWN_DTYPES.join(", ")}, got "${String(dtype)}".`;
  if (!(data instanceof typeOf(dtype))) {
    return `expected ${typeOf(dtype).name} for ${dtype}, got ${data.constructor.name}.`;
  }
  if (elementCount(shape) !== data.length) {
    return `expected as many values as the shape [${shape.join(",")}] has, got ${data.length}.`;
  }
  return undefined;
}

function typeOf(dtype: TensorDtype): ArrayType & { readonly name: string } {
  return TYPES.get(dtype) as ArrayType & { readonly name: string };
}
