export { isTemporaryName, removeTemporaries, writeFileAtomic } from "./atomic-file.js";
export { type BoundedReader, openReader, withReader } from "./bounded-reader.js";
export { CHECKPOINT_SECTIONS, type Checkpoint, type CheckpointSection } from "./checkpoint-file.js";
export {
  type CheckpointEntry,
  Checkpoints,
  type CheckpointsOptions,
  type LoadedCheckpoint,
} from "./checkpoints.js";
export { CodeTimelineLog, keepsTimeline, readCodeTimeline } from "./code-timeline.js";
export type { TimelineShape } from "./code-timeline-format.js";
export { crc32 } from "./crc32.js";
export { makeFolder } from "./folder-names.js";
export { type JsonObject, type JsonValue, parseJson, readJsonFile, writeJsonFile } from "./json-file.js";
export { type JsonLine, JsonLineIndex, type ReadJsonLinesOptions, readJsonLines } from "./json-lines.js";
export {
  MetricsLog,
  type MetricsLogOptions,
  type MetricsRecord,
  type ReadMetricsOptions,
  readMetrics,
} from "./metrics-log.js";
export { type ModelFile, readModelFile, writeModelFile } from "./model-file.js";
export { decodeNpy, encodeNpy, readNpy, writeNpy } from "./npy.js";
export { encodeStackHeader, NpyStack, STACK_HEADER_BYTES, type StackRow } from "./npy-stack.js";
export { decodePrelude, encodePrelude, PRELUDE_BYTES } from "./prelude.js";
export { ReconstructionStrips, type Strip } from "./reconstruction-strips.js";
export { RUN_FILES, RunFolder, type RunSummary } from "./run-folder.js";
export { type RunLock, type RunWriter, writerOf } from "./run-lock.js";
export {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsContent,
  writeSafetensors,
} from "./safetensors.js";
export type { Metadata } from "./safetensors-header.js";
export { isPartialName, nameOfPartial, StagedFile } from "./staged-file.js";
export { placeStagedFiles, removeStagedFiles, StagedFiles } from "./staged-files.js";
export { modelFingerprint, readStoredModel, type StoredModel } from "./stored-model.js";
export type { StoredTensor, TensorArrays, TensorDtype, TensorMap } from "./tensor-data.js";
export { readUsageFile, type UsageRecord, writeUsageFile } from "./usage-file.js";
