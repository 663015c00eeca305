import { noise, type PlantedRun } from "./planted.js";

/** What each run has planted in it, and the one finding that this makes. */
export const CASES: readonly (readonly [what: string, run: PlantedRun, rule: string, severity: string])[] = [
  [
    "the window's usage falls from 90 % to 60 %",
    { curves: { usageWindow: (at) => 0.9 - 0.3 * at } },
    "usage-falling",
    "warning",
  ],
  [
    "usage falls to a third",
    { curves: { usageWindow: (at) => 0.9 - 0.65 * at } },
    "usage-falling",
    "critical",
  ],
  [
    "a run of 40 steps, too short for its window, by the batch",
    {
      steps: 40,
      codebookSize: 256,
      curves: {
        usageBatch: (at) => 0.8 - 0.5 * at,
        reconstructionLoss: (_, step) => 0.05 + 0.001 * noise(step),
        commitmentLoss: () => 0.01,
      },
    },
    "usage-falling",
    "critical",
  ],
  ["a third of the codes in use", { final: { usage: 0.33 } }, "dead-codes", "warning"],
  ["8 codes of 512", { final: { usage: 8 / 512, perplexity: 5 } }, "dead-codes", "critical"],
  [
    "few codes in the window of a run under way",
    { final: null, plannedSteps: 900, curves: { usageWindow: () => 0.06, usageBatch: () => 0.05 } },
    "dead-codes",
    "critical",
  ],
  [
    "one codebook of three with a fifth of the others' use",
    { codebookUsage: [0.9, 0.16, 0.7] },
    "idle-codebook",
    "warning",
  ],
  ["a dead codebook behind one in use", { codebookUsage: [0.95, 0.004] }, "idle-codebook", "critical"],
  // 500 · 4096 / 65536 = 31 latents a code; and a uniform source would show 26 % of these.
  [
    "65,536 codes",
    { codebookSize: 65_536, final: { usage: 0.2, expectedUniformUsage: 0.263, perplexity: 9000 } },
    "over-sized-codebook",
    "warning",
  ],
  [
    "all in use, but nearly always the same 20",
    { final: { perplexity: 20 } },
    "over-sized-codebook",
    "warning",
  ],
  [
    "the commitment loss grows with every step",
    { curves: { commitmentLoss: (at, step) => 0.01 * Math.exp(2 * at) * (1 + 0.1 * noise(step)) } },
    "commitment-growing",
    "warning",
  ],
  [
    "the commitment loss runs away",
    { curves: { commitmentLoss: (at) => 0.01 * Math.exp(8 * at) } },
    "commitment-growing",
    "critical",
  ],
  ["latents three times as long as their codes", { final: { latentNorm: 3.3 } }, "norm-gap", "warning"],
  ["codes of length 0", { final: { codeNorm: 0 } }, "norm-gap", "critical"],
  ["codes twelve times as long as latents", { final: { latentNorm: 0.09 } }, "norm-gap", "critical"],
  ["latents in 3 of 32 dimensions", { final: { latentEffectiveRank: 3 } }, "low-rank-latents", "warning"],
  ["latents on a line", { final: { latentEffectiveRank: 1.1 } }, "low-rank-latents", "critical"],
  [
    "a loss that falls to the end",
    { curves: { reconstructionLoss: (at) => 0.4 * Math.exp(-2 * at) } },
    "under-trained",
    "warning",
  ],
  ["half a dB over the mean colour", { meanColourPsnr: 26.5 }, "under-trained", "warning"],
  ["worse than the mean colour", { meanColourPsnr: 27.1 }, "under-trained", "critical"],
  [
    "a gradient that grows",
    { curves: { gradientNorm: (at) => 0.1 * Math.exp(5 * at) } },
    "exploding-gradient",
    "critical",
  ],
  [
    "one step of 500 with a gradient of 200 times the usual size",
    { curves: { gradientNorm: (_, step) => (step === 333 ? 80 : 0.4) } },
    "exploding-gradient",
    "warning",
  ],
];
