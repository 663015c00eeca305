import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { chartFigure } from "../../src/drawing/charts/chart-figure.js";
import { heatMap } from "../../src/drawing/charts/heat-map.js";
import { lineChart, logTicks, type Point, smoothed } from "../../src/drawing/charts/line-chart.js";
import { captionedSvg, csv, standaloneSvg, writePlots } from "../../src/drawing/charts/plot-files.js";
import { encodeIndexedPng } from "../../src/drawing/png.js";
import { temporaryFolder } from "../reports/runs.js";

const options = { title: "Loss <b>", xTitle: "step" };

/** Points of the first curve of a drawing. */
function curveOf(svg: string | undefined): number[][] {
  const path = /aria-label="line"[^>]*><path d="([^"]+)"/.exec(svg ?? "")?.[1] as string;
  return [...path.matchAll(/([-\d.]+),([-\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

describe("lineChart", () => {
  it("places points in the frame: x from 58 to 464, y from 220 up to 26", () => {
    const points: Point[] = [
      [0, 1],
      [5, 3],
      [10, 2],
    ];
    // y = 2 is half way: (220 + 26) / 2
    expect(curveOf(lineChart([{ name: "a", points }], options).svg)).toEqual([
      [58, 220],
      [261, 26],
      [464, 123],
    ]);
  });

  it("on logarithmic axes leaves out what they cannot show, but not of the table", () => {
    const points: Point[] = [
      [1, 0],
      [1, 1],
      [10, 10],
      [100, 100],
    ];
    const chart = lineChart([{ name: "a", points }], { ...options, xScale: "log", yScale: "log" });
    expect(curveOf(chart.svg)).toEqual([
      [58, 220],
      [261, 123],
      [464, 26],
    ]);
    expect(chart.table.rows).toHaveLength(3);
  });

  it("has a key where there are several curves, a line an x in its table, and escapes names", () => {
    const chart = lineChart(
      [
        {
          name: "<batch>",
          points: [
            [1, 4],
            [2, 5],
          ],
        },
        { name: "window", points: [[2, 6]] },
      ],
      options,
    );
    expect(chart.name).toBe("loss-b");
    const { text } = chartFigure(chart);
    expect(text).toContain('style="background: var(--series1)"></span>&lt;batch&gt;');
    expect(text).toContain('style="background: var(--series2)"></span>window');
    expect(text).toContain('aria-label="Loss &lt;b&gt;"');
    expect(text).not.toContain("<b>");
    expect(csv(chart.table)).toBe("step,<batch>,window\r\n1,4,\r\n2,5,6\r\n");
  });

  it("dashes a curve that lies on an earlier one, in the drawing and in the key", () => {
    const loss = [1, 2, 3, 4].map((x) => [x, 10 ** x] as const);
    const series = [
      { name: "codebook", points: loss },
      { name: "commitment", points: loss.map(([x, y]) => [x, y * 1.01] as const) },
      { name: "other", points: loss.map(([x, y]) => [x, y * 2] as const) },
    ];
    const { svg, keys } = lineChart(series, { title: "t", xTitle: "x", yScale: "log" });
    expect(keys.map(({ isDashed }) => isDashed)).toEqual([false, true, false]);
    expect(svg?.match(/stroke-dasharray/g)).toHaveLength(1);
    // On a linear axis from 10 to 20,000, what is 100 away at most is within 1 % too.
    const linear = lineChart(series, { title: "t", xTitle: "x" });
    expect(linear.keys.map(({ isDashed }) => isDashed)).toEqual([false, true, false]);
  });

  it("has no halves on an axis that counts", () => {
    const few = [{ name: "births", points: [[1, 0] as const, [2, 2] as const, [3, 1] as const] }];
    const labels = (countsY: boolean): number[] => {
      const svg = lineChart(few, { title: "t", xTitle: "x", countsY }).svg ?? "";
      const [, axis = ""] = /aria-label="y-axis tick label">(.*?)<\/g>/.exec(svg) ?? [];
      return [...axis.matchAll(/>([\d.]+)<\/text>/g)].map(([, label]) => Number(label));
    };
    expect(labels(true)).toEqual([0, 1, 2]);
    expect(labels(false)).toContain(0.5);
  });

  it("shows a lone point, and says when there is nothing", () => {
    expect(lineChart([{ name: "a", points: [[3, 2]] }], options).svg).toContain("<circle");
    const none = lineChart([{ name: "a", points: [] }], options);
    expect(none.svg).toBeUndefined();
    expect(chartFigure(none).text).toContain("Nothing was recorded");
  });

  it("smooths by the mean of what lies within the window", () => {
    const points: Point[] = [1, 2, 6, 4, 12].map((y, i) => [10 * i, y]);
    // (1+2)/2, (1+2+6)/3, (2+6+4)/3, (6+4+12)/3, (4+12)/2
    expect(smoothed(points, 3).map(([, y]) => y)).toEqual([1.5, 3, 4, 22 / 3, 8]);
    const geometric = smoothed(
      [
        [0, 1],
        [1, 100],
        [2, 10],
      ],
      3,
      "log",
    ).map(([, y]) => y);
    // √100, ∛1000, √1000
    for (const [i, expected] of [10, 10, Math.sqrt(1000)].entries())
      expect(geometric[i]).toBeCloseTo(expected, 9);
  });

  it("labels round values of a logarithmic axis", () => {
    expect(logTicks([0.03, 0.4])).toEqual([0.05, 0.1, 0.2]);
    expect(logTicks([1, 5000])).toEqual([1, 10, 100, 1000]);
    expect(logTicks([0.21, 0.4])).toEqual([0.25, 0.3, 0.35, 0.4]); // of 1, 2 and 5, 0.2 and 0.5 are outside
    expect(logTicks([4.11, 4.29])).toEqual([4.15, 4.2, 4.25]);
    expect(logTicks([1010, 1990])).toEqual([1200, 1400, 1600, 1800]);
  });
});

describe("pictures", () => {
  it("an indexed PNG has its colours at its pixels", async () => {
    const png = encodeIndexedPng({
      width: 3,
      height: 2,
      pixels: Uint8Array.of(0, 1, 2, 2, 0, 1),
      colours: [
        [10, 20, 30, 255],
        [200, 100, 50, 255],
        [0, 0, 0, 0],
      ],
    });
    const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 3, height: 2, channels: 4 });
    const at = (pixel: number) => [...data.subarray(4 * pixel, 4 * pixel + 4)];
    expect([at(0), at(1), at(3).at(3), at(5)]).toEqual([
      [10, 20, 30, 255],
      [200, 100, 50, 255],
      0,
      [200, 100, 50, 255],
    ]);
  });

  it("a heat map colours the least dark, the greatest bright, and nothing not at all", async () => {
    const { svg } = heatMap({
      title: "map",
      rows: 2,
      columns: 3,
      values: [1, 10, 100, Number.NaN, 1, 1],
      scale: "log",
      legend: "<times>",
      table: { columns: [], rows: [] },
    });
    expect(svg).toContain("&lt;times&gt;");
    const [, base64] = /base64,([^"]+)"/.exec(svg as string) as RegExpExecArray;
    const { data, info } = await sharp(Buffer.from(base64 as string, "base64"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const scale = info.width / 3;
    const at = (row: number, column: number) => {
      const start = 4 * ((row * scale + 1) * info.width + column * scale + 1);
      return [...data.subarray(start, start + 4)];
    };
    // viridis from #440154 to #fde725; a tenth of the way up in tens is half of the ramp
    expect(at(0, 0)).toEqual([0x44, 0x01, 0x54, 255]);
    expect(at(0, 2)).toEqual([0xfd, 0xe7, 0x25, 255]);
    expect(at(0, 1)[1]).toBeGreaterThan(120);
    expect(at(1, 0)[3]).toBe(0);
  });
});

describe("writePlots", () => {
  it("writes SVG with colours of its own, PNG of twice the size, and CSV", async () => {
    const folder = join(await temporaryFolder(), "plots");
    const charts = [
      lineChart(
        [
          {
            name: 'a,"b"',
            points: [
              [1, 0.1],
              [2, 1 / 3],
            ],
          },
        ],
        { title: "First one", xTitle: "x" },
      ),
      lineChart([{ name: "none", points: [] }], { title: "Empty", xTitle: "x" }),
    ];
    const written = await writePlots(folder, charts);
    expect((await readdir(folder)).sort()).toEqual([
      ".vqkit.json", // marks the folder: these are no images to train on
      "empty.csv",
      "first-one.csv",
      "first-one.png",
      "first-one.svg",
    ]);
    expect(written).toHaveLength(4);
    expect(await readFile(join(folder, "first-one.csv"), "utf8")).toBe(
      `x,"a,""b"""\r\n1,0.1\r\n2,${1 / 3}\r\n`,
    );
    const svg = await readFile(join(folder, "first-one.svg"), "utf8");
    expect(svg).toMatch(/^<svg xmlns/);
    expect(svg).not.toContain("var(");
    expect(svg).toContain("#0b62c4");
    expect(await sharp(join(folder, "first-one.png")).metadata()).toMatchObject({ width: 960, height: 572 }); // 260 + 26 for the title, doubled
    expect(svg).toContain(">First one</text>");
    expect(standaloneSvg("<svg><g fill='var(--unknown)'/></svg>")).toContain("var(--unknown)");
  });

  it("has a key where there are several curves, in as many lines as it needs", () => {
    const names = ["<i>", "b".repeat(40), "c".repeat(40)];
    const series = names.map((name, i) => ({ name, points: [[1, i] as const, [2, i + 1] as const] }));
    const svg = captionedSvg(lineChart(series, { title: "A & B", xTitle: "x" })) ?? "";
    // The first two are in one line of 17 pixels, the third in a second one.
    expect(svg).toContain(`height="${260 + 26 + 2 * 17}"`);
    expect(svg).toContain(">A &amp; B</text>");
    expect(svg).toContain(">&lt;i&gt;</text>");
    for (const name of names.slice(1)) expect(svg).toContain(`>${name}</text>`);
    expect(svg).toContain('stroke="#1a7f5a" stroke-width="3"/>'); // the third colour
    expect(captionedSvg({ ...lineChart([], { title: "none", xTitle: "x" }) })).toBeUndefined();
  });
});
