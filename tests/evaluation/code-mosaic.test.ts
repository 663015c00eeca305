import { describe, expect, it } from "vitest";
import { codeColours, codeMosaic } from "../../src/evaluation/index.js";

const colours = new Map([
  [3, [10, 20, 30] as const],
  [7, [200, 100, 0] as const],
]);

/** Lightness L of OKLab of an 8-bit sRGB colour, by the other direction of https://bottosson.github.io/posts/oklab/. */
function lightness([red, green, blue]: readonly number[]): number {
  const [r, g, b] = [red, green, blue].map((value = 0) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
}

describe("codeMosaic", () => {
  it("paints each code as a square of its colour, row by row", () => {
    const grid = { indices: [3, 7, 7, 7, 3, 7], height: 2, width: 3 };
    const { pixels, height, width } = codeMosaic(grid, colours, 2);
    expect([height, width]).toEqual([4, 6]);
    const red = Array.from({ length: 24 }, (_, i) => pixels[3 * i]);
    const [a, b] = [10, 200];
    const [first, second] = [
      [a, a, b, b, b, b],
      [b, b, a, a, b, b],
    ];
    expect(red).toEqual([first, first, second, second].flat());
    expect([...pixels.subarray(6, 9)]).toEqual([200, 100, 0]);
  });

  it("refuses codes of another grid, and a code without a colour", () => {
    expect(() => codeMosaic({ indices: [3, 7, 7], height: 2, width: 2 }, colours, 1)).toThrow(
      "expected 2×2 codes, got 3",
    );
    expect(() => codeMosaic({ indices: [3, 8], height: 1, width: 2 }, colours, 1)).toThrow(
      "expected a colour for code 8, got none",
    );
  });
});

describe("codeColours", () => {
  it("goes from dark to light along the direction in which the codes that occur differ most", () => {
    // Codes 0 and 5 do not occur; of the rest 4, 1, 3, 2 lie in this order along (1, 2).
    const values = [99, -99, 2, 4.1, 9, 18, 5, 9.9, 0, 0.2, -50, 80];
    const made = codeColours([2, 4, 4, 1, 3, 2], { codeDim: 2, values });
    expect([...made.keys()]).toEqual([1, 2, 3, 4]);
    const order = [4, 1, 3, 2].map((code) => lightness(made.get(code) ?? []));
    // Ranks 0, 1/3, 2/3, 1 of 0.25 … 0.95; clipping to sRGB moves a colour's lightness a little.
    for (const [rank, value] of order.entries()) expect(value).toBeCloseTo(0.25 + (0.7 * rank) / 3, 0);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("of codes that lie together are alike, of others not", () => {
    const values = [0, 0, 0, 0, 0, 0, 1, 5, 2, 3, 1, 4];
    const made = codeColours([0, 1, 2, 3], { codeDim: 3, values });
    expect(made.get(0)).toEqual(made.get(1));
    expect(made.get(2)).not.toEqual(made.get(3));
  });

  it("without vectors has another colour for each of a hundred codes, the same wherever it is asked", () => {
    const codes = Array.from({ length: 100 }, (_, i) => 3 * i);
    const made = codeColours(codes, null);
    expect(new Set([...made.values()].map(String)).size).toBe(100);
    expect(codeColours([297, 6], null).get(6)).toEqual(made.get(6));
  });

  it("of a single code is a colour too", () => {
    expect(codeColours([5, 5], { codeDim: 1, values: [1, 2, 3, 4, 5, 6] }).size).toBe(1);
  });
});
