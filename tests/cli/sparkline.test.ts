import { describe, expect, test } from "vitest";
import { Sparkline } from "../../cli/sparkline.js";

function line(values: readonly number[], scale?: "linear" | "log"): Sparkline {
  const sparkline = new Sparkline(scale);
  for (const value of values) sparkline.add(value);
  return sparkline;
}

describe("Sparkline", () => {
  test("has a block for each value while they are few, from the least to the greatest", () => {
    // Eighths of the range 0..16: 0 and 1 in the first, 4 in the third, 15 and 16 in the last.
    expect(line([0, 16, 1, 4, 15]).text(20)).toBe("▁█▁▃█");
  });

  test("is on a logarithmic scale where asked, without what has no logarithm", () => {
    // Of 1..10,000 in four decades; 10 is a quarter up, 100 the half.
    expect(line([1, 0, 10, -5, 100, 10_000], "log").text(20)).toBe("▁▃▅█");
  });

  test("is level where nothing changes, and empty without values or room", () => {
    expect(line([3, 3, 3]).text(9)).toBe("▄▄▄");
    expect(line([]).text(9)).toBe("");
    expect(line([1, 2]).text(0)).toBe("");
    expect(line([1, Number.NaN, 2]).text(9)).toBe("▁█");
  });

  test("puts a long curve into the width, in time: the first half is low and the second high", () => {
    const long = line(Array.from({ length: 100_000 }, (_, i) => (i < 50_000 ? 2 : 7)));
    expect(long.text(10)).toMatch(/^▁▁▁▁.?█████?$/);
    expect(long.text(10)).toHaveLength(10);
    expect(long.text(1000).length).toBeLessThanOrEqual(128);
  });
});
