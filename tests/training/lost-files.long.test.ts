import { cp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
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

it("an image that vanishes with all others while the run trains ends the run in one line; it goes on when they are back", async () => {
  const folder = await temporaryFolder();
  await cp(images, folder, { recursive: true });
  const [whole, out] = [path.join(runs, "none lost"), path.join(runs, "all lost")];
  const data = { images: folder, cropSize: [12, 16] as [number, number], cacheMegabytes: 0, heldOut: 0.25 };
  await train(options({ out: whole, data, steps: 40 }));
  const trainer = await Trainer.create(options({ out, data, steps: 40 }));
  const run = async () => {
    for await (const { step } of trainer.run()) if (step === 3) await rename(folder, `${folder}-away`);
  };
  await expect(run()).rejects.toMatchObject({
    code: "data",
    message: expect.stringMatching(/^[^\n]*readable[^\n]*$/),
  });
  trainer.dispose();
  await rename(`${folder}-away`, folder);
  const resumed = await Trainer.resume(out);
  await drained(resumed.run());
  resumed.dispose();
  expect(await timeless(out)).toBe(await timeless(whole));
  await rm(`${folder}-away`, { recursive: true, force: true });
});
