import { beforeAll, describe, it } from "vitest";
import { useEngine } from "../engine.js";
import { expectGoesOn, expectResumes, toldByRun, trainWhole } from "./logger-cases.js";
import { tinyFolders } from "./tiny-runs.js";

const folders = await tinyFolders();

beforeAll(async () => {
  await useEngine();
  await trainWhole(folders);
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
