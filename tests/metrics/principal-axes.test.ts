import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { projectToAxes } from "../../src/metrics/index.js";

describe("projectToAxes", () => {
  it("finds the two directions along which points were spread", () => {
    // Along (3,4,0)/5 with deviation 5, along (0,0,1) with 2, along the third direction with 0.1; about (10, -2, 1)
    const random = new Random(4, "test");
    const truth = Array.from({ length: 400 }, () => [
      5 * random.normal(),
      2 * random.normal(),
      0.1 * random.normal(),
    ]);
    const values = truth.flatMap(([a = 0, b = 0, c = 0]) => [
      10 + 0.6 * a - 0.8 * c,
      -2 + 0.8 * a + 0.6 * c,
      1 + b,
    ]);
    const { points, explained } = projectToAxes({ codeDim: 3, values }, 2);
    const mean = truth.reduce((sum, [a = 0]) => sum + a, 0) / truth.length;
    for (const i of [0, 17, 399]) expect(points[2 * i]).toBeCloseTo((truth[i]?.[0] as number) - mean, 0);
    expect(explained[0]).toBeCloseTo(25 / 29.01, 1);
    expect(explained[1]).toBeCloseTo(4 / 29.01, 1);
    expect((explained[0] as number) + (explained[1] as number)).toBeGreaterThan(0.999);
  });

  it("of a line has no second direction, nor a third", () => {
    const { points, explained } = projectToAxes({ codeDim: 2, values: [1, 2, 2, 4, 4, 8] }, 3);
    expect(explained[0]).toBeCloseTo(1, 12);
    expect([...points].filter((_, i) => i % 3 > 0)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
