export { isTemporaryName, removeTemporaries, writeFileAtomic } from "./atomic-file.js";
export { CHECKPOINT_SECTIONS, type Checkpoint, type CheckpointSection } from "./checkpoint-file.js";
export {
  type CheckpointEntry,
  Checkpoints,
  type CheckpointsOptions,
  type LoadedCheckpoint,
} from "./checkpoints.js";
export { type JsonObject, type JsonValue, readJsonFile, writeJsonFile } from "./json-file.js";
export {
  MetricsLog,
  type MetricsLogOptions,
  type MetricsRecord,
  type ReadMetricsOptions,
  readMetrics,
} from "./metrics-log.js";
export { type ModelFile, readModelFile, writeModelFile } from "./model-file.js";
export { decodeNpy, encodeNpy, readNpy, writeNpy } from "./npy.js";
export { NpyStack, NpyStackWriter, type StackRow } from "./npy-stack.js";
export { RUN_FILES, RunFolder, type RunSummary } from "./run-folder.js";
export {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsContent,
  writeSafetensors,
} from "./safetensors.js";
export type { Metadata } from "./safetensors-header.js";
export { StagedFile } from "./staged-file.js";
export type { StoredTensor, TensorArrays, TensorDtype, TensorMap } from "./tensor-data.js";
export { readUsageFile, type UsageRecord, writeUsageFile } from "./usage-file.js";
