import { cp } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { expectGoesOn, expectResumes, loggedRun, Recorder, toldByRun, trainWhole } from "./logger-cases.js";
import { drained, tinyFolders } from "./tiny-runs.js";

const folders = await tinyFolders();
const { images, runs } = folders;

beforeAll(async () => {
  await useEngine();
  await trainWhole(folders);
});

describe("a logger", () => {
  it("gets where a resumed run stands, and nothing of earlier steps", async () => {
    const out = path.join(runs, "killed");
    const first = await Trainer.create(loggedRun(images, { out }));
    // A copy of the folder as of step 3 is what a killed process leaves.
    const filter = (file: string) => !file.endsWith(".lock");
    for await (const { step } of first.run()) {
      if (step === 3) await cp(out, `${out} copy`, { recursive: true, filter });
    }
    first.dispose();
    const logger = new Recorder();
    const second = await Trainer.resume(`${out} copy`, { loggers: [logger] });
    await drained(second.run());
    second.dispose();
    expect(logger.told).toEqual(["start 3", ...toldByRun.slice(6)]);
    expect(logger.of("start")[0]?.resumed).toBe(true);
  });
});

describe("a logger that fails", () => {
  it.each(toldByRun)("at %s gets nothing more, and the run goes on where somebody is told", (at) =>
    expectGoesOn(folders, at),
  );

  // Behind the last step there is nothing to resume.
  const inTraining = toldByRun.filter((at) => /^(?:step|codes|evaluation|checkpoint) [1-5]$/.test(at));

  it.each(inTraining)("at %s ends a run that nobody watches, which then resumes to the same bytes", (at) =>
    expectResumes(folders, at),
  );
});
