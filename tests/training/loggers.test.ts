import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { CodeRecord } from "../../src/metrics/index.js";
import { RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import { Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import {
  expectGoesOn,
  expectResumes,
  Failing,
  loggedRun,
  Recorder,
  toldByRun,
  trainWhole,
} from "./logger-cases.js";
import { outcome } from "./resumed-runs.js";
import { drained, logged, tinyFolders } from "./tiny-runs.js";

const folders = await tinyFolders();
const { images, runs } = folders;

beforeAll(async () => {
  await useEngine();
  await trainWhole(folders);
});

describe("a logger", () => {
  it("is told everything that the run records, in order, and what it is told is what the files have", async () => {
    const out = path.join(runs, "told");
    const logger = new Recorder();
    const trainer = await Trainer.create(loggedRun(images, { out }), { loggers: [logger] });
    await drained(trainer.run());
    trainer.dispose();
    expect(logger.told).toEqual(toldByRun);
    expect(await outcome(out)).toEqual(await outcome(path.join(runs, "whole")));
    const lines = await logged(out);
    for (const [i, { metrics }] of logger.of("step").entries()) {
      const { usage, ...figures } = metrics;
      expect(usage).toBe(figures.usageWindow);
      expect(lines[i]).toEqual(figures);
    }
    const run = await RunFolder.open(out);
    // The file has drifts within 4 %, and counts exactly.
    const counted = (records: readonly CodeRecord[] = []) =>
      records.map(({ step, samples, codebooks }) => ({ step, samples, codebooks }));
    const records = logger.of("codes").map(({ record }) => record);
    expect(counted((await readCodeTimeline(run))?.records)).toEqual(counted(records));
    const [first, second, third] = logger.of("evaluation").map((event) => event.figures);
    const { figures } = await run.readSummary();
    expect(figures.untrained).toEqual(first);
    expect(lines[2]).toMatchObject({ step: 4, evaluationPsnr: second?.psnr });
    expect(figures.final).toEqual(third);
    expect(logger.of("start")[0]).toMatchObject({ config: trainer.config, dir: out, resumed: false });
    expect(logger.of("end")[0]?.outcome).toBe("finished");
    expect(logger.of("summary")[0]?.result).toBe(trainer.result);
  });

  it("is told of the last evaluation where none is made in training, and of an early end", async () => {
    const logger = new Recorder();
    const changes = { steps: 2, evaluateEvery: null, evaluateUntrained: false, reconstructionStrips: 0 };
    const trainer = await Trainer.create(loggedRun(images, changes), { loggers: [logger] });
    await drained(trainer.run());
    trainer.dispose();
    expect(logger.told).toEqual(["start 0", "step 1", "step 2", "evaluation 2", "summary 2", "end 2"]);
    const stopped = await Trainer.create(loggedRun(images, changes), { loggers: [logger] });
    for await (const _ of stopped.run()) break;
    stopped.dispose();
    expect(logger.told.slice(6)).toEqual(["start 0", "step 1", "end 1"]);
    expect(logger.events.at(-1)).toMatchObject({ type: "end", outcome: "interrupted" });
  });
});

describe("a logger that fails", () => {
  it("gets nothing more, and the run goes on where somebody is told", () =>
    expectGoesOn(folders, "checkpoint 4"));

  it("ends a run that nobody watches, which then resumes to the same bytes", () =>
    expectResumes(folders, "evaluation 4"));

  it("at the end of a finished run is told by an error, and the run stands", async () => {
    const out = path.join(runs, "thrown at the end");
    const trainer = await Trainer.create(loggedRun(images, { out }), { loggers: [new Failing("end 6")] });
    await expect(drained(trainer.run())).rejects.toMatchObject({
      code: "logger",
      message:
        'logger "recorder": expected it to take "end" of step 6, got: no connection. The run can be resumed; to train on without a logger that fails, give onLoggerFailed.',
    });
    trainer.dispose();
    expect(await outcome(out)).toEqual(await outcome(path.join(runs, "whole")));
  });
});
