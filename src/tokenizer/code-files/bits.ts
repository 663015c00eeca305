import { type IndexArray, indexArray } from "../codes.js";

/** Bits that every index in 0..codebookSize-1 fits into, at least 1. */
export function bitsPerIndex(codebookSize: number): number {
  return Math.max(1, Math.ceil(Math.log2(codebookSize)));
}

/** Bytes of `count` packed indices; the bits that are left over in the last one are 0. */
export function packedLength(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/**
 * Packs indices, the first in the lowest bits of the first byte: index i takes the bits i·b to i·b + b - 1, where bit n
 * is bit n mod 8 of byte ⌊n / 8⌋. Bits run on from one byte to the next without a gap.
 *
 * @param bits of each, 1..32
 */
export function packIndices(indices: IndexArray, bits: number): Uint8Array {
  const bytes = new Uint8Array(packedLength(indices.length, bits));
  const low = Math.min(bits, 16); // in two pieces, so that 32-bit arithmetic holds them beside what is pending
  let at = 0;
  let pending = 0;
  let pendingBits = 0;
  const put = (value: number, width: number): void => {
    pending |= value << pendingBits;
    pendingBits += width;
    for (; pendingBits >= 8; pendingBits -= 8) {
      bytes[at++] = pending & 0xff;
      pending >>>= 8;
    }
  };
  for (const index of indices) {
    put(index & (2 ** low - 1), low);
    if (bits > low) put(index >>> low, bits - low);
  }
  if (pendingBits > 0) bytes[at] = pending;
  return bytes;
}

/** The way back. @param bytes at least `packedLength(count, bits)` */
export function unpackIndices(
  bytes: Uint8Array,
  { count, codebookSize }: { readonly count: number; readonly codebookSize: number },
): IndexArray {
  const indices = indexArray(codebookSize, count);
  const bits = bitsPerIndex(codebookSize);
  const low = Math.min(bits, 16);
  let at = 0;
  let pending = 0;
  let pendingBits = 0;
  const take = (width: number): number => {
    for (; pendingBits < width; pendingBits += 8) pending |= (bytes[at++] as number) << pendingBits;
    const value = pending & (2 ** width - 1);
    pending >>>= width;
    pendingBits -= width;
    return value;
  };
  for (let i = 0; i < count; i++) {
    const value = take(low);
    indices[i] = bits > low ? value + take(bits - low) * 2 ** low : value;
  }
  return indices;
}
