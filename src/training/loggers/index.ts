export { LoggerError, Loggers } from "./loggers.js";
export type { LoggerFailure, RunEvent, RunLogger, RunOutcome } from "./run-logger.js";
export { TensorBoardLogger } from "./tensorboard-logger.js";
