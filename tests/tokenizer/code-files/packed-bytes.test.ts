import fc from "fast-check";
import { expect, it } from "vitest";
import {
  bitsPerIndex,
  packedLength,
  packIndices,
  unpackIndices,
} from "../../../src/tokenizer/code-files/packed-bytes.js";

it.each([
  [1, 1], // a codebook of one code still takes a bit
  [2, 1],
  [3, 2],
  [256, 8],
  [257, 9],
  [65_536, 16],
  [65_537, 17],
  [2 ** 24, 24],
  [2 ** 32, 32],
])("a codebook of %i codes takes %i bits an index", (codebookSize, bits) => {
  expect(bitsPerIndex(codebookSize)).toBe(bits);
});

it("puts the first index into the lowest bits of the first byte", () => {
  // 5 = 101, 1 = 001, 6 = 110: as one number 110 001 101 in binary, 0x18d.
  expect([...packIndices(Uint16Array.of(5, 1, 6), 3)]).toEqual([0x8d, 0x01]);
});

it("packs as one large number would be, of any width, and back", () => {
  const widths = fc.integer({ min: 1, max: 32 });
  fc.assert(
    fc.property(
      widths.chain((b) => fc.tuple(fc.constant(b), fc.array(fc.nat(2 ** b - 1), { minLength: 1 }))),
      ([bits, values]) => {
        const number = values.reduce((sum, value, i) => sum | (BigInt(value) << BigInt(i * bits)), 0n);
        const indices = bits <= 16 ? Uint16Array.from(values) : Uint32Array.from(values);
        const bytes = packIndices(indices, bits);
        expect(bytes.length).toBe(packedLength(values.length, bits));
        expect([...bytes].reduce((sum, byte, i) => sum | (BigInt(byte) << BigInt(8 * i)), 0n)).toBe(number);
        expect(unpackIndices(bytes, { count: values.length, codebookSize: 2 ** bits })).toEqual(indices);
      },
    ),
    { numRuns: 200, seed: 3 },
  );
});
