export {
  type ComparisonControl,
  type ComparisonEvent,
  compareQuantizers,
  type RunIdentity,
  resumeComparison,
} from "./comparison/comparison.js";
export { type ComparisonOptions, type PlannedRun, planComparison } from "./comparison/plan.js";
export type { Sweep } from "./comparison/sweep.js";
export { NonFiniteError, type NonFinitePolicy, nonFinitePolicies } from "./non-finite.js";
export {
  type CheckpointChoice,
  checkpointChoices,
  type ResumedFrom,
  type ResumeOptions,
} from "./resume-run.js";
export { type ConfigChange, changeableFields } from "./resumed-config.js";
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
} from "./run-config.js";
export { withSourceModel } from "./source-model.js";
export { type EvaluationFields, type LossFields, type StepMetrics, timingFields } from "./step-metrics.js";
export { Trainer } from "./trainer.js";
export type { TrainerHooks, TrainingPhase } from "./trainer-hooks.js";
export {
  type TrainingConfig,
  type TrainingOptions,
  trainingFields,
  trainingSchema,
} from "./training-config.js";
export type { RunDescription, TrainingFigures, TrainingResult } from "./training-result.js";
