import { mkdir } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { diagnose, type Finding, readDiagnosisRecord } from "../../../src/reports/diagnosis/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import type { RunOptions } from "../../../src/training/index.js";
import { temporaryFolder, tinyRun, train, writeImages } from "../../training/tiny-runs.js";

let folder: string;
let photos: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  photos = path.join(folder, "photos");
  await mkdir(photos);
  await writeImages(photos, 8);
});

/** Trains for real and diagnoses the folder. */
async function findingsOf(name: string, changes: Partial<RunOptions>): Promise<readonly Finding[]> {
  const out = path.join(folder, name);
  await train(tinyRun(photos, { out, threads: 1, ...changes }));
  const record = await readDiagnosisRecord(await RunFolder.open(out));
  const { findings, notJudged } = diagnose(record);
  // Every figure that this version records is there.
  expect(notJudged.filter(({ seen }) => seen.includes("earlier versions"))).toEqual([]);
  return findings;
}

const names = (findings: readonly Finding[]) => findings.map(({ rule }) => rule);

describe("runs that were really trained", () => {
  it("16 codes of moving averages from k-means centres: nothing is wrong but that 150 steps are few", async () => {
    const findings = await findingsOf("healthy", {
      quantizer: { kind: "vq", codebookSize: 16, codeDim: 8, codebook: "ema", initialization: "kmeans" },
      steps: 150,
    });
    expect(names(findings).filter((rule) => rule !== "under-trained")).toEqual([]);
  });

  it("a codebook that nothing teaches: the latents are far longer than their codes", async () => {
    const findings = await findingsOf("gap", {
      quantizer: { kind: "vq", codebookSize: 64, codeDim: 8, codebookWeight: 0, commitmentWeight: 0 },
      steps: 30,
    });
    expect(findings).toContainEqual(expect.objectContaining({ rule: "norm-gap", severity: "critical" }));
  });

  it("60 steps with the usual warm-up: they are too few, and that is the one finding", async () => {
    const findings = await findingsOf("few", { steps: 60, warmupSteps: 50, learningRate: 4e-4 });
    expect(findings).toMatchObject([{ rule: "under-trained" }]);
    expect(findings[0]?.symptoms.length).toBeGreaterThan(0);
  });

  it("512 codes for a few hundred steps of 192 latents: over-sized, and most never chosen", async () => {
    const findings = await findingsOf("large", {
      quantizer: { kind: "vq", codebookSize: 512, codeDim: 8 },
      steps: 40,
    });
    expect(names(findings)).toEqual(expect.arrayContaining(["over-sized-codebook", "dead-codes"]));
  });

  it("three steps: worse than painting the mean colour", async () => {
    const findings = await findingsOf("short", { steps: 3, learningRate: 1e-4 });
    expect(findings).toContainEqual(expect.objectContaining({ rule: "under-trained", severity: "critical" }));
  });

  it("a learning rate of 0.3: the gradient explodes", async () => {
    const findings = await findingsOf("wild", { steps: 60, learningRate: 0.3, warmupSteps: 15 });
    expect(names(findings)).toContain("exploding-gradient");
  });
});
