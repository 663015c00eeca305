import { join } from "node:path";
import { expect, test } from "vitest";
import { Random } from "../../src/core/random.js";
import { CodeCounts } from "../../src/metrics/index.js";
import { renderRunReport } from "../../src/reports/index.js";
import { expectFiguresOfFiles } from "./recomputed.js";
import { temporaryFolder, writeMetrics, writeRun } from "./runs.js";

test("figures on the page of a run are those of its files, computed again", async () => {
  const codebookSize = 300;
  const run = await writeRun(join(await temporaryFolder(), "a"), { codebookSize, psnr: 21.37 });
  const random = new Random(11, "recomputed");
  const counts = new CodeCounts(codebookSize);
  // Skewed, so that ranks and shares differ: 2 images of 24×36 positions.
  counts.add(Int32Array.from({ length: 2 * 24 * 36 }, () => Math.floor(codebookSize * random.next() ** 3)));
  const geometry = { gridHeight: 24, gridWidth: 36, imageHeight: 96, imageWidth: 144, numCodebooks: 1 };
  await run.writeUsage({ counts, images: 2, geometry });
  await writeMetrics(
    run,
    Array.from({ length: 90 }, (_, i) => ({
      step: i + 1,
      totalLoss: (2 + random.next()) / (i + 1),
      reconstructionLoss: 1 / (i + 1),
      learningRate: 1e-3 * (1 - i / 90),
      gradientNorm: 1 + random.next(),
      quantizationError: random.next(),
      usageBatch: (10 + random.integer(90)) / codebookSize,
      perplexityBatch: 9,
      samplesBatch: 640,
      usageWindow: (100 + i) / codebookSize,
      perplexityWindow: 40 + random.next(),
      samplesWindow: 640 * Math.min(50, i + 1),
      perplexityEpoch: 50 + random.next(),
    })),
  );
  const page = await renderRunReport(run);
  await expectFiguresOfFiles(page, run.dir);
  // The check sees what is wrong: one digit of one figure.
  const changed = page.replace("21.37</td>", "21.38</td>");
  expect(changed).not.toBe(page);
  await expect(expectFiguresOfFiles(changed, run.dir)).rejects.toThrow("21.38");
});
