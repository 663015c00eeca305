import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { chartFigure, lineChart, type Point } from "../../../src/drawing/charts/index.js";

const many = Array.from({ length: 20 }, (_, i): Point => [i + 1, 0.123456789 / (i + 1)]);

function figureOf(chart: ReturnType<typeof lineChart>) {
  const { document } = parseHTML(`<html><body>${chartFigure(chart).text}</body></html>`);
  const figure = document.querySelector("figure");
  const values = figure?.getAttribute("data-values");
  return { figure, values: typeof values === "string" ? JSON.parse(values) : undefined };
}

describe("the values of a chart", () => {
  it("stand in its figure as they were recorded, to five digits, whole numbers whole", () => {
    const name = `it's "a" <b>&amp;`;
    const { values } = figureOf(
      lineChart(
        [
          { name, points: many },
          { name: "same steps", points: many.map(([x]) => [x, 1_234_567 * x] as const) },
          { name: "other steps", points: [[7, 0.5]] },
        ],
        { title: "t", xTitle: "step", isPercent: true },
      ),
    );
    expect(values).toMatchObject({ x: "step", percent: true });
    const [first, second, third] = values.curves;
    expect([first.name, second.name, third.name]).toEqual([name, "same steps", "other steps"]);
    expect(first.colour).toBe("var(--series1)");
    expect(first.xs).toEqual(many.map(([x]) => x));
    // 0.123456789, half of it, a third of it
    expect(first.ys.slice(0, 3)).toEqual([0.12346, 0.061728, 0.041152]);
    expect(second.xs).toBeUndefined();
    expect(second.ys[19]).toBe(24_691_340);
    expect([third.xs, third.ys]).toEqual([[7], [0.5]]);
  });

  it("are found by the axes that the drawing states", () => {
    const chart = lineChart([{ name: "a", points: many }], { title: "t", xTitle: "step", yScale: "log" });
    const svg = figureOf(chart).figure?.querySelector("svg");
    // The frame: x from 58 to 464, y from 220 up to 26.
    expect(svg?.getAttribute("data-x")).toBe("linear 1 20 58 464");
    const [kind, low, high, bottom, top] = String(svg?.getAttribute("data-y")).split(" ");
    expect([kind, bottom, top]).toEqual(["log", "220", "26"]);
    expect(Number(low)).toBeCloseTo(0.123456789 / 20, 12);
    expect(Number(high)).toBeCloseTo(0.123456789, 12);
  });
});

describe("the switch between axes", () => {
  it("is there where both show something, and begins with the axis that is drawn", () => {
    for (const yScale of ["linear", "log"] as const) {
      const chart = lineChart([{ name: "a", points: many }], { title: "My loss", xTitle: "step", yScale });
      const { figure } = figureOf(chart);
      const box = figure?.querySelector(".scale-switch input");
      expect(box?.getAttribute("value")).toBe("scale-my-loss");
      expect(box?.hasAttribute("checked")).toBe(yScale === "log");
      for (const kind of ["linear", "log"])
        expect(figure?.querySelector(`.on-${kind} svg`)?.getAttribute("data-y")).toMatch(`${kind} `);
    }
  });

  it.each<[string, Point[]]>([
    ["nothing is above 0", many.map(([x]) => [x, 0])],
    ["most is 0, which a logarithmic axis cannot show", many.map(([x]) => [x, x > 15 ? x : 0])],
    ["all is nearly the same", many.map(([x]) => [x, 20 + x / 10])],
  ])("is not where %s", (_, points) => {
    const chart = lineChart([{ name: "a", points }], { title: "t", xTitle: "step" });
    expect(chart.scales).toBeUndefined();
    expect(figureOf(chart).figure?.querySelector("input")).toBeNull();
  });
});
