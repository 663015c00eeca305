export {
  type ComparisonControl,
  type ComparisonEvent,
  compareQuantizers,
  type RunIdentity,
  resumeComparison,
} from "./comparison/comparison.js";
export { type MeasuredRun, measureComparison } from "./comparison/measure-comparison.js";
export { type FoundRun, OpenComparison } from "./comparison/open-comparison.js";
export { type ComparisonOptions, type PlannedRun, planComparison } from "./comparison/plan.js";
export type { Sweep } from "./comparison/sweep.js";
export { type FinishElsewhereOptions, finishTrainedElsewhere } from "./finish-elsewhere.js";
export { type ModelPart, modelParts } from "./frozen-parts.js";
export {
  LoggerError,
  type LoggerFailure,
  type RunEvent,
  type RunLogger,
  type RunOutcome,
  TensorBoardLogger,
} from "./loggers/index.js";
export { type MeasureOptions, measureRun, type RunMeasurement } from "./measure-run.js";
export { NonFiniteError, type NonFinitePolicy, nonFinitePolicies } from "./non-finite.js";
export {
  type CheckpointChoice,
  type ConfigChange,
  changeableFields,
  checkpointChoices,
  type ResumedFrom,
  type ResumeOptions,
} from "./resume-run.js";
export type { TrainerHooks, TrainingPhase } from "./run.js";
export {
  type CodebookChoice,
  codebookChoices,
  type RunConfig,
  type RunOptions,
  resolveRun,
  runOptionNames,
  type SourceConfig,
  type SourceOptions,
  savedConfig,
  type TrainingConfig,
  type TrainingOptions,
  trainingFields,
  trainingSchema,
} from "./run-config.js";
export type { RunDescription } from "./run-description.js";
export { planRun, RunPlan } from "./run-plan.js";
export { checkSize, type SizeCheckOptions, type SizeUse } from "./size-check.js";
export { readSource, type SourceModel } from "./source-model.js";
export { type StartingModel, startingModel } from "./starting-model.js";
export { type EvaluationFields, type LossFields, type StepMetrics, timingFields } from "./step-metrics.js";
export { Trainer } from "./trainer.js";
export type { TrainingFigures, TrainingResult } from "./training-result.js";
