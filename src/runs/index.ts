export { arrayOf, countsOf, type ExpectedArray, storedCounts } from "./checkpoint-arrays.js";
export { CHECKPOINT_SECTIONS, type Checkpoint, type CheckpointSection } from "./checkpoint-file.js";
export {
  type CheckpointEntry,
  Checkpoints,
  type CheckpointsOptions,
  type LoadedCheckpoint,
} from "./checkpoints.js";
export { CodeTimelineLog, keepsTimeline, readCodeTimeline } from "./code-timeline.js";
export type { TimelineShape } from "./code-timeline-format.js";
export {
  MetricsLog,
  type MetricsLogOptions,
  type MetricsRecord,
  type ReadMetricsOptions,
  readMetrics,
} from "./metrics-log.js";
export { type ModelFile, readModelFile, writeModelFile } from "./model-file.js";
export {
  type Origin,
  type Original,
  type OriginalFile,
  originFields,
  originOf,
  originText,
} from "./original.js";
export { type ReconstructionStrip, ReconstructionStrips } from "./reconstruction-strips.js";
export { RUN_FILES, RunFolder, type RunSummary } from "./run-folder.js";
export { modelFingerprint, readStoredModel, type StoredModel } from "./stored-model.js";
export { readUsageFile, type UsageRecord, writeUsageFile } from "./usage-file.js";
