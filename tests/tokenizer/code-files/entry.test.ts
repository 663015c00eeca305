import { expect, it } from "vitest";
import { entriesOf, indexFault, indicesFrom } from "../../../src/tokenizer/code-files/entry.js";
import { codesOf } from "./samples.js";

it("entriesOf gives each image its own indices, without a copy", () => {
  // Three images of 2×3 positions with 2 codebooks: 12 indices each.
  const codes = codesOf({ seed: 9, count: 3 });
  const entries = entriesOf(codes);
  expect(entries.map(({ image }) => image)).toEqual(codes.images);
  expect(entries.map(({ indices }) => [...indices])).toEqual(
    [0, 12, 24].map((at) => [...codes.indices.slice(at, at + 12)]),
  );
  const [, second] = entries;
  expect([second?.gridHeight, second?.gridWidth]).toEqual([2, 3]);
  codes.indices[12] = 7;
  expect(second?.indices[0]).toBe(7);
});

const place = { name: "a.jpg", gridWidth: 3, numCodebooks: 2 };

it.each([
  [65_536, Uint16Array.of(0, 65_535)],
  [65_537, Uint32Array.of(0, 65_536)],
])("indicesFrom takes every index of %i codes, in the array that holds them", (codebookSize, expected) => {
  expect(indicesFrom([0, codebookSize - 1], { ...place, codebookSize })).toEqual(expected);
});

it.each([900, -1, 1.5, Number.NaN, "3", null, undefined])("indicesFrom refuses %s", (value) => {
  const values = [0, 899, value, 4];
  expect(() => indicesFrom(values, { ...place, codebookSize: 900 })).toThrow(
    expect.objectContaining({
      code: "format",
      message: expect.stringMatching(
        /^image "a\.jpg", row 0, column 1, codebook 0: expected an index in 0\.\.899, got /,
      ),
    }),
  );
});

it("indexFault counts positions row by row, the codebooks of one together", () => {
  // Number 15 is codebook 1 of position 7: row 2, column 1 of three columns.
  expect(indexFault(9, 15, { ...place, codebookSize: 5 }).message).toBe(
    'image "a.jpg", row 2, column 1, codebook 1: expected an index in 0..4, got 9.',
  );
});
