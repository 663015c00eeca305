import { describe, expect, it } from "vitest";
import { html } from "../../src/reports/html.js";
import { type ChartOptions, lineChart } from "../../src/reports/line-chart.js";
import { htmlPage, htmlTable } from "../../src/reports/page.js";

describe("html", () => {
  it("escapes text and not what is HTML already", () => {
    const inner = html`<b>${"a<b & \"c\" 'd'"}</b>`;
    expect(inner.text).toBe("<b>a&lt;b &amp; &quot;c&quot; &#39;d&#39;</b>");
    expect(html`<i>${[inner, "<", 5, null, undefined]}</i>`.text).toBe(`<i>${inner.text}&lt;5</i>`);
  });

  it("of a table escapes its cells", () => {
    const { text } = htmlTable([{ title: "<x>" }, { title: "n", numeric: true }], [["<y>", "1"]]);
    expect(text).toContain('<th scope="col" class="text">&lt;x&gt;</th>');
    expect(text).toContain('<th scope="row" class="text">&lt;y&gt;</th><td class="number">1</td>');
  });

  it("of a page loads nothing and runs nothing", () => {
    const page = htmlPage("<script>", html`<p>text</p>`);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain("<title>&lt;script&gt;</title>");
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|<link|https?:/);
  });
});

describe("lineChart", () => {
  const options: ChartOptions = { title: "loss", xTitle: "step" };

  it("places points in the frame: x from 62 to 626, y from 234 up to 14", () => {
    const { text } = lineChart(
      [
        {
          name: "a",
          points: [
            [0, 1],
            [5, 3],
            [10, 2],
          ],
        },
      ],
      options,
    );
    // y = 2 is half way: (234 + 14) / 2
    expect(text).toContain('points="62,234 344,14 626,124"');
  });

  it("on logarithmic axes leaves out what they cannot show", () => {
    const points = [
      [1, 0],
      [1, 1],
      [10, 10],
      [100, 100],
    ] as const;
    const { text } = lineChart([{ name: "a", points }], { ...options, xScale: "log", yScale: "log" });
    expect(text).toContain('points="62,234 344,124 626,14"');
  });

  it("has a key where there are several curves, each in its own colour", () => {
    const one = {
      name: "<batch>",
      points: [
        [1, 1],
        [2, 2],
      ] as const,
    };
    expect(lineChart([one], options).text).not.toContain("swatch");
    const { text } = lineChart([one, { ...one, name: "window" }], options);
    expect(text).toContain('<span class="swatch series1"></span>&lt;batch&gt;');
    expect(text).toContain('<span class="swatch series2"></span>window');
    expect(text).toContain('<polyline class="curve series2"');
  });

  it("shows a lone point, holds what it is told to, and says when there is nothing", () => {
    const lone = lineChart([{ name: "a", points: [[3, 2]] }], { ...options, yIncludes: [0] }).text;
    // x: one value 3, so the axis is 1.5 to 4.5
    expect(lone).toContain('points="344,14 344,14"');
    expect(lineChart([{ name: "a", points: [] }], options).text).toContain("Nothing was recorded");
  });
});
