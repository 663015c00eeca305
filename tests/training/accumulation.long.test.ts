import { beforeAll, describe, expect, it } from "vitest";
import { useEngine } from "../engine.js";
import { batchOf, gradientsOf, lossesOf, worstDifference } from "./accumulation-cases.js";

beforeAll(useEngine);

const vector = { codebookSize: 7, codeDim: 6, initialization: "normal" };

/** Every kind, and every way in which codebooks learn: losses that are means over latents. */
const equal: readonly object[] = [
  { kind: "vq", ...vector },
  { kind: "vq", ...vector, codebook: "ema", emaDecay: 0.9 },
  { kind: "vq", ...vector, codebook: "sphere" },
  { kind: "vq", ...vector, codebook: "ema-sphere", emaDecay: 0.9 },
  { kind: "vq", ...vector, codebook: "inner-product" },
  { kind: "vq", ...vector, gradient: "diveq-detach" },
  { kind: "vq", ...vector, gradient: "softmax", codebook: "inner-product" },
  { kind: "rotation", ...vector },
  { kind: "rotation", ...vector, gradient: "reflection" },
  { kind: "simvq", ...vector },
  { kind: "fsq", levels: [5, 4, 3] },
  { kind: "fsq", levels: [5, 3], bound: "symmetric" },
  { kind: "residual", numQuantizers: 2, quantizer: { kind: "vq", ...vector } },
  { kind: "grouped", groups: 2, codebookSize: 5, codeDim: 6 },
  { kind: "residual-fsq", levels: [5, 4], numQuantizers: 2 },
  { kind: "multi-scale", scales: [1, 2, 3], quantizer: { ...vector, codebook: "ema" } },
  { kind: "lfq", codeDim: 5, entropyWeight: 0 },
  { kind: "bsq", codeDim: 5, entropyWeight: 0 },
];

/** What cannot be equal: the entropy of a part's mean is not that of the batch's; noise is drawn for each part. */
const other: readonly object[] = [
  { kind: "lfq", codeDim: 5, entropyWeight: 0.3, temperature: 3 },
  { kind: "bsq", codeDim: 5, entropyWeight: 0.3 },
  { kind: "vq", ...vector, gradient: "nsvq" },
  { kind: "fsp", levels: [4, 7, 2], quantizeRate: 0.3 },
];

const name = (quantizer: object) => JSON.stringify(quantizer).slice(0, 70);

describe("a batch of 8 in 4 parts", () => {
  it.each(equal.map((each) => [name(each), each] as const))(
    "%s: the same gradients and losses",
    async (_, each) => {
      const [whole, parts] = [
        await gradientsOf(each, batchOf(each, 8, 1), 1),
        await gradientsOf(each, batchOf(each, 8, 1), 4),
      ];
      expect(worstDifference(whole, parts)).toBeLessThan(1e-5);
      const losses = [await lossesOf(each, null, 10), await lossesOf(each, 4, 10)] as const;
      for (const [i, expected] of losses[0].entries()) {
        expect(Math.abs((losses[1][i] as number) - expected) / expected, `step ${i + 1}`).toBeLessThan(1e-3);
      }
    },
    60_000,
  );

  it.each(other.map((each) => [name(each), each] as const))(
    "%s: finite, and near",
    async (_, each) => {
      const losses = [await lossesOf(each, null, 10), await lossesOf(each, 4, 10)] as const;
      for (const [i, expected] of losses[0].entries()) {
        expect(Number.isFinite(losses[1][i])).toBe(true);
        expect(Math.abs((losses[1][i] as number) - expected) / Math.abs(expected)).toBeLessThan(0.5);
      }
    },
    60_000,
  );
});
