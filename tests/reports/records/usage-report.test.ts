import { describe, expect, it } from "vitest";
import { CodeCounts, expectedUniformUsage } from "../../../src/metrics/index.js";
import { renderUsageHtml, renderUsageText, usageReport } from "../../../src/reports/index.js";

const geometry = { gridHeight: 2, gridWidth: 4, imageHeight: 4, imageWidth: 8, numCodebooks: 1 };

/** 8 indices into 16 codes: code 5 four times, code 2 twice, codes 9 and 14 once. */
function counts(): CodeCounts {
  const result = new CodeCounts(16);
  result.add(Int32Array.of(5, 2, 5, 14, 5, 9, 2, 5));
  return result;
}

describe("usageReport", () => {
  it("gathers figures, codes and the curve", () => {
    const report = usageReport({ counts: counts(), images: 1, geometry }, { name: "runs/a", codes: 3 });
    // p = 1/2, 1/4, 1/8, 1/8: entropy 0.5·1 + 0.25·2 + 2·0.125·3 = 1.75 bits; bits per pixel 8 · 1.75 / 32
    expect(report).toMatchObject({
      name: "runs/a",
      images: 1,
      codebookSize: 16,
      numCodebooks: 1,
      entropyBits: 1.75,
      bitsPerPixel: 0.4375,
    });
    expect(report.scopes).toEqual([
      {
        scope: "the evaluation images",
        samples: 8,
        usage: 0.25,
        expectedUniformUsage: expectedUniformUsage(8, 16),
        perplexity: 2 ** 1.75,
        rarefiedUsage: 0.25, // all 8 of 8 indices
      },
    ]);
    const [codebook] = report.codebooks;
    expect(codebook?.mostUsed).toEqual([
      { index: 5, count: 4 },
      { index: 2, count: 2 },
      { index: 9, count: 1 },
    ]);
    expect(codebook?.leastUsed).toEqual([
      { index: 9, count: 1 },
      { index: 14, count: 1 },
      { index: 2, count: 2 },
    ]);
    expect(codebook?.rankFrequency).toEqual([
      { rank: 1, count: 4 },
      { rank: 2, count: 2 },
      { rank: 3, count: 1 },
      { rank: 4, count: 1 },
    ]);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("of a large codebook thins the curve and keeps its ends", () => {
    const large = new CodeCounts(5000);
    // Code k is seen 5000 - k times for k < 4000.
    for (let k = 0; k < 4000; k++) large.add(new Int32Array(5000 - k).fill(k));
    const curve = usageReport({ counts: large, images: 1, geometry: null }).codebooks[0]?.rankFrequency ?? [];
    expect(curve[0]).toEqual({ rank: 1, count: 5000 });
    expect(curve.at(-1)).toEqual({ rank: 4000, count: 1001 });
    expect(curve.length).toBeLessThanOrEqual(200);
    expect(curve.every(({ rank, count }) => count === 5001 - rank)).toBe(true);
  });

  it("without geometry has no bits per pixel, with nothing counted no entropy", () => {
    expect(usageReport({ counts: counts(), images: 2, geometry: null })).toMatchObject({
      entropyBits: 1.75,
      bitsPerPixel: null,
    });
    const empty = usageReport({ counts: new CodeCounts(16), images: 0, geometry });
    expect(empty).toMatchObject({ entropyBits: null, bitsPerPixel: null });
    expect(empty.scopes[0]).toMatchObject({ samples: 0, usage: 0, perplexity: null });
    expect(renderUsageText(empty)).toContain("0 of 16 codes in use, 16 never chosen.");
    expect(renderUsageHtml(empty)).toContain("Nothing was recorded");
  });
});

describe("renderUsageText", () => {
  it("says what every usage was counted on, beside a uniform source", () => {
    const batch = {
      scope: "training batch, step 8",
      samples: 4,
      usage: 0.125,
      // 1 - (15/16)^4 = 0.2275
      expectedUniformUsage: expectedUniformUsage(4, 16),
      perplexity: 1.75,
    };
    const report = usageReport(
      { counts: counts(), images: 1, geometry },
      {
        name: "a",
        otherScopes: [batch, { ...batch, scope: "old", samples: null, expectedUniformUsage: null }],
      },
    );
    const lines = renderUsageText(report).split("\n");
    const cells = (start: string) =>
      lines
        .find((line) => line.startsWith(start))
        ?.slice(start.length)
        .trim()
        .split(/ {2,}/);
    expect(lines[0]).toBe("Codebook usage: a");
    expect(lines[2]).toBe("1 codebook of 16 codes; 1 image of 4×8 pixels, a grid of 2×4 each.");
    expect(lines[3]).toBe("Entropy 1.75 bits an index of 4.00 possible, 0.4375 bits per pixel.");
    expect(cells("Counted over")).toEqual([
      "Indices",
      "Codes in use",
      "Usage",
      "Uniform source",
      "Perplexity",
    ]);
    expect(cells("training batch, step 8")).toEqual(["4", "2", "12.5 %", "22.8 %", "1.8"]);
    expect(cells("old")).toEqual(["–", "2", "12.5 %", "–", "1.8"]);
    // 1 - (15/16)^8 = 0.4033; 2^1.75 = 3.36
    expect(cells("the evaluation images")).toEqual(["8", "4", "25.0 %", "40.3 %", "3.4"]);
    expect(lines).toContain("4 of 16 codes in use, 12 never chosen. A uniform source: about 0.50 each.");
    expect(lines.some((line) => line !== line.trimEnd())).toBe(false);
  });

  it("shows each of several codebooks", () => {
    const two = new CodeCounts(8, 2);
    two.add(Int32Array.of(7, 0, 7, 3));
    const text = renderUsageText(
      usageReport({ counts: two, images: 1, geometry: { ...geometry, numCodebooks: 2 } }),
    );
    expect(text).toContain("2 codebooks of 8 codes");
    expect(text).toMatch(/Codebook 0\n1 of 8 codes in use[\s\S]*Codebook 1\n2 of 8 codes in use/);
  });
});

describe("renderUsageHtml", () => {
  it("is a page with the same figures, escaped", () => {
    const page = renderUsageHtml(
      usageReport({ counts: counts(), images: 1, geometry }, { name: '<img src="x">' }),
    );
    expect(page).not.toContain("<img");
    expect(page).toContain("<h1>Codebook usage: &lt;img src=&quot;x&quot;&gt;</h1>");
    expect(page).toContain("40.3 %");
    expect(page).toContain("Most used");
    expect(page.match(/<figure\b/g)).toHaveLength(3);
  });
});
