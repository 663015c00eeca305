import { messageOf, VqkitError } from "../../core/errors.js";
import type { LoggerFailure, RunEvent, RunLogger, RunOutcome } from "./run-logger.js";

/** A logger failed, and nobody was there to be told of it. The run stands where it was: it can be resumed. */
export class LoggerError extends VqkitError {
  constructor({ message, error }: LoggerFailure) {
    super(
      "logger",
      `${message} The run can be resumed; to train on without a logger that fails, give onLoggerFailed.`,
      { cause: error },
    );
  }
}

/** The loggers of a run: each gets every event until it fails. */
export class Loggers {
  #active: readonly RunLogger[];
  readonly #onFailed: ((failure: LoggerFailure) => void) | undefined;
  #step = 0;

  /** @param onFailed told of a logger that fails; without it the failure is thrown */
  constructor(loggers: readonly RunLogger[] = [], onFailed?: (failure: LoggerFailure) => void) {
    this.#active = loggers;
    this.#onFailed = onFailed;
  }

  /** Whether anybody still listens. */
  get isEmpty(): boolean {
    return this.#active.length === 0;
  }

  /** Tells all, one after another. @throws LoggerError for the first that failed, when all have been told */
  async tell(...events: RunEvent[]): Promise<void> {
    const failures: LoggerFailure[] = [];
    for (const event of events) {
      this.#step = event.step;
      failures.push(...(await this.#tellOne(event)));
    }
    for (const failure of failures) {
      if (this.#onFailed === undefined) throw new LoggerError(failure);
      this.#onFailed(failure);
    }
  }

  async #tellOne(event: RunEvent): Promise<LoggerFailure[]> {
    const failures: LoggerFailure[] = [];
    for (const logger of this.#active) {
      try {
        await logger.log(event);
      } catch (error) {
        this.#active = this.#active.filter((each) => each !== logger);
        failures.push(failureOf(logger, event, error));
      }
    }
    return failures;
  }

  /** Tells that the run is over. @param hasThrown whether an error is on its way already, which is then the one to see */
  async end(outcome: RunOutcome, hasThrown: boolean): Promise<void> {
    try {
      await this.tell({ type: "end", step: this.#step, outcome });
    } catch (error) {
      if (!hasThrown) throw error;
    }
  }
}

function failureOf({ name }: RunLogger, { type, step }: RunEvent, error: unknown): LoggerFailure {
  const message = `logger ${JSON.stringify(name)}: expected it to take "${type}" of step ${step}, got: ${messageOf(error)}`;
  return { logger: name, step, message: /[.!?]$/.test(message) ? message : `${message}.`, error };
}
