import { describe, expect, it } from "vitest";
import { tinyFolders } from "../../training/tiny-runs.js";
import { findingsOf, names } from "./trained-runs.js";

const folders = await tinyFolders();

describe("runs that were really trained", () => {
  it("512 codes for a few hundred steps of 192 latents: over-sized, and most never chosen", async () => {
    const findings = await findingsOf(folders, "large", {
      quantizer: { kind: "vq", codebookSize: 512, codeDim: 8 },
      steps: 40,
    });
    expect(names(findings)).toEqual(expect.arrayContaining(["over-sized-codebook", "dead-codes"]));
  });

  it("60 steps with the usual warm-up: they are too few, and that is the one finding", async () => {
    const findings = await findingsOf(folders, "few", { steps: 60, warmupSteps: 50, learningRate: 4e-4 });
    expect(findings).toMatchObject([{ rule: "under-trained" }]);
    expect(findings[0]?.symptoms.length).toBeGreaterThan(0);
  });

  it("three steps: worse than painting the mean colour", async () => {
    const findings = await findingsOf(folders, "short", { steps: 3, learningRate: 1e-4 });
    expect(findings).toContainEqual(expect.objectContaining({ rule: "under-trained", severity: "critical" }));
  });
});
