import { join } from "node:path";
import { expect, test } from "vitest";
import { describeStep } from "../../cli/run-description.js";
import { diagnose, readDiagnosisRecord } from "../../src/reports/diagnosis/index.js";
import {
  buildComparison,
  readCurves,
  renderComparisonPage,
  renderRunReport,
  runUsageReport,
  trainingCharts,
} from "../../src/reports/index.js";
import type { StepMetrics } from "../../src/training/index.js";
import { temporaryFolder, writeMetrics, writeRun, writeUsage } from "./runs.js";

/** 120 steps of 64 indices, with a window of 20 of them whose usage collapses. */
const records = Array.from({ length: 120 }, (_, i) => ({
  step: i + 1,
  reconstructionLoss: 0.1,
  usageBatch: 0.01,
  samplesBatch: 64,
  usageWindow: i < 60 ? 0.4 : 0.1,
  samplesWindow: 64 * Math.min(20, i + 1),
  perplexityWindow: 3,
  evaluationUsage: 0.05,
}));

test("terminal, page, charts and doctor say of the same usage that it is the same", async () => {
  const run = await writeRun(join(await temporaryFolder(), "a"), { psnr: 20 });
  await writeUsage(run);
  await writeMetrics(run, records);
  const window = "the last 20 steps";

  expect(describeStep({ ...records.at(-1), usage: 0.1 } as unknown as StepMetrics)).toBe(
    `loss 0.100, usage of ${window} 10.0 %`,
  );
  const { scopes } = await runUsageReport(run);
  expect(scopes.map(({ scope, samples, usage }) => [scope, samples, usage])).toEqual([
    ["one batch of training (step 120)", 64, 0.01],
    [`${window} of training (step 120)`, 1280, 0.1],
    ["held-out images", 7, 3 / 1024],
  ]);
  const { findings } = diagnose(await readDiagnosisRecord(run));
  const seen = Object.fromEntries(findings.map((finding) => [finding.rule, finding.seen]));
  expect(seen["usage-falling"]).toMatch(`usage of ${window}: 10.0 % in the last tenth of the run, 40.0 %`);
  // PSNR 20 makes a usage of 10 % in 300 indices, of which a uniform source shows 25.4 %.
  expect(seen["dead-codes"]).toMatch("usage on held-out images (300 indices): 10.0 %, a uniform source");
  const chart = trainingCharts(await readCurves(run), { heldOut: true }).find(
    ({ title }) => title === "Codebook usage",
  );
  expect(chart?.keys.map(({ name }) => name)).toEqual(["one batch", window, "held-out images"]);
  const page = await renderRunReport(run);
  for (const words of ["Usage on held-out images", `usage of ${window}`, `${window} of training`])
    expect(page).toContain(words);
  const comparison = await renderComparisonPage(await buildComparison([run]));
  expect(comparison).toContain(`Codebook usage of ${window}`);
  expect(comparison).toContain("Counted on held-out images.");
});
