import { chmod, cp, mkdir, readdir, rename } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { BrokenImage } from "../../src/data/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { type RunOptions, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { drained, temporaryFolder, timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

const options = (changes: Partial<RunOptions>) =>
  tinyRun(images, {
    quantizer: { kind: "fsq", levels: [5, 4] },
    checkpointEvery: 2,
    evaluateUntrained: false,
    ...changes,
  });

const isRoot = process.geteuid?.() === 0;
/** Permissions mean something only to others than root: as root, the test becomes nobody for a while. */
const canBeRefused = process.seteuid !== undefined;

/** Runs `work` as a user who may not write what belongs to another. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (!isRoot) return work();
  process.seteuid?.("nobody");
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe.skipIf(!canBeRefused)("a folder that may not be written", () => {
  it("is named before anything is computed", async () => {
    const closed = path.join(runs, "closed");
    await mkdir(closed, { mode: 0o555 });
    await chmod(runs, 0o755);
    const trainer = await Trainer.create(options({ out: path.join(closed, "run") }));
    const error: unknown = await asOrdinaryUser(() => trainer.run().next()).catch(
      (reason: unknown) => reason,
    );
    trainer.dispose();
    expect(error).toMatchObject({
      code: "file",
      message: `${path.join(closed, "run")}: could not make the folder (EACCES: permission denied). Check the permissions.`,
    });
    expect(await readdir(closed)).toEqual([]);
  });

  it("in the middle of training ends the run; the last checkpoint stands, and it goes on to the same end", async () => {
    const [whole, out] = [path.join(runs, "whole"), path.join(runs, "read-only")];
    await train(options({ out: whole }));
    const trainer = await Trainer.create(options({ out }));
    const checkpoints = path.join(out, "checkpoints");
    const run = trainer.run();
    await run.next();
    await run.next();
    for (const dir of [checkpoints, out]) await chmod(dir, 0o555);
    onTestFinished(async () => {
      for (const dir of [checkpoints, out]) await chmod(dir, 0o755);
    });
    const error: unknown = await asOrdinaryUser(() => drained(run)).catch((reason: unknown) => reason);
    trainer.dispose();
    expect(error).toMatchObject({
      code: "file",
      message: expect.stringMatching(/EACCES: permission denied\)\. Check/),
    });
    expect(await readdir(checkpoints)).toEqual(["step-00000002.safetensors"]);
    for (const dir of [checkpoints, out]) await chmod(dir, 0o755);
    const resumed = await Trainer.resume(out);
    await drained(resumed.run());
    resumed.dispose();
    expect(await timeless(out)).toBe(await timeless(whole));
  });
});

describe("an image that vanishes while the run trains", () => {
  it("is named once, and the run goes on without it", async () => {
    const folder = await temporaryFolder();
    await cp(images, folder, { recursive: true });
    const out = path.join(runs, "one lost");
    const broken: BrokenImage[] = [];
    const data = { images: folder, cropSize: [12, 16] as [number, number], cacheMegabytes: 0, heldOut: 0.25 };
    const trainer = await Trainer.create(options({ out, data, steps: 8 }), {
      onBroken: (each) => broken.push(each),
    });
    const lost = trainer.dataset.trainFiles[2] as string;
    for await (const { step } of trainer.run()) if (step === 1) await rename(lost, `${lost}.gone`);
    trainer.dispose();
    expect(broken).toEqual([{ file: lost, reason: expect.stringMatching(/ENOENT|no such file/i) }]);
    expect((await (await RunFolder.open(out)).readSummary()).figures).toMatchObject({ brokenFiles: 1 });
  });
});
