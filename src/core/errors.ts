/**
 * Every error that vqkit raises on purpose, but those of the engine: src/backend is a module of its own and raises
 * `BackendError`. Messages read `where: expected …, got …` and end with the next step;
 * callers match on `code`, never on the text.
 */
export type ErrorCode =
  | "config"
  | "shape"
  | "engine"
  | "busy"
  | "data"
  | "format"
  | "run"
  | "locked"
  | "codes"
  | "numerics"
  | "queue"
  | "logger"
  | "file";

export class VqkitError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A value that came from a flag, a config file or an options object is wrong. The command line exits with 2. */
export class ConfigError extends VqkitError {
  /** Where the value stands, e.g. `quantizer.levels[1]`. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super("config", path === "" ? message : `${path}: ${message}`, options);
    this.path = path;
  }
}

/** A tensor or array has another shape than the callee's contract states. */
export class ShapeError extends VqkitError {
  constructor(where: string, expected: string, got: readonly number[]) {
    super("shape", `${where}: expected shape ${expected}, got [${got.join(",")}].`);
  }
}

/** The one-line text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
