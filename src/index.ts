/**
 * The names that most programs use. Everything else that a layer promises stands in its own face, `vqkit/LAYER`:
 * `vqkit/quantizers` to write one, `vqkit/testing` to check it, `vqkit/reports` to draw, `vqkit/data`, `vqkit/metrics`
 * and so on (docs/architecture.md).
 */

export type { ModelOptions, ModelPresetName } from "./autoencoder/index.js";
export type { DeviceName, Engine, EngineName, EngineOptions } from "./backend/index.js";
export { BackendError, selectEngine } from "./backend/index.js";
export { ConfigError, type ErrorCode, messageOf, ShapeError, VqkitError } from "./core/errors.js";
export { OversizeError } from "./core/oversize.js";
export { Random } from "./core/random.js";
export type {
  BrokenImage,
  DataConfigInput,
  ImageNote,
  ImageSource,
  PassedOver,
  PixelArray,
  RawImage,
  RgbImage,
  SourceInput,
} from "./data/index.js";
export { decodeImage, findImages, ImageError } from "./data/index.js";
export type { Evaluation, EvaluationFigures, EvaluationOptions } from "./evaluation/index.js";
export { evaluateModel } from "./evaluation/index.js";
export type {
  ExportHuggingFaceOptions,
  ExportOnnxOptions,
  HuggingFaceExport,
  OnnxExport,
  PruneOptions,
  PruneResult,
  Remapping,
  RoundTrip,
} from "./export/index.js";

export { exportHuggingFace, exportOnnx, pruneModel } from "./export/index.js";
export type { ImportedTokenizer, ImportOptions } from "./import/index.js";
export { importTokenizer } from "./import/index.js";
export type { Module, Objective, ObjectiveTerm, ObjectiveValue, Phase } from "./losses/index.js";
export type {
  ObjectiveConfig,
  ObjectiveContext,
  ObjectiveDefinition,
  ObjectiveParts,
  ReconstructionLossDefinition,
} from "./losses/registry/index.js";
export { registerObjective } from "./losses/registry/index.js";
export type {
  Quantizer,
  QuantizerConfig,
  QuantizerDefinition,
  QuantizerLoss,
  QuantizerOutput,
} from "./quantizers/index.js";
export { registerQuantizer } from "./quantizers/index.js";
export type { BuildComparisonOptions, Comparison, UsageReport } from "./reports/writing/index.js";
export { buildComparison, usageReport, writeComparison, writeRunReport } from "./reports/writing/index.js";
export type { RunSummary } from "./runs/index.js";
export { RunFolder } from "./runs/index.js";
export type {
  CallOptions,
  CodedImage,
  CodeFormat,
  CodeManifest,
  Codes,
  CodesInput,
  CodeWriter,
  CodeWriterOptions,
  EncodeAllOptions,
  EncodeCallOptions,
  EncodedBatch,
  EncodeOptions,
  EncodeSettings,
  LoadedModel,
  LoadOptions,
  SizePolicy,
  TilePlace,
  WriteImagesOptions,
  WrittenImages,
} from "./tokenizer/index.js";
export {
  CodeReader,
  codeFormats,
  concatCodes,
  countCodes,
  DecodedImage,
  openCodes,
  openCodeWriter,
  readCodeManifest,
  readCodes,
  sliceCodes,
  Tokenizer,
  writeCodes,
  writeImages,
} from "./tokenizer/index.js";
export type {
  ComparisonEvent,
  ComparisonOptions,
  ResumeOptions,
  RunConfig,
  RunOptions,
  StepMetrics,
  TrainerHooks,
  TrainingResult,
} from "./training/index.js";
export { compareQuantizers, NonFiniteError, resumeComparison, Trainer } from "./training/index.js";
