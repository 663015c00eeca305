import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { centerCrop, gridCrops, type Rect, randomCrop, resizedSize } from "../../src/data/geometry.js";

describe("resizedSize", () => {
  it("keeps the size when nothing asks for another", () => {
    expect(resizedSize({ height: 30, width: 50 }, {})).toEqual({ height: 30, width: 50 });
    const rule = { resize: null, cover: { height: 30, width: 49 } };
    expect(resizedSize({ height: 30, width: 50 }, rule)).toEqual({ height: 30, width: 50 });
  });

  it("brings the shorter side to the given length, up or down", () => {
    // 20/30 · 50 = 33.3
    expect(resizedSize({ height: 30, width: 50 }, { resize: 20 })).toEqual({ height: 20, width: 33 });
    expect(resizedSize({ height: 50, width: 30 }, { resize: 20 })).toEqual({ height: 33, width: 20 });
    // 64/30 · 50 = 106.7
    expect(resizedSize({ height: 30, width: 50 }, { resize: 64 })).toEqual({ height: 64, width: 107 });
  });

  it("enlarges what does not cover the crop, by the side that lacks most", () => {
    // Height needs 40/30 = 1.33, width 60/20 = 3: both sides times 3.
    const rule = { cover: { height: 40, width: 60 } };
    expect(resizedSize({ height: 30, width: 20 }, rule)).toEqual({ height: 90, width: 60 });
    // A resize to 10 would leave 15×10, so the cover decides again.
    expect(resizedSize({ height: 30, width: 20 }, { ...rule, resize: 10 })).toEqual({
      height: 90,
      width: 60,
    });
  });

  it("takes a size as it is told, or the largest inside it", () => {
    const size = { height: 40, width: 60 };
    expect(resizedSize({ height: 7, width: 300 }, { exactly: size })).toEqual(size);
    // 40/30 = 1.33 and 60/20 = 3: height decides, and 20 · 1.33 = 26.7.
    expect(resizedSize({ height: 30, width: 20 }, { inside: size })).toEqual({ height: 40, width: 27 });
    // 60/300 = 0.2: width decides, and 100 · 0.2 = 20.
    expect(resizedSize({ height: 100, width: 300 }, { inside: size })).toEqual({ height: 20, width: 60 });
    // 60/1000 of 3 rows is less than one.
    expect(resizedSize({ height: 3, width: 1000 }, { inside: size })).toEqual({ height: 1, width: 60 });
  });

  it("never rounds a side below the crop or to nothing", () => {
    // Only width needs 7/3; 10 · 7/3 = 23.3.
    expect(resizedSize({ height: 10, width: 3 }, { cover: { height: 23, width: 7 } })).toEqual({
      height: 23,
      width: 7,
    });
    for (let n = 1; n < 200; n++) {
      const size = resizedSize({ height: n, width: n + 7 }, { resize: 49, cover: { height: 49, width: 13 } });
      expect(size.height).toBe(49);
    }
  });
});

describe("crops", () => {
  it("centre puts the odd pixel below and to the right", () => {
    expect(centerCrop({ height: 11, width: 8 }, { height: 4, width: 5 })).toEqual({
      top: 3,
      left: 1,
      height: 4,
      width: 5,
    });
  });

  it("random reaches every position that fits, and no other", () => {
    const random = new Random(5);
    const seen = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const { top, left, ...size } = randomCrop({ height: 6, width: 9 }, { height: 4, width: 8 }, random);
      expect(size).toEqual({ height: 4, width: 8 });
      seen.add(`${top},${left}`);
    }
    // (6 − 4 + 1) · (9 − 8 + 1) positions
    expect([...seen].sort()).toEqual(["0,0", "0,1", "1,0", "1,1", "2,0", "2,1"]);
  });
});

describe("gridCrops", () => {
  const positions = (rects: Rect[]) => rects.map(({ top, left }) => [top, left]);

  it("is the largest grid of whole crops, centred, row by row", () => {
    // 2 rows of 4 in 11: margin 3, so the first at 1. 3 columns of 5 in 17: margin 2, so the first at 1.
    const rects = gridCrops({ height: 11, width: 17 }, { height: 4, width: 5 }, 100);
    expect(positions(rects)).toEqual([
      [1, 1],
      [1, 6],
      [1, 11],
      [5, 1],
      [5, 6],
      [5, 11],
    ]);
  });

  it("spreads a limited number over rows and columns", () => {
    // 16×16 cells, 16 of them: rows and columns 2, 6, 10, 14.
    const rects = gridCrops({ height: 160, width: 160 }, { height: 10, width: 10 }, 16);
    const expected = [20, 60, 100, 140].flatMap((top) => [20, 60, 100, 140].map((left) => [top, left]));
    expect(positions(rects)).toEqual(expected);
  });

  it("takes exactly min(limit, cells) different cells for every shape and limit", () => {
    for (const [rows, columns] of [
      [1, 9],
      [9, 1],
      [3, 7],
      [7, 3],
      [5, 5],
    ] as const) {
      for (let limit = 1; limit <= 40; limit++) {
        const image = { height: rows * 4, width: columns * 6 };
        const rects = gridCrops(image, { height: 4, width: 6 }, limit);
        const cells = new Set(rects.map(({ top, left }) => `${top},${left}`));
        expect(cells.size).toBe(Math.min(limit, rows * columns));
        expect(rects).toHaveLength(cells.size);
        for (const { top, left } of rects) {
          expect([top % 4, left % 6]).toEqual([0, 0]);
          expect(top + 4).toBeLessThanOrEqual(image.height);
          expect(left + 6).toBeLessThanOrEqual(image.width);
        }
      }
    }
  });
});
