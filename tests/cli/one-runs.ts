/** One run, of the same words on a command line, in a comparison and in code. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { Trainer } from "../../src/index.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

const SHARED = {
  model: { preset: "tiny", downsamplingFactor: 2, baseWidth: 4, latentChannels: 6 },
  data: { cropSize: 16 },
  steps: 2,
  batchSize: 2,
  threads: 1,
  evaluateUntrained: false,
  reconstructionStrips: 0,
};

/** What a run is and came to. */
async function runIn(out: string): Promise<{ config: Record<string, unknown>; model: string }> {
  const { config } = JSON.parse(await readFile(path.join(out, "config.json"), "utf8")) as {
    config: Record<string, unknown>;
  };
  const weights = await readFile(path.join(out, "model.safetensors"));
  return { config, model: createHash("sha256").update(weights).digest("hex") };
}

/** A folder with five images, and a configuration of a small run in a file. */
export async function oneRun(): Promise<{ dir: string; photos: string; shared: string }> {
  const dir = await temporaryFolder();
  const [photos, shared] = [path.join(dir, "photos"), path.join(dir, "shared.json")];
  await mkdir(photos);
  await writeImages(photos, 5);
  await writeFile(shared, JSON.stringify(SHARED));
  return { dir, photos, shared };
}

/** What is given beside the configuration: the kind, flags, the same as options in code, and what is told of it. */
export type Words = readonly [kind: string, flags: readonly string[], options: object, said: RegExp];

/** That train, compare and code make one run of the same words. */
export async function expectOneRun([kind, flags, options, said]: Words): Promise<void> {
  const { dir, photos, shared } = await oneRun();
  const [trained, compared, coded] = ["trained", "compared", "coded"].map((name) => path.join(dir, name)) as [
    string,
    string,
    string,
  ];
  const common = ["--config", shared, ...flags, "--codebook-size", "16"];
  const train = await vqkit(["train", photos, "--quantizer", kind, ...common, "--out", trained]);
  expect(train.code).toBe(0);
  expect(train.stderr).toMatch(said);
  const compare = await vqkit(["compare", photos, "--quantizers", kind, ...common, "--out", compared]);
  expect(compare.code).toBe(0);
  expect(compare.stderr).toMatch(said);
  const trainer = await Trainer.create({
    ...SHARED,
    ...options,
    model: SHARED.model as never,
    data: { images: photos, cropSize: 16 },
    quantizer: { kind, codebookSize: 16 },
    out: coded,
  });
  for await (const _ of trainer.run());
  trainer.dispose();
  const [one, ...others] = await Promise.all(
    [trained, path.join(compared, `${kind}-seed0`), coded].map((out) => runIn(out)),
  );
  for (const { config, model } of others) {
    expect(model).toBe(one?.model);
    // A comparison says which seed the split of the files has; a run of its own has its seed's.
    const { data: _data, ...rest } = config;
    const { data: __, ...own } = one?.config ?? {};
    expect(rest).toEqual(own);
  }
}
