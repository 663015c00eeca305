import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.js";

/**
 * The literals were computed in Python with 64-bit integers: SHA-256 of `[3,"crop",17]`, its first 16 bytes as four
 * little-endian words, the two 64-bit halves of xoroshiro128+ (24, 16, 37), the low 32 bits of each sum over 2³².
 */
describe("a stream of random numbers", () => {
  test("is xoroshiro128+ from the digest of its seed and labels", () => {
    const random = new Random(3, "crop", 17);
    expect(Array.from({ length: 5 }, () => random.next())).toEqual([
      0.6381816742941737, 0.8367137815803289, 0.9751740312203765, 0.8314578291028738, 0.8668984009418637,
    ]);
  });

  test("draws integers, normal numbers and orders as the formulas say", () => {
    const integers = new Random(3, "crop", 17);
    expect(Array.from({ length: 8 }, () => integers.integer(10))).toEqual([6, 8, 9, 8, 8, 9, 5, 3]);
    const normal = new Random(0, "n");
    // √(−2 ln(1 − u))·cos(2πv) of two draws u, v each.
    for (const value of [-1.0062895525250908, -0.5254424538523506, -0.13466554599470548]) {
      expect(normal.normal()).toBeCloseTo(value, 12);
    }
    // Fisher-Yates from the end: place i changes with ⌊u·(i + 1)⌋.
    expect(new Random(5, "s").shuffled([..."abcdef"]).join("")).toBe("badfce");
  });

  test("is named by every label, its type and its order", () => {
    const names: readonly (readonly [number, ...(string | number)[]])[] = [
      [0],
      [1],
      [0, "a"],
      [0, "b"],
      [0, "a", "b"],
      [0, "b", "a"],
      [0, "ab"],
      [0, 1],
      [0, "1"],
      [0, "a", 1],
    ];
    const first = names.map(([seed, ...labels]) => new Random(seed, ...labels).next());
    expect(new Set(first).size).toBe(names.length);
    const again = names.map(([seed, ...labels]) => new Random(seed, ...labels).next());
    expect(again).toEqual(first);
  });

  test("a shuffle keeps the items and leaves its argument alone", () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    const shuffled = new Random(7, "items").shuffled(items);
    expect(items[0]).toBe(0);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });

  test("that is blank fills with zeros without a draw, and draws single numbers as any other", () => {
    const blank = Random.blank();
    let draws = 0;
    expect(blank.fill(5, () => ++draws)).toEqual(new Float32Array(5));
    expect(draws).toBe(0);
    const loop = Random.blank();
    let rounds = 1;
    while (loop.normal() <= 1) rounds++;
    expect(rounds).toBeGreaterThan(1);
    expect(new Set([blank.next(), blank.next(), blank.next()]).size).toBe(3);
  });

  test("each draw stays in its range and has its mean and variance", () => {
    const count = 20_000;
    const random = new Random(11, "moments");
    const uniform = Array.from({ length: count }, () => random.uniform(-2, 4));
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...uniform)).toBeLessThan(4);
    // Six standard errors: the mean of U(-2, 4) is 1, its variance 3; a normal number has 0 and 1.
    expect(Math.abs(mean(uniform) - 1)).toBeLessThan(6 * Math.sqrt(3 / count));
    const normal = Array.from({ length: count }, () => random.normal());
    expect(Math.abs(mean(normal))).toBeLessThan(6 / Math.sqrt(count));
    expect(Math.abs(mean(normal.map((x) => x * x)) - 1)).toBeLessThan(6 * Math.sqrt(2 / count));
  });

  test("every integer under the limit is drawn about as often", () => {
    const random = new Random(2, "dice");
    const seen = new Int32Array(7);
    for (let i = 0; i < 7000; i++) {
      const at = random.integer(7);
      seen[at] = (seen[at] as number) + 1;
    }
    // χ² with six degrees of freedom is over 33 once in 100,000 times.
    expect(seen.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(33);
  });

  test("filled arrays hold the draws in order, rounded to float32", () => {
    const random = new Random(4, "fill");
    const other = new Random(4, "fill");
    const filled = random.fill(9, (each) => each.uniform(0, 3));
    expect([...filled]).toEqual(Array.from({ length: 9 }, () => Math.fround(other.uniform(0, 3))));
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
