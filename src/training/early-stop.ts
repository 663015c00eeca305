import { z } from "zod";
import { ConfigError } from "../core/errors.js";
import type { EvaluationFigures } from "../evaluation/index.js";

/** Figures of an evaluation that a run may stop by, and whether more of it is better. */
const directions = {
  psnr: 1,
  ssim: 1,
  usage: 1,
  perplexity: 1,
  reconstructionLoss: -1,
  quantizationError: -1,
} as const;
export type MonitoredFigure = keyof typeof directions;
export const monitoredFigures = Object.keys(directions) as readonly MonitoredFigure[];

/** Fields of a run's configuration that end it early. */
export const earlyStopFields = {
  /** Evaluations in a row without a better figure, after which the run ends; null is off. */
  stopAfter: z.int().min(1).nullable().default(null),
  /** The figure of an evaluation that has to become better. */
  monitor: z.enum(monitoredFigures as [MonitoredFigure, ...MonitoredFigure[]]).default("psnr"),
};

/** What a checkpoint knows of it. */
export interface Monitored {
  /** The best so far; null before the first evaluation. */
  readonly best: number | null;
  /** Evaluations since. */
  readonly since: number;
}

interface EarlyStop {
  readonly stopAfter: number | null;
  readonly monitor: MonitoredFigure;
}

/** After another evaluation. A figure that is null is not better. */
export function monitored(
  { best, since }: Monitored,
  figures: EvaluationFigures,
  { monitor }: EarlyStop,
): Monitored {
  const value = figures[monitor] ?? null;
  const isBetter = value !== null && (best === null || directions[monitor] * (value - best) > 0);
  return isBetter ? { best: value, since: 0 } : { best, since: since + 1 };
}

/** Whether the run is to end. */
export function isStopped({ since }: Monitored, { stopAfter }: EarlyStop): boolean {
  return stopAfter !== null && since >= stopAfter;
}

/** @throws ConfigError at `stopAfter` where nothing is evaluated that could stop the run */
export function checkEarlyStop({
  stopAfter,
  evaluateEvery,
}: {
  readonly stopAfter: number | null;
  readonly evaluateEvery: number | null;
}): void {
  if (stopAfter === null || evaluateEvery !== null) return;
  throw new ConfigError(
    "stopAfter",
    "expected evaluations in training beside it, got none. Set the steps between two (evaluateEvery).",
  );
}
