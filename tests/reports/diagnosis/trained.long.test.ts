import { describe, expect, it } from "vitest";
import { tinyFolders } from "../../training/tiny-runs.js";
import { findingsOf, names } from "./trained-runs.js";

const folders = await tinyFolders();

describe("runs that were really trained", () => {
  it("16 codes of moving averages from k-means centres: nothing is wrong but that 150 steps are few", async () => {
    const findings = await findingsOf(folders, "healthy", {
      quantizer: { kind: "vq", codebookSize: 16, codeDim: 8, codebook: "ema", initialization: "kmeans" },
      steps: 150,
    });
    expect(names(findings).filter((rule) => rule !== "under-trained")).toEqual([]);
  });

  it("a codebook that nothing teaches: the latents are far longer than their codes", async () => {
    const findings = await findingsOf(folders, "gap", {
      quantizer: { kind: "vq", codebookSize: 64, codeDim: 8, codebookWeight: 0, commitmentWeight: 0 },
      steps: 30,
    });
    expect(findings).toContainEqual(expect.objectContaining({ rule: "norm-gap", severity: "critical" }));
  });

  it("a learning rate of 0.3: the gradient explodes", async () => {
    const findings = await findingsOf(folders, "wild", { steps: 60, learningRate: 0.3, warmupSteps: 15 });
    expect(names(findings)).toContain("exploding-gradient");
  });
});
