import type { Evaluation, EvaluationFigures } from "../evaluation/index.js";
import type { MetricCard } from "../metrics/index.js";

/** How long training took, before and after an interruption together. A type, for the summary's sake. */
export type TrainingFigures = {
  readonly steps: number;
  /** Median over the steps since the run was last started. */
  readonly imagesPerSecond: number;
  /** Sum over the steps: without evaluation, saving, and what the caller did in between. */
  readonly seconds: number;
};

/** What a finished run found. */
export interface TrainingResult {
  /** Of the final model, with the averaged weights where there are some. */
  readonly evaluation: Evaluation;
  /** Of the model as the first step found it; null when `evaluateUntrained` is off. */
  readonly untrained: EvaluationFigures | null;
  /** Of each image painted in its mean colour. */
  readonly meanColour: EvaluationFigures;
  readonly training: TrainingFigures;
  readonly conventions: MetricCard;
  /** The folder that was written; null when none was. */
  readonly dir: string | null;
}
