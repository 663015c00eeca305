import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cropImage, type RgbImage } from "../../src/data/index.js";
import type { CodedImage } from "../../src/tokenizer/codes.js";
import { type Tile, tileLayout, tilesOf } from "../../src/tokenizer/tiles.js";
import { WholeImages } from "../../src/tokenizer/whole-images.js";
import { noise } from "../data/temporary.js";

const factor = 4;

/** An image of which `pixel` says the value at a place; padded by its own continuation. */
function painted(
  height: number,
  width: number,
  pixel: (y: number, x: number, channel: number) => number,
): RgbImage {
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) =>
    pixel(Math.floor(i / 3 / width), Math.floor(i / 3) % width, i % 3),
  );
  return { pixels, height, width };
}

function cut(height: number, width: number, tile: number, overlap: number): Tile[] {
  return tilesOf(
    "a",
    tileLayout({ height, width }, { tile: { height: tile, width: tile + 4 }, overlap, factor }),
  );
}

function padded(n: number): number {
  return Math.ceil(n / factor) * factor;
}

describe("WholeImages", () => {
  it("puts tiles that agree together to the very image they were cut from", () => {
    const shapes = fc.record({
      height: fc.integer({ min: 1, max: 90 }),
      width: fc.integer({ min: 1, max: 90 }),
      tile: fc.integer({ min: 2, max: 8 }).map((n) => 4 * n),
      half: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(shapes, ({ height, width, tile, half }) => {
        const image = { ...noise(height * 100 + width, { height: padded(height), width: padded(width) }) };
        const from = { pixels: image.pixels, height: padded(height), width: padded(width) };
        const tiles = cut(height, width, tile, Math.min(4 * half, Math.floor(tile / 8) * 4));
        const images = new WholeImages(factor);
        const made = tiles.map(({ rect, coded }) => images.add(cropImage(from, rect), coded));
        images.end();
        expect(made.slice(0, -1).every((each) => each === undefined)).toBe(true);
        const whole = made.at(-1);
        expect([whole?.height, whole?.width]).toEqual([height, width]);
        expect(whole?.pixels).toEqual(cropImage(from, { top: 0, left: 0, height, width }).pixels);
      }),
      { seed: 6, numRuns: 60 },
    );
  });

  it("goes from one tile's value to the next's without a step", () => {
    // Left 100, right 116, in both rows of tiles; 16 pixels of overlap.
    const tiles = cut(40, 48, 28, 12).filter(({ coded }) => coded.tile !== undefined);
    expect(new Set(tiles.map(({ rect }) => rect.left))).toEqual(new Set([0, 16]));
    const images = new WholeImages(factor);
    const made = tiles.map(({ rect, coded }) =>
      images.add(
        painted(rect.height, rect.width, () => (rect.left === 0 ? 100 : 116)),
        coded,
      ),
    );
    const row = Array.from({ length: 48 }, (_, x) => made.at(-1)?.pixels[x * 3] as number);
    expect(row.slice(0, 16)).toEqual(Array(16).fill(100));
    expect(row.slice(32)).toEqual(Array(16).fill(116));
    // 16·(3u² - 2u³) rises by 16 · 1.5 / 16 = 1.5 a pixel at most: rounded, by 2.
    for (let x = 1; x < 48; x++) {
      const step = (row[x] as number) - (row[x - 1] as number);
      expect(step).toBeGreaterThanOrEqual(0);
      expect(step).toBeLessThanOrEqual(2);
    }
    expect(row[23]).toBe(108 - 1);
    expect(row[24]).toBe(108 + 1);
  });

  it("cuts the padding of whole images off, and lets them stand between those in tiles", () => {
    const tiles = cut(20, 50, 16, 4);
    const images = new WholeImages(factor);
    const whole = (name: string) =>
      images.add(
        painted(8, 12, (y, x) => 10 * y + x),
        { name, width: 11, height: 7 },
      );
    expect(whole("b")?.pixels[3 * (6 * 11 + 10)]).toBe(70);
    for (let round = 0; round < 2; round++) {
      const made = tiles.map(({ rect, coded }) =>
        images.add(
          painted(rect.height, rect.width, () => 9),
          coded,
        ),
      );
      expect(made.at(-1)).toMatchObject({ name: "a", height: 20, width: 50 });
    }
    expect(whole("c")).toMatchObject({ name: "c", height: 7, width: 11 });
    images.end();
  });

  it("names the tile that is missing, doubled or another's", () => {
    const tiles = cut(20, 50, 16, 4).map(({ rect, coded }) => ({ rect, coded }));
    const [first, second, third] = tiles as [Tile, Tile, Tile];
    const add = (...given: { rect: Tile["rect"]; coded: CodedImage }[]) => {
      const images = new WholeImages(factor);
      for (const { rect, coded } of given)
        images.add(
          painted(rect.height, rect.width, () => 9),
          coded,
        );
      images.end();
    };
    const due = 'tile 2 of 6, 20×16 pixels at row 0, column 16 of "a" of 50×20';
    const wrong = (given: CodedImage) => `codes: expected ${due}, got ${given.width}×${given.height} pixels`;
    expect(() => add(first)).toThrow(
      `codes: expected ${due}, got no further tile of it. Give all tiles of an image, in order.`,
    );
    expect(() => add(first, third)).toThrow(wrong(third.coded));
    expect(() => add(first, first)).toThrow(wrong(first.coded));
    expect(() => add(second)).toThrow("codes: expected tile 1 of 6");
    const other = { ...second, coded: { ...second.coded, name: "b" } };
    expect(() => add(first, other)).toThrow(wrong(other.coded));
    const whole = {
      rect: { top: 0, left: 0, height: 8, width: 8 },
      coded: { name: "a", width: 8, height: 8 },
    };
    expect(() => add(first, whole)).toThrow(due);
    const huge = { imageHeight: 2 ** 50, imageWidth: 2 ** 50 };
    const claim = { ...first, coded: { ...first.coded, tile: { ...(first.coded.tile as object), ...huge } } };
    expect(() => add(claim as Tile)).toThrow("got no further tile of it");
    const overlap = {
      ...first,
      coded: { ...first.coded, tile: { ...(first.coded.tile as object), overlap: 12 } },
    };
    expect(() => add(overlap as Tile)).toThrow("multiple of 4 in 0..8 pixels, got 12");
  });
});
