import { type IndexArray, indexArray } from "../codes.js";

/** Bits that are moved at once. */
const PIECE = 16;
const PIECE_MASK = 2 ** PIECE - 1;

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
  let at = 0;
  let pending = 0;
  let pendingBits = 0;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    // In pieces, so that 32-bit arithmetic holds one beside what is pending.
    for (let done = 0; done < bits; done += PIECE) {
      pending |= ((index >>> done) & PIECE_MASK) << pendingBits;
      pendingBits += Math.min(bits - done, PIECE);
      for (; pendingBits >= 8; pendingBits -= 8) {
        bytes[at++] = pending;
        pending >>>= 8;
      }
    }
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
  let at = 0;
  let pending = 0;
  let pendingBits = 0;
  for (let i = 0; i < count; i++) {
    let index = 0;
    for (let done = 0; done < bits; done += PIECE) {
      const width = Math.min(bits - done, PIECE);
      for (; pendingBits < width; pendingBits += 8) pending |= (bytes[at++] as number) << pendingBits;
      index |= (pending & (2 ** width - 1)) << done;
      pending >>>= width;
      pendingBits -= width;
    }
    indices[i] = index; // as 32 bits, whatever sign the arithmetic gave them
  }
  return indices;
}
