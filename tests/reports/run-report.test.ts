import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  readCurves,
  renderRunReport,
  runUsageReport,
  trainingCharts,
  writeRunReport,
} from "../../src/reports/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { temporaryFolder, writeMetrics, writeRun, writeUsage } from "./runs.js";

async function newDir(name = "a"): Promise<string> {
  return join(await temporaryFolder(), name);
}

/** The page's text without tags. */
function textOf(page: string): string {
  return page
    .replace(/<style>[\s\S]*<\/style>/, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");
}

describe("renderRunReport", () => {
  it("shows figures beside the baselines, curves, pictures, usage, config and conventions", async () => {
    const run = await writeRun(await newDir(), {
      kind: "fsq",
      codebookSize: 1000,
      nominalCodebookSize: 1024,
      originals: [1, 2, 3],
      config: { data: { cropSize: [4, 6] } },
    });
    await writeUsage(run, 1000);
    await writeMetrics(run, [
      { step: 1, totalLoss: 0.5, usageBatch: 0.002, samplesBatch: 7 },
      { step: 8, totalLoss: 0.25, usageBatch: 0.003, samplesBatch: 7 },
    ]);
    const page = await renderRunReport(run);
    const text = textOf(page);
    expect(text).toContain("a: fsq, 1,000 codes");
    expect(text).toContain("8 steps in 1 min 35 s, 50.0 images a second; seed 0.");
    expect(text).toContain("A codebook of 1,024 codes was asked for; fsq has 1,000.");
    expect(text).toContain("Measured on 12 held-out images.");
    // psnr 20, 10 and 15; usage psnr / 200, of 300 indices
    expect(text).toContain("PSNR (dB) 20.00 10.00 15.00");
    expect(text).toContain("Usage on held-out images 10.0 % 5.0 % –");
    expect(text).toContain("Usage of a uniform source, 300 indices 25.4 % 25.4 % –");
    expect(text).toContain("one batch of training (step 8) 7 3 0.30 %");
    expect(text).toContain("data.cropSize [4,6]");
    expect(text).toContain("psnr all channels, range 255");
    expect(text).toContain("Loss card");
    expect(page).toContain('aria-label="Losses, weighted: total"');
    const [, data] = page.match(/src="data:image\/png;base64,([^"]+)"/) ?? [];
    expect(Buffer.from(data ?? "", "base64").equals(await readFile(run.path("reconstructions")))).toBe(true);
    // The page's own program and its data, and nothing from elsewhere.
    expect(page.match(/<script[^>]*>/g)).toEqual([
      '<script type="application/json" id="vqkit-data">',
      "<script>",
    ]);
    expect(page).not.toMatch(/https?:/);
  });

  it("leaves out a baseline that was not evaluated", async () => {
    const run = await writeRun(await newDir(), { untrained: null });
    const text = textOf(await renderRunReport(run));
    expect(text).toContain("Figure Trained Mean colour PSNR (dB) 20.00 15.00");
  });

  it("shows an unfinished run as far as it went", async () => {
    const run = await RunFolder.create(await newDir("<b>"));
    await run.writeConfig({ note: "<i>" });
    await writeMetrics(run, [{ step: 5, totalLoss: 1 }]);
    const page = await renderRunReport(run);
    expect(page).toContain("<h1>&lt;b&gt;</h1>");
    expect(page).toContain("This run has not finished: it has no final figures. Its metrics reach step 5.");
    expect(page).toContain("&lt;i&gt;");
  });

  it("does not hide a broken file", async () => {
    const run = await writeRun(await newDir());
    await run.writeSummary({ conventions: {}, figures: { final: { images: "many" } } });
    await expect(renderRunReport(run)).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining(`${run.path("summary")}: figures.final.images`),
    });
  });
});

describe("trainingCharts", () => {
  it("draw every figure that was recorded, also those that nobody knows", async () => {
    const run = await writeRun(await newDir());
    const figures = {
      ...{ totalLoss: 0.5, l2Loss: 0.4, weightedL2Loss: 0.4, commitmentLoss: 0.3, learningRate: 1e-3 },
      ...{ usageEpoch: 0.2, samplesEpoch: 7, evaluationSsim: 0.8, elapsedSeconds: 2, imagesPerSecond: 9 },
      ...{ sharpness: 5 },
    };
    await writeMetrics(run, [
      { step: 1, ...figures },
      { step: 2, ...figures },
    ]);
    const charts = trainingCharts(await readCurves(run));
    const drawn = charts.flatMap(({ table }) => table.columns.slice(1));
    expect(drawn).toEqual(
      expect.arrayContaining([
        ...["total", "L2", "commitment", "the epoch so far", "SSIM", "learning rate", "seconds"],
      ]),
    );
    // Numbers of indices and losses that only a weight sets apart have none.
    expect(drawn).toHaveLength(9);
    expect(charts.at(-1)).toMatchObject({
      title: "sharpness",
      table: {
        rows: [
          [1, 5],
          [2, 5],
        ],
      },
    });
  });
});

describe("the losses of a quantizer", () => {
  it("are drawn by whatever name they have, weighted and not, the usual ones first", async () => {
    const run = await writeRun(await newDir());
    const figures = {
      ...{ totalLoss: 2, reconstructionLoss: 1, l1Loss: 1, weightedL1Loss: 1 },
      ...{ orthogonalLoss: 4, weightedOrthogonalLoss: 0.4, commitmentLoss: 3, weightedCommitmentLoss: 0.6 },
      ...{ codebookLoss: 2, weightedCodebookLoss: 2, loneLoss: 9 },
    };
    await writeMetrics(run, [
      { step: 1, ...figures },
      { step: 2, ...figures },
    ]);
    const charts = trainingCharts(await readCurves(run));
    const columns = charts.map(({ title, table }) => [title, ...table.columns.slice(1)]);
    expect(columns.slice(0, 3)).toEqual([
      ["Losses, weighted", "total", "reconstruction", "codebook", "commitment", "orthogonal"],
      ["Reconstruction losses, unweighted: L1", "L1"],
      ["Losses beside the reconstruction, unweighted", "codebook", "commitment", "orthogonal"],
    ]);
    // What has no weight is nobody's loss that is minimised: a figure like any other.
    expect(columns.at(-1)).toEqual(["loneLoss", "loneLoss"]);
  });
});

describe("writeRunReport", () => {
  it("writes report.html", async () => {
    const run = await writeRun(await newDir());
    expect(await writeRunReport(run)).toBe(run.path("report"));
    expect(await readFile(run.path("report"), "utf8")).toBe(await renderRunReport(run));
  });
});

describe("runUsageReport", () => {
  it("sets training beside the evaluation set", async () => {
    const run = await writeRun(await newDir("b"));
    await writeUsage(run);
    await writeMetrics(run, [
      { step: 8, usageBatch: 0.002, samplesBatch: 7, usageWindow: 0.01, samplesWindow: 21 },
    ]);
    const report = await runUsageReport(run, { codes: 2 });
    expect(report.name).toBe("b");
    expect(report.scopes.map(({ scope, samples }) => [scope, samples])).toEqual([
      ["one batch of training (step 8)", 7],
      ["the last 3 steps of training (step 8)", 21],
      ["held-out images", 7],
    ]);
    expect(report.codebooks[0]?.mostUsed).toEqual([
      { index: 3, count: 4 },
      { index: 1, count: 2 },
    ]);
  });

  it("needs an evaluated run", async () => {
    const run = await writeRun(await newDir());
    await expect(runUsageReport(run)).rejects.toMatchObject({ code: "run" });
  });
});
