import { DiagnosisHistory, type DiagnosisRecord } from "../../../src/reports/diagnosis/index.js";

/** Figures of one step, by its position 0..1 in the run. */
export type Planted = Readonly<Record<string, (at: number, step: number) => number>>;

/** Dies of the same throw every time: −1..1, with no trend. */
export const noise = (step: number): number => Math.sin(12.9898 * step) * Math.cos(78.233 * step);

/** A run in which nothing is wrong: 500 steps of 4,096 indices, 512 codes of 32 numbers. */
export const HEALTHY: Planted = {
  reconstructionLoss: (at, step) => 0.02 + 0.3 * Math.exp(-12 * at) + 0.001 * noise(step),
  commitmentLoss: (at, step) => 0.01 * (1 - Math.exp(-10 * at)) * (1 + 0.2 * noise(step)),
  gradientNorm: (at, step) => 0.4 + 2 * Math.exp(-30 * at) + 0.1 * noise(step),
  usageBatch: (at, step) => 0.7 * (1 - 0.8 * Math.exp(-10 * at)) + 0.03 * noise(step),
  usageWindow: (at) => 0.9 * (1 - 0.7 * Math.exp(-10 * at)),
};

export const EVALUATED = {
  psnr: 27,
  usage: 0.92,
  used: 471,
  samples: 20_000,
  expectedUniformUsage: 1,
  perplexity: 300,
  latentNorm: 1.2,
  codeNorm: 1.1,
  latentEffectiveRank: 14,
};

export interface PlantedRun {
  readonly steps?: number;
  readonly curves?: Planted;
  /** Curves that were not recorded. */
  readonly without?: readonly string[];
  readonly final?: Partial<Record<keyof typeof EVALUATED, number | null>> | null;
  readonly codebookUsage?: readonly number[];
  readonly codebookSize?: number;
  readonly plannedSteps?: number;
  readonly meanColourPsnr?: number;
  readonly config?: unknown;
}

/** The record of a healthy run, with what the test plants in it. */
export function planted(run: PlantedRun = {}): DiagnosisRecord {
  const { steps = 500, curves = {}, without = [], final = {}, codebookSize = 512 } = run;
  const history = new DiagnosisHistory({
    codebookSize,
    codeDim: 32,
    plannedSteps: run.plannedSteps ?? steps,
    config: run.config,
  });
  for (let step = 1; step <= steps; step++) {
    const figures = Object.entries({ ...HEALTHY, ...curves })
      .filter(([name]) => !without.includes(name))
      .map(([name, figure]) => [name, figure(step / steps, step)]);
    history.add({
      step,
      samplesBatch: 4096,
      samplesWindow: 4096 * Math.min(step, 50),
      ...Object.fromEntries(figures),
    });
  }
  return history.record({
    codebookUsage: final === null ? null : (run.codebookUsage ?? [0.92]),
    final: final === null ? null : { ...EVALUATED, ...final },
    meanColourPsnr: run.meanColourPsnr ?? 18,
  });
}
