import { describe, expect, it } from "vitest";
import { type Codes, concatCodes, sliceCodes } from "../../src/tokenizer/index.js";

const codes: Codes = {
  indices: Uint16Array.of(10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33),
  shape: [3, 2, 1, 2],
  codebookSize: 40,
  images: ["a", "b", "c"].map((name) => ({ name, width: 4, height: 8 })),
  fingerprint: "f",
};

describe("sliceCodes", () => {
  it("takes some of the images, without a copy", () => {
    const some = sliceCodes(codes, 1);
    expect(some).toEqual({
      ...codes,
      indices: Uint16Array.of(20, 21, 22, 23, 30, 31, 32, 33),
      shape: [2, 2, 1, 2],
      images: codes.images.slice(1),
    });
    expect(some.indices.buffer).toBe(codes.indices.buffer);
    expect(sliceCodes(codes, 0, 1).images.map(({ name }) => name)).toEqual(["a"]);
  });

  it.each([
    [-1, 1],
    [0, 4],
    [2, 2],
    [0.5, 1],
  ])("refuses images %d to %d", (start, end) => {
    expect(() => sliceCodes(codes, start, end)).toThrow(RangeError);
  });
});

describe("concatCodes", () => {
  it("puts parts together in order, as a copy", () => {
    const parts = [sliceCodes(codes, 2), sliceCodes(codes, 0, 2)];
    const whole = concatCodes(parts);
    expect(whole.indices).toEqual(Uint16Array.of(30, 31, 32, 33, 10, 11, 12, 13, 20, 21, 22, 23));
    expect(whole.shape).toEqual([3, 2, 1, 2]);
    expect(whole.images.map(({ name }) => name)).toEqual(["c", "a", "b"]);
    expect(whole.indices.buffer).not.toBe(codes.indices.buffer);
  });

  it("refuses nothing, two grids and two models", () => {
    const turned: Codes = { ...codes, shape: [3, 1, 2, 2] };
    const foreign: Codes = { ...codes, fingerprint: "g" };
    expect(() => concatCodes([])).toThrow(expect.objectContaining({ code: "codes" }));
    expect(() => concatCodes([codes, turned])).toThrow(/got 2×1 for a and 1×2 for a/);
    expect(() => concatCodes([codes, foreign])).toThrow(/expected those of model f, got those of model g/);
  });
});
