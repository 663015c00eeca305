/** How weights learn: an optimizer is a chain of parts, and beside it stand a schedule and a running average. */
export { type AdamOptions, adam } from "./adam.js";
export { clipping } from "./clipping.js";
export {
  globalNorm,
  Optimizer,
  type OptimizerPart,
  type Scalars,
  type StepOptions,
  type StepView,
  stateless,
  type Update,
  type Updates,
} from "./optimizer.js";
export {
  createOptimizer,
  type OptimizerConfig,
  type OptimizerKind,
  optimizerKinds,
  optimizerSchema,
} from "./optimizer-config.js";
export { partRates } from "./part-rates.js";
export { type LearningRateSchedule, learningRateAt, type ScheduleKind, scheduleKinds } from "./schedule.js";
export { averageDecayAt, WeightAverage } from "./weight-average.js";
export { decoupledDecay, l2Decay } from "./weight-decay.js";
