import { appendFile, open, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readCurves, readDiagnosisRecord } from "../../src/reports/index.js";
import type { RunFolder } from "../../src/runs/index.js";
import { MetricsWatch } from "../../src/ui/metrics-watch.js";
import { temporaryFolder, writeRun } from "../reports/runs.js";

/** Lines of steps `from`..`to`, every figure another. */
function lines(from: number, to: number, shift = 0): string {
  const steps = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return steps
    .map(
      (step) =>
        `${JSON.stringify({ step, reconstructionLoss: 1 / step + shift, usageWindow: step / 1000 })}\n`,
    )
    .join("");
}

async function watched(): Promise<{
  readonly run: RunFolder;
  readonly watch: MetricsWatch;
  readonly file: string;
}> {
  const run = await writeRun(join(await temporaryFolder(), "run"));
  const known = { codebookSize: 1024, codeDim: 64, plannedSteps: 8 };
  return { run, watch: new MetricsWatch(run, known), file: run.path("metrics") };
}

/** What is watched is what reading the whole file gives. */
async function expectWhole(watch: MetricsWatch, run: RunFolder): Promise<void> {
  const { curves, record, problem } = await watch.read();
  expect(problem).toBeUndefined();
  expect(curves).toEqual(await readCurves(run));
  const { curves: trends, lastStep } = await readDiagnosisRecord(run);
  expect(record).toMatchObject({ curves: trends, lastStep });
}

it("has nothing before the first step", async () => {
  const { watch, file } = await watched();
  await rm(file, { force: true });
  expect(await watch.read()).toMatchObject({ curves: { records: 0 }, problem: undefined });
});

it("follows a file that grows, a line that is being written left aside", async () => {
  const { run, watch, file } = await watched();
  await writeFile(file, lines(1, 3));
  await expectWhole(watch, run);
  await appendFile(file, '{"step":4,"recon');
  expect((await watch.read()).curves).toMatchObject({ records: 3, last: { step: 3 } });
  await appendFile(file, 'structionLoss":0.25}\n');
  await expectWhole(watch, run);
  await appendFile(file, lines(5, 70));
  expect((await watch.read()).curves).toMatchObject({ records: 70, last: { step: 70 } });
  await expectWhole(watch, run);
});

it("reads no line twice", async () => {
  const { watch, file } = await watched();
  await writeFile(file, lines(1, 5));
  await watch.read();
  const handle = await open(file, "r+");
  await handle.write("#", 0); // what was read may be anything now
  await handle.close();
  await appendFile(file, lines(6, 7));
  expect(await watch.read()).toMatchObject({ curves: { records: 7 }, problem: undefined });
});

it("serves calls that overlap in order", async () => {
  const { run, watch, file } = await watched();
  await writeFile(file, lines(1, 40));
  await Promise.all([watch.read(), watch.read(), watch.read()]);
  await expectWhole(watch, run);
});

it.each([
  ["shorter than it was", 4, 5],
  ["longer than it was", 4, 90],
  ["empty at first", 0, 2],
])("begins anew where a run goes on from a checkpoint: %s", async (_, kept, to) => {
  const { run, watch, file } = await watched();
  await writeFile(file, lines(1, 20));
  await watch.read();
  await truncate(file, lines(1, kept).length);
  await appendFile(file, lines(kept + 1, to, 0.5));
  await expectWhole(watch, run);
  expect((await watch.read()).curves.records).toBe(to);
});

it("shows what stands before damage, names the line, and goes on once it is mended", async () => {
  const { run, watch, file } = await watched();
  await writeFile(file, `${lines(1, 2)}{"step":3,"recon\n${lines(4, 5)}`);
  for (let times = 0; times < 2; times++) {
    const { curves, problem } = await watch.read();
    expect(curves).toMatchObject({ records: 2, last: { step: 2 } });
    expect(problem).toContain(`${file} line 3: expected JSON`);
  }
  await writeFile(file, lines(1, 6));
  await expectWhole(watch, run);
});

it("keeps a long run in little: 100,000 steps, at most 1,201 points of each figure", async () => {
  const { watch, file } = await watched();
  await writeFile(file, lines(1, 100_000));
  const { curves } = await watch.read();
  const points = curves.curves.get("reconstructionLoss") ?? [];
  expect(curves.records).toBe(100_000);
  expect(points.length).toBeLessThanOrEqual(1201);
  expect(points[0]).toEqual([1, 1]);
  expect(points.at(-1)).toEqual([100_000, 1e-5]);
});
