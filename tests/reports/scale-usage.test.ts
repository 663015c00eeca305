import { expect, test } from "vitest";
import { CodeCounts, ScaleCounter } from "../../src/metrics/index.js";
import { renderUsageHtml, renderUsageText, usageReport } from "../../src/reports/index.js";

const geometry = { gridHeight: 1, gridWidth: 5, imageHeight: 8, imageWidth: 8, numCodebooks: 1 };

function report(withScales: boolean) {
  const counts = new CodeCounts(8);
  const counter = new ScaleCounter(8, 1, [1, 2]);
  const indices = Uint8Array.of(6, 0, 1, 1, 2, 6, 3, 0, 1, 1);
  counts.add(indices);
  counter.add(indices);
  return usageReport({ counts, images: 2, geometry, ...(withScales ? { scales: counter.scales } : {}) });
}

test("text and page have a line for each scale, and none where codes are no sequence", () => {
  const text = renderUsageText(report(true));
  // 1×1: code 6 twice, 1 of 8 codes. 2×2: 0, 1, 2, 3 are in use, 4 of 8; entropy of 2, 4, 1, 1 of 8 is 1.75 bits.
  expect(text).toMatch(/^1×1 +2 +1 +12\.5 % .* 1\.0 +0\.00$/m);
  expect(text).toMatch(/^2×2 +8 +4 +50\.0 % .* 3\.4 +1\.75$/m);
  const page = renderUsageHtml(report(true));
  expect(page).toContain("<h3>2 scales</h3>");
  expect(page).toContain("2×2");
  expect(renderUsageText(report(false))).not.toContain("1×1");
  expect(renderUsageHtml(report(false))).not.toContain("scales</h3>");
});
