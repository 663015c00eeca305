export { type ClippedGradients, clipByGlobalNorm } from "./gradient-clipping.js";
export {
  Adam,
  type OptimizerConfig,
  type OptimizerKind,
  optimizerKinds,
  type StepOptions,
} from "./optimizer.js";
export { type RunConfig, type RunOptions, resolveRun, runOptionNames, savedConfig } from "./run-config.js";
export { type LearningRateSchedule, learningRateAt, type ScheduleKind, scheduleKinds } from "./schedule.js";
export { type EvaluationFields, type LossFields, type StepMetrics, timingFields } from "./step-metrics.js";
export {
  type RunDescription,
  Trainer,
  type TrainerHooks,
  type TrainingFigures,
  type TrainingPhase,
  type TrainingResult,
} from "./trainer.js";
export {
  type TrainingConfig,
  type TrainingOptions,
  trainingFields,
  trainingSchema,
} from "./training-config.js";
export { averageDecayAt, WeightAverage } from "./weight-average.js";
