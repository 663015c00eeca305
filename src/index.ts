/** The public API of vqkit. What is not named here may change in any release. */

export type {
  AutoencoderConfig,
  AutoencoderOutput,
  ModelDescription,
  ModelOptions,
  ModelPresetName,
} from "./autoencoder/index.js";
// autoencoder
export {
  describeModel,
  ImageAutoencoder,
  modelPresetNames,
  modelPresets,
  resolveModel,
} from "./autoencoder/index.js";
export type {
  DeviceName,
  DeviceStatus,
  Engine,
  EngineName,
  EngineOptions,
  EngineStatus,
} from "./backend/index.js";
// backend
export {
  BackendError,
  deviceNames,
  deviceStatuses,
  engineNames,
  engineStatuses,
  executionProviders,
  GraphWriter,
  selectEngine,
} from "./backend/index.js";
// core
export { ConfigError, type ErrorCode, messageOf, ShapeError, VqkitError } from "./core/errors.js";
export { OversizeError } from "./core/oversize.js";
export { Random } from "./core/random.js";
export { decodeText } from "./core/text.js";
export type {
  BrokenImage,
  CollectionOptions,
  DataConfig,
  DataConfigInput,
  Enlargement,
  FindOptions,
  ImageBatch,
  ImageCollection,
  ImageDatasetOptions,
  ImageNote,
  ImageSource,
  LeftOut,
  PassedFolder,
  PassedOver,
  PixelArray,
  RawImage,
  RgbImage,
  SourceElement,
  SourceInput,
  SourceItem,
} from "./data/index.js";
// data
export {
  decodeImage,
  describePassedOver,
  findImages,
  findRuns,
  ImageDataset,
  ImageError,
  openFileList,
  openSource,
  toSharp,
} from "./data/index.js";
export type { Chart } from "./drawing/charts/index.js";
export { writePlots } from "./drawing/charts/index.js";
export { type TextTableOptions, textTable } from "./drawing/index.js";
export type {
  Evaluation,
  EvaluationFigures,
  EvaluationNetworks,
  EvaluationOptions,
  GradientInspection,
  GradientInspectionOptions,
  ImageNetworkOptions,
} from "./evaluation/index.js";
// evaluation
export {
  DistanceNetwork,
  evaluateMeanColour,
  evaluateModel,
  evaluationCard,
  FeatureNetwork,
  inspectGradients,
} from "./evaluation/index.js";
export type {
  ExportHuggingFaceOptions,
  ExportOnnxOptions,
  HuggingFaceExport,
  OnnxExport,
  OnnxQuantizerExport,
  PixelFormat,
  PruneEvidence,
  PruneOptions,
  PruneResult,
  Remapping,
  RoundTrip,
} from "./export/index.js";
// export
export {
  exportHuggingFace,
  exportOnnx,
  pixelFormats,
  pruneModel,
  readRemapping,
  registerOnnxExport,
  remapCodes,
} from "./export/index.js";
export type { OwnFolderKind, StoredTensor, TensorMap } from "./files/index.js";
export {
  ownFolderKind,
  readNpy,
  readSafetensors,
  writeFileAtomic,
  writeNpy,
  writeSafetensors,
} from "./files/index.js";
// losses
export type {
  ModelPass,
  Module,
  Objective,
  ObjectiveTerm,
  ObjectiveValue,
  Phase,
  ReconstructionLossOptions,
} from "./losses/index.js";
export { reconstructionLoss } from "./losses/index.js";
export type {
  ObjectiveCard,
  ObjectiveConfig,
  ObjectiveContext,
  ObjectiveDefinition,
  ObjectiveParts,
} from "./losses/registry/index.js";
export { registerObjective } from "./losses/registry/index.js";
export type {
  CodebookDrift,
  CodeGeometry,
  CodeLives,
  CodeRecord,
  CodeTimeline,
  Gaussian,
  ImageFigures,
  Interval,
  IntervalCounts,
  LifeEvents,
  MetricCard,
  Spread,
  UsageFigures,
} from "./metrics/index.js";
// metrics
export {
  bitsPerPixel,
  CodeCounts,
  codeAges,
  codeLives,
  compareImages,
  expectedUniformUsage,
  frechetDistance,
  GaussianFit,
  leastUsedCodes,
  mostUsedCodes,
  rankFrequency,
  usageFigures,
} from "./metrics/index.js";
// nn
export type { WeightValue } from "./nn/index.js";
export { createOptimizer, type OptimizerConfig } from "./nn/optimizer/index.js";
export type {
  BackwardArguments,
  CodebookName,
  CodeLearning,
  ContractCheck,
  GradientEstimator,
  GradientName,
  Initialization,
  InitializationOptions,
  InitializationProgress,
  KeptCodes,
  KMeansOptions,
  LevelPlan,
  NearestCodeOptions,
  OnnxQuantizer,
  OptionChoice,
  Paper,
  Pruning,
  Quantizer,
  QuantizerConfig,
  QuantizerDefinition,
  QuantizerDescription,
  QuantizerFacts,
  QuantizerLoss,
  QuantizerLossName,
  QuantizerOption,
  QuantizerOutput,
  Recommendation,
  RotationOptions,
  StateValue,
  Surrogate,
  SurrogatePoint,
  VectorQuantizerConfig,
} from "./quantizers/index.js";
// quantizers
export {
  checkIndices,
  checkLatents,
  countRotationFallbacks,
  createQuantizer,
  describeQuantizers,
  digitsToIndices,
  indicesToDigits,
  kMeans,
  nearestCode,
  parseQuantizerConfig,
  planLevels,
  quantizerContract,
  quantizerFacts,
  quantizerKinds,
  quantizerWarnings,
  recommendationFor,
  reflection,
  registerQuantizer,
  replaceByCodes,
  rotationTrick,
  stopGradient,
  straightThrough,
  straightThroughSurrogate,
  withoutGradient,
} from "./quantizers/index.js";
export type {
  BuildComparisonOptions,
  CodeAtlas,
  ComparedFigure,
  Comparison,
  ComparisonDifferences,
  ComparisonFigures,
  ComparisonRow,
  DiagnosedRun,
  Diagnosis,
  DiagnosisRecord,
  Finding,
  LossCard,
  LossTerm,
  PairedDifference,
  PlaceStatistics,
  Severity,
  UsageEvidence,
  UsageReport,
} from "./reports/index.js";
// reports
export {
  buildComparison,
  comparisonCharts,
  comparisonCsv,
  comparisonPicture,
  DiagnosisHistory,
  diagnose,
  gradientPlot,
  LiveDiagnosis,
  lossCard,
  PlaceCounter,
  readCurves,
  readDiagnosisRecord,
  renderComparisonPage,
  renderComparisonTable,
  renderDiagnosis,
  renderFiguresTable,
  renderGradients,
  renderRunReport,
  renderUsageHtml,
  renderUsagePage,
  renderUsageText,
  runUsage,
  runUsageReport,
  trainingCharts,
  usageCharts,
  usageReport,
  writeComparison,
  writeRunReport,
} from "./reports/index.js";
export type { ReconstructionStrips, RunSummary, Strip, UsageRecord } from "./runs/index.js";
// runs
export { RunFolder, readCodeTimeline } from "./runs/index.js";
export type {
  CodedImage,
  CodeFile,
  CodeFormat,
  CodeGrid,
  CodeManifest,
  CodeSurvey,
  CodeSurveyOptions,
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
  SizePolicy,
  SourceProgress,
  TilePlace,
  UnwrittenImage,
  WriteImagesOptions,
  WrittenImages,
} from "./tokenizer/index.js";
// tokenizer
export {
  CodeReader,
  codeFormats,
  concatCodes,
  countCodes,
  DecodedImage,
  loadModel,
  openCodes,
  openCodeWriter,
  readCodeManifest,
  readCodes,
  sliceCodes,
  surveyCodes,
  Tokenizer,
  writeCodes,
  writeImages,
} from "./tokenizer/index.js";
export type {
  CodebookChoice,
  ComparisonControl,
  ComparisonEvent,
  ComparisonOptions,
  ConfigChange,
  ResumedFrom,
  ResumeOptions,
  RunConfig,
  RunDescription,
  RunIdentity,
  RunOptions,
  SizeCheckOptions,
  SizeUse,
  SourceConfig,
  SourceOptions,
  StepMetrics,
  Sweep,
  TrainerHooks,
  TrainingPhase,
  TrainingResult,
} from "./training/index.js";
// training
export {
  changeableFields,
  checkSize,
  compareQuantizers,
  NonFiniteError,
  resolveRun,
  resumeComparison,
  Trainer,
  withSourceModel,
} from "./training/index.js";
