import { describe, expect, it } from "vitest";
import { copyCrop, cropImage, imageOfBatch, toSharp } from "../../src/data/images.js";
import { noise } from "./temporary.js";

/** 3×4 image whose pixel at row r, column c is [10r + c, 100 + c, 200 + r]. */
const image = {
  height: 3,
  width: 4,
  pixels: Uint8Array.from(
    [0, 1, 2].flatMap((r) => [0, 1, 2, 3].flatMap((c) => [10 * r + c, 100 + c, 200 + r])),
  ),
};

describe("copyCrop", () => {
  it("copies the rectangle's rows", () => {
    const crop = cropImage(image, { top: 1, left: 2, height: 2, width: 2 });
    expect([...crop.pixels]).toEqual([12, 102, 201, 13, 103, 201, 22, 102, 202, 23, 103, 202]);
    expect([crop.height, crop.width]).toEqual([2, 2]);
  });

  it("mirrors columns but not channels, and writes only its own bytes", () => {
    const into = new Uint8Array(12).fill(7);
    copyCrop(image, { top: 2, left: 1, height: 1, width: 3 }, { into, offset: 2, flipped: true });
    expect([...into]).toEqual([7, 7, 23, 103, 202, 22, 102, 202, 21, 101, 202, 7]);
  });
});

describe("imageOfBatch", () => {
  const batch = {
    pixels: noise(1, { height: 6, width: 5 }).pixels,
    count: 2,
    height: 3,
    width: 5,
    files: ["a", "b"],
  };

  it("is the image's part of the batch", () => {
    expect(imageOfBatch(batch, 1).pixels).toEqual(batch.pixels.slice(45));
  });

  it("refuses an index that is not there", () => {
    expect(() => imageOfBatch(batch, 2)).toThrow(RangeError);
    expect(() => imageOfBatch(batch, -1)).toThrow(RangeError);
  });
});

describe("toSharp", () => {
  it("keeps sides and bytes", async () => {
    const { data, info } = await toSharp(image).raw().toBuffer({ resolveWithObject: true });
    expect([info.height, info.width, info.channels]).toEqual([3, 4, 3]);
    expect([...data]).toEqual([...image.pixels]);
  });
});
