import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { CodeCounts, type CodeRecord } from "../../src/metrics/index.js";
import { PlaceCounter, renderRunReport, renderUsagePage, usageReport } from "../../src/reports/index.js";
import { temporaryFolder, writeMetrics, writeRun, writeUsage } from "./runs.js";

const BUDGET = 5_000_000;
const bytes = (page: string) => Buffer.byteLength(page, "utf8");

// Seconds of work, and more on a machine that has other work too.
describe("pages stay under 5 MB", { timeout: 240_000 }, () => {
  it("of 65,536 codes and a million indices, with 50 records of training and each code's vector", async () => {
    const codebookSize = 65_536;
    const shape = [62, 128, 128, 1];
    const random = new Random(3, "codes");
    const indices = Uint16Array.from({ length: 62 * 128 * 128 }, () =>
      Math.floor(codebookSize * random.next() ** 2),
    );
    const counts = new CodeCounts(codebookSize);
    counts.add(indices);
    const perCode = new Float32Array(random.fill(codebookSize, (each) => 0.2 * each.next()));
    const records = Array.from({ length: 50 }, (_, i): CodeRecord => {
      // Another part of the codebook each time, in no order that would compress.
      const used = Uint32Array.from({ length: codebookSize }, (_, index) => index).filter(
        (index) => (index * (2 * i + 7919)) % 101 < 60,
      );
      const times = Float64Array.from(used, (index) => 1 + (index % 7));
      const samples = times.reduce((sum, count) => sum + count, 0);
      const codebooks = [{ indices: used, counts: times }];
      return { step: 2000 * (i + 1), samples, codebooks, drift: [{ overall: 0.1, perCode }] };
    });
    const places = new PlaceCounter({ codebookSize, codes: Array.from({ length: 32 }, (_, i) => i) });
    places.add({ indices, shape });
    const geometry = { gridHeight: 128, gridWidth: 128, imageHeight: 512, imageWidth: 512, numCodebooks: 1 };
    const page = await renderUsagePage(usageReport({ counts, images: 62, geometry }), {
      counts,
      places: [places.result()],
      vectors: [{ codeDim: 4, values: random.fill(4 * codebookSize, (each) => each.normal()) }],
      timeline: { codebookSize, numCodebooks: 1, records },
    });
    expect(bytes(page)).toBeLessThan(BUDGET);
    expect(page).toContain('aria-label="Which codes were in use when"');
    // Every code's count and life are in it.
    const [, json = "null"] = /id="vqkit-data">(.*?)<\/script>/s.exec(page) ?? [];
    const { codebooks, lives } = JSON.parse(json);
    expect(codebooks[0].indices).toHaveLength(counts.used());
    expect(lives.codebooks[0].born).toHaveLength(codebookSize);
  });

  it("of a run of 100,000 recorded steps", async () => {
    const run = await writeRun(join(await temporaryFolder(), "a"), { originals: [1, 2, 3] });
    await writeUsage(run);
    const random = new Random(2, "metrics");
    const noisy = ["reconstructionLoss", "l2Loss", "commitmentLoss", "codebookLoss", "gradientNorm"];
    const others = ["quantizationError", "perplexityBatch", "perplexityWindow", "usageBatch", "usageWindow"];
    const lines = Array.from({ length: 100_000 }, (_, i) => {
      const figures = [...noisy, ...others, "imagesPerSecond", "elapsedSeconds", "totalLoss"].map((name) => [
        name,
        1 / (1 + i / 1000) + random.next(),
      ]);
      return JSON.stringify({ step: i + 1, learningRate: 1e-3, ...Object.fromEntries(figures) });
    });
    await writeMetrics(run, []);
    await writeFile(run.path("metrics"), `${lines.join("\n")}\n`);
    const page = await renderRunReport(run);
    expect(bytes(page)).toBeLessThan(BUDGET);
    expect(page.match(/<svg/g)?.length).toBeGreaterThan(9);
  });
});
