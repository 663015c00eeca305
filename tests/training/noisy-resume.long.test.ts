/** What draws in training draws the same when the run is resumed. One of these is among the short tests. */
import { beforeAll, describe, it } from "vitest";
import type { QuantizerConfig } from "../../src/quantizers/index.js";
import { useEngine } from "../engine.js";
import { expectSameBytes } from "./resumed-runs.js";
import { tinyFolders } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

const VECTORS = { kind: "vq", codebookSize: 16, codeDim: 8 };
const REPLACED = { replaceBelow: 0.6, replaceEvery: 3 };

const kinds: [string, QuantizerConfig][] = [
  ["nsvq", { ...VECTORS, gradient: "nsvq" }],
  ["diveq", { ...VECTORS, gradient: "diveq" }],
  ["reinmax", { ...VECTORS, gradient: "reinmax" }],
  ["gumbel-softmax", { ...VECTORS, gradient: "gumbel-softmax", gumbelSteps: 9 }],
  ["replacement of dead codes", { ...VECTORS, ...REPLACED }],
  ["replacement of codes of moving averages", { ...VECTORS, codebook: "ema", ...REPLACED }],
  ["replacement on the unit sphere", { ...VECTORS, codebook: "ema-sphere", ...REPLACED }],
  ["nsvq with replacement", { ...VECTORS, gradient: "nsvq", ...REPLACED }],
  ["noise dropout", { kind: "fsq", levels: [5, 4, 3], bound: "symmetric", noiseDropout: 0.5 }],
  ["fsp", { kind: "fsp", levels: [5, 4, 3], quantizeRate: 0.25 }],
  [
    "replacement in a sum of several",
    { kind: "residual", numQuantizers: 2, quantizer: { ...VECTORS, codebook: "ema", ...REPLACED } },
  ],
  ["softmax over all codes", { ...VECTORS, gradient: "softmax", entropyWeight: 0.1 }],
];

describe("a run with noise", () => {
  it.each(kinds)("ends in the bytes of one that was never interrupted: %s", (name, quantizer) =>
    expectSameBytes({ images, runs, name }, { quantizer }),
  );
});
