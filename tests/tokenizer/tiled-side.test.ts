import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blendShares, contentOf, tiledSide } from "../../src/tokenizer/tiled-side.js";

/** Any side that the tokenizer may cut: tile and overlap multiples of the factor, overlap at most half a tile. */
const sides = fc
  .record({
    factor: fc.integer({ min: 1, max: 8 }),
    tileSteps: fc.integer({ min: 1, max: 12 }),
    overlapShare: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 400 }),
  })
  .map(({ factor, tileSteps, overlapShare, length }) => {
    const overlap = Math.floor(overlapShare * Math.floor(tileSteps / 2)) * factor;
    return { length, tile: tileSteps * factor, overlap, factor };
  });

const startsOf = (input: Parameters<typeof tiledSide>[0]) => {
  const side = tiledSide(input);
  return Array.from({ length: side.count }, (_, i) => side.start(i));
};

describe("tiledSide", () => {
  it("spreads the tiles evenly over the grid of latents", () => {
    // 100 is covered by 25 latents of 4; 3 tiles of 40 leave 2 gaps over (100 - 40)/4 = 15 steps: 0, 7.5 -> 8, 15.
    expect(startsOf({ length: 100, tile: 40, overlap: 8, factor: 4 })).toEqual([0, 32, 60]);
    // 97 too; its last tile has 37 pixels of the image.
    const side = tiledSide({ length: 97, tile: 40, overlap: 8, factor: 4 });
    expect([0, 1, 2].map((i) => contentOf(side, i))).toEqual([40, 40, 37]);
    // What fits into one tile is one, no larger than it needs to be.
    expect(tiledSide({ length: 21, tile: 40, overlap: 8, factor: 4 })).toMatchObject({ tile: 24, count: 1 });
    expect(startsOf({ length: 40, tile: 40, overlap: 8, factor: 4 })).toEqual([0]);
    // One pixel more needs a second, which covers up to the next latent.
    expect(startsOf({ length: 41, tile: 40, overlap: 8, factor: 4 })).toEqual([0, 4]);
  });

  it("covers every pixel with the overlap asked for, in as few tiles as do", () => {
    fc.assert(
      fc.property(sides, (input) => {
        const { length, overlap, factor } = input;
        const { tile, count, start } = tiledSide(input);
        expect(start(0)).toBe(0);
        for (let i = 0; i < count; i++) expect(start(i) % factor).toBe(0);
        for (let i = 1; i < count; i++) {
          expect(start(i)).toBeGreaterThan(start(i - 1));
          expect(start(i - 1) + tile - start(i)).toBeGreaterThanOrEqual(overlap);
        }
        const end = start(count - 1) + tile;
        expect(end).toBeGreaterThanOrEqual(length);
        expect(end - length).toBeLessThan(factor);
        // One tile fewer would not reach the end.
        if (count > 1) expect((count - 1) * (tile - overlap) + overlap).toBeLessThan(end);
      }),
      { seed: 4, numRuns: 400 },
    );
  });
});

describe("blendShares", () => {
  it("falls and rises as 3u² - 2u³ where two tiles overlap", () => {
    // Tiles 0..7 and 4..11: u = 1/8, 3/8, 5/8, 7/8 over the overlap of 4.
    const side = tiledSide({ length: 12, tile: 8, overlap: 4, factor: 4 });
    const rising = [0.125, 0.375, 0.625, 0.875].map((u) => 3 * u ** 2 - 2 * u ** 3);
    const shares = [...blendShares(side, 1)];
    for (const [i, share] of [...rising, 1, 1, 1, 1].entries()) expect(shares[i]).toBeCloseTo(share, 12);
    expect([...blendShares(side, 0)].slice(0, 4)).toEqual([1, 1, 1, 1]);
  });

  it("sums to 1 at every pixel, and is positive within its tile", () => {
    fc.assert(
      fc.property(sides, (input) => {
        const side = tiledSide(input);
        const sums = new Float64Array(side.start(side.count - 1) + side.tile);
        for (let i = 0; i < side.count; i++) {
          const shares = blendShares(side, i);
          expect(shares).toHaveLength(side.tile);
          for (const [x, share] of shares.entries()) {
            expect(share).toBeGreaterThan(0);
            sums[side.start(i) + x] = (sums[side.start(i) + x] as number) + share;
          }
        }
        for (const sum of sums) expect(Math.abs(sum - 1)).toBeLessThan(1e-12);
      }),
      { seed: 5, numRuns: 100 },
    );
  });
});
