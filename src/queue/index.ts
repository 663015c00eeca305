export type { QueueAddress } from "./address.js";
export type {
  ComparisonProgress,
  QueuedComparisonEvent,
  QueuedComparisonOptions,
} from "./compare/options.js";
export { compareQuantizers, resumeComparison } from "./compare/queued-comparison.js";
export type { QueuedEncodingOptions, QueueProgress } from "./encode/options.js";
export { encodeAll, QueuedEncoding } from "./encode/queued-encoding.js";
export type {
  EvaluationProgress,
  EvaluationRequest,
  NetworkOnQueue,
  QueuedEvaluation,
  QueuedEvaluationOptions,
} from "./evaluate/options.js";
export { evaluateModels } from "./evaluate/queued-evaluation.js";
export { type MonitoredTask, QueueMonitor, type QueueState } from "./monitor.js";
export type { Served, ServeOptions, WorkerEvent } from "./serve-options.js";
export type { TaskKind } from "./task-kind.js";
export type { QueueOptions } from "./task-rules.js";
export type { FailedPiece, TaskState } from "./task-state.js";
export { serveQueue } from "./worker.js";
export type { WorkerStatus } from "./worker-status.js";
