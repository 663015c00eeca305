import { describe, expect, it } from "vitest";
import { rankChart } from "../../src/reports/rank-chart.js";

describe("rankChart", () => {
  it("is a straight fall where count is inverse to rank", () => {
    const curve = [1, 2, 5, 10, 20, 50, 100].map((rank) => ({ rank, count: 1000 / rank }));
    const lines = rankChart(curve).split("\n");
    // 1000 down to 10 on an axis from 1 to 1000, that is the upper two thirds of 11 rows
    expect(lines).toHaveLength(12);
    expect(lines[0]).toMatch(/^ {3}1,000 ┼──/);
    expect(lines[10]).toMatch(/^ {5}1\.0 ┤$/);
    const lowest = lines.slice(0, 11).findLastIndex((line) => /[─╰]/.test(line));
    expect(lowest).toBe(7); // log10(10) / 3 of 10 rows is 3.3 above the lowest: row 10 - 3
  });

  it("marks the ranks of the columns they stand under", () => {
    const [...lines] = rankChart([
      { rank: 1, count: 90 },
      { rank: 1000, count: 2 },
    ]).split("\n");
    const axis = lines.at(-1) as string;
    const start = axis.indexOf("1");
    // The curve begins in the column of rank 1; 60 columns for three decades.
    expect(lines[0]?.indexOf("┼")).toBe(start - 1);
    expect(axis.indexOf("10", start + 1) - start).toBe(20);
    expect(axis.indexOf("100", start + 22) - start).toBe(39);
    expect(axis.indexOf("1,000") - start).toBe(59);
    expect(axis.endsWith("rank")).toBe(true);
  });

  it("takes a flat curve, a lone code and no code", () => {
    const flat = rankChart([1, 2, 3].map((rank) => ({ rank, count: 1 })));
    expect(flat.split("\n")[10]).toMatch(/1\.0 ┼─{59}$/);
    expect(rankChart([{ rank: 1, count: 40 }])).toMatch(/^ {6}40 ┼─/);
    expect(rankChart([])).toBe("(no code was chosen)");
  });
});
