/** Loggers that note down what they are told, and what a run has to be in spite of one that fails. */
import path from "node:path";
import { expect } from "vitest";
import {
  LoggerError,
  type LoggerFailure,
  type RunEvent,
  type RunLogger,
  type RunOptions,
  Trainer,
} from "../../src/training/index.js";
import { outcome } from "./resumed-runs.js";
import { drained, type Folders, tinyRun, train } from "./tiny-runs.js";

/** A run that has every kind of event. */
export function loggedRun(images: string, changes: Partial<RunOptions>): RunOptions {
  return tinyRun(images, {
    steps: 6,
    evaluateEvery: 4,
    checkpointEvery: 3,
    logEvery: 2,
    timelineRecords: 2,
    reconstructionStrips: 1,
    ...changes,
  });
}

/** What it tells, in its order. */
export const toldByRun = [
  "start 0",
  "evaluation 0",
  "step 1",
  "step 2",
  "codes 3",
  "checkpoint 3",
  "step 4",
  "evaluation 4",
  "checkpoint 4", // the best so far
  "step 6",
  "evaluation 6",
  "codes 6",
  "pictures 6",
  "checkpoint 6",
  "summary 6",
  "end 6",
];

export class Recorder implements RunLogger {
  readonly name = "recorder";
  readonly events: RunEvent[] = [];

  log(event: RunEvent): void {
    this.events.push(event);
  }

  /** In short, as `step 3`. */
  get told(): string[] {
    return this.events.map(({ type, step }) => `${type} ${step}`);
  }

  of<T extends RunEvent["type"]>(type: T): Extract<RunEvent, { readonly type: T }>[] {
    return this.events.filter((event) => event.type === type) as Extract<RunEvent, { readonly type: T }>[];
  }
}

/** Fails at one kind of event of one step. */
export class Failing extends Recorder {
  readonly #at: string;

  constructor(at: string) {
    super();
    this.#at = at;
  }

  override log(event: RunEvent): void {
    super.log(event);
    if (this.told.at(-1) === this.#at) throw new Error("no connection");
  }
}

/** The run without loggers, which all others are to equal. */
export async function trainWhole({ images, runs }: Folders): Promise<void> {
  await train(loggedRun(images, { out: path.join(runs, "whole") }));
}

/** That a run goes on without a logger that fails, where somebody is told of it. */
export async function expectGoesOn({ images, runs }: Folders, at: string): Promise<void> {
  const out = path.join(runs, `told ${at}`);
  const [logger, other] = [new Failing(at), new Recorder()];
  const failures: LoggerFailure[] = [];
  const trainer = await Trainer.create(loggedRun(images, { out }), {
    loggers: [logger, other],
    onLoggerFailed: (failure) => failures.push(failure),
  });
  await drained(trainer.run());
  trainer.dispose();
  expect(logger.told.at(-1)).toBe(at);
  expect(other.told).toEqual(toldByRun);
  const [type, step] = at.split(" ");
  expect(failures).toEqual([
    {
      logger: "recorder",
      step: Number(step),
      message: `logger "recorder": expected it to take "${type}" of step ${step}, got: no connection.`,
      error: expect.any(Error),
    },
  ]);
  expect(await outcome(out)).toEqual(await outcome(path.join(runs, "whole")));
}

/** That a run ends with a logger that fails where nobody is told of it, and resumes to the same bytes. */
export async function expectResumes({ images, runs }: Folders, at: string): Promise<void> {
  const out = path.join(runs, `thrown ${at}`);
  const trainer = await Trainer.create(loggedRun(images, { out }), { loggers: [new Failing(at)] });
  await expect(drained(trainer.run())).rejects.toThrow(LoggerError);
  trainer.dispose();
  const resumed = await Trainer.resume(out);
  expect(resumed.resumed?.step).toBe(Number(at.split(" ")[1]));
  await drained(resumed.run());
  resumed.dispose();
  expect(await outcome(out)).toEqual(await outcome(path.join(runs, "whole")));
}
