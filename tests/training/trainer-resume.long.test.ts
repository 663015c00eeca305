import { beforeAll, it } from "vitest";
import type { RunOptions } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { expectSameBytes } from "./resumed-runs.js";
import { tinyFolders } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

it.each<[string, Partial<RunOptions>]>([
  [
    "vq with k-means centres",
    { quantizer: { kind: "vq", codebookSize: 16, codeDim: 8, initialization: "kmeans" }, threads: 2 },
  ],
  ["rotation", { quantizer: { kind: "rotation", codebookSize: 16, codeDim: 8 } }],
  ["fsq", { quantizer: { kind: "fsq", levels: [5, 4, 3] }, usageWindow: 3 }],
  ["residual, 20 steps", { quantizer: { kind: "residual", codebookSize: 8, codeDim: 8 }, steps: 20 }],
  [
    "simvq with AdamW",
    {
      quantizer: { kind: "simvq", codebookSize: 12, codeDim: 4 },
      optimizer: { kind: "adamw", weightDecay: 0.1 },
    },
  ],
  [
    "multi-scale, 20 steps",
    {
      quantizer: {
        kind: "multi-scale",
        scales: [1, 2, 4, 6],
        quantizer: { kind: "vq", codebookSize: 12, codeDim: 8, codebook: "ema", initialization: "kmeans" },
      },
      data: { images, cropSize: [12, 12], heldOut: 0.25, evaluationCropsPerImage: 2 },
      steps: 20,
    },
  ],
])("a run that goes on ends in the bytes of one that was never interrupted: %s", (name, changes) =>
  expectSameBytes({ images, runs, name }, changes),
);
