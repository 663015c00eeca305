import { describe, expect, it } from "vitest";
import type { OnnxTokenizer } from "../../../src/export/onnx/onnx-tokenizer.js";
import { checkRoundTrip, compareRoundTrip } from "../../../src/export/onnx/round-trip.js";
import type { Tokenizer } from "../../../src/tokenizer/index.js";

/** 5×3 pixels of which a factor of 4 makes two cells, decoded to 8×4. */
const image = { pixels: Uint8Array.from({ length: 45 }, (_, i) => 5 * i), height: 3, width: 5 };
const shape = [1, 1, 2, 1] as const;

/** The live model and files that differ from it in an index, or at a byte of the decoded 8×4 pixels. */
async function compared({ index = 9, byte = 0, by = 0 }) {
  const live = {
    encode: async () => ({ indices: Uint16Array.of(4, 9), shape }),
    decode: async () => image,
  } as unknown as Tokenizer;
  const pixels = new Uint8Array(8 * 4 * 3).fill(77); // beyond the image, where nothing is compared
  for (let y = 0; y < 3; y++) pixels.set(image.pixels.subarray(15 * y, 15 * y + 15), 24 * y);
  pixels[byte] = (pixels[byte] as number) + by;
  const exported = {
    encode: async () => ({ indices: Int32Array.of(4, index), shape }),
    decode: async () => ({ pixels, height: 4, width: 8 }),
  } as unknown as OnnxTokenizer;
  const samples = {
    description: "1 image",
    count: 1,
    warnings: [],
    images: async function* () {
      yield { name: "cat.png", image };
    },
  };
  return compareRoundTrip(live, exported, { samples, borderline: async () => 0 });
}

describe("the gate of an export", () => {
  it("lets through what is equal, and pixels that are one of 255 apart", async () => {
    checkRoundTrip(await compared({}));
    // Row 2, the last byte of the image's 5 pixels.
    const result = await compared({ byte: 2 * 24 + 14, by: -1 });
    expect(result).toEqual({
      on: "1 image",
      images: 1,
      indices: 2,
      differingIndices: 0,
      borderlineIndices: 0,
      pixelValues: 45,
      differingPixelValues: 1,
      largestPixelDifference: 1,
    });
    checkRoundTrip(result);
  });

  it("stops an index that differs, and says where", async () => {
    const result = await compared({ index: 3 });
    expect(() => checkRoundTrip(result)).toThrow(
      /^encoder\.onnx: expected the live model's indices, got 1 of 2 that differ \(images: 1; on the border between two codes: 0; the first: cat\.png, row 0, column 1\)\. Nothing was written\./,
    );
  });

  it("lets through one in 10,000 whose latent lies on a border, and no other", async () => {
    const result = await compared({});
    const gate = (indices: number, differingIndices: number, borderlineIndices: number) =>
      checkRoundTrip({ ...result, indices, differingIndices, borderlineIndices });
    gate(10_000, 1, 1);
    gate(29_999, 2, 2);
    for (const [indices, differing, borderline] of [
      [9_999, 1, 1],
      [29_999, 3, 3],
      [1_000_000, 2, 1],
    ] as const) {
      expect(() => gate(indices, differing, borderline)).toThrow(/expected the live model's indices/);
    }
  });

  it("stops a pixel that is two of 255 apart", async () => {
    const result = await compared({ byte: 24 + 3, by: 2 });
    expect(() => checkRoundTrip(result)).toThrow(
      /^decoder\.onnx: expected the live model's pixels within 1 of 255, got a difference of 2 among 45 values/,
    );
  });

  it("compares nothing beyond the image's own size", async () => {
    expect((await compared({ byte: 15, by: 50 })).differingPixelValues).toBe(0);
    expect((await compared({ byte: 3 * 24, by: 50 })).differingPixelValues).toBe(0);
  });
});
