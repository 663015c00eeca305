/** Trainings in a process of their own that are interrupted. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { startProgram, temporaryFolder, writeImages } from "./harness.js";

/** The built program. */
export const dist = new URL("../../dist/", import.meta.url);
/** What makes a training small. */
export const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--set", "evaluateUntrained=false"],
  ...["--threads", "1", "--quiet"],
];

/** A folder with images in it, and where a run goes. */
export async function trainingFolders(): Promise<{ dir: string; photos: string; out: string }> {
  const dir = await temporaryFolder();
  const [photos, out] = [path.join(dir, "photos"), path.join(dir, "run")];
  await mkdir(photos);
  await writeImages(photos, 4);
  return { dir, photos, out };
}

/** Whether there is a file with something in it. */
export async function exists(file: string): Promise<boolean> {
  return readFile(file, "utf8").then(
    (text) => text !== "",
    () => false,
  );
}

/** A quantizer that takes a while in each round of its k-means, and says when the first has begun. */
const patientQuantizer = (here: string) => `
  import { writeFileSync } from "node:fs";
  import { createQuantizer, registerQuantizer as register } from ${JSON.stringify(new URL("src/quantizers/index.js", dist).href)};
  const config = { kind: "vq", codebookSize: 32, codeDim: 4, initialization: "kmeans" };
  register({
    kind: "patient",
    summary: "Takes long to begin",
    options: [],
    parse: (value) => value,
    create: () => {
      const inner = createQuantizer(config, 0);
      const initialize = (latents, control) => inner.initialize(latents, {
        ...control,
        onProgress: (progress) => {
          control.onProgress(progress);
          writeFileSync(${JSON.stringify(here)}, "choosing");
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
        },
      });
      return new Proxy(inner, {
        get: (_, name) => {
          if (name === "initialize") return initialize;
          const value = inner[name];
          return typeof value === "function" ? value.bind(inner) : value;
        },
      });
    },
  });
`;

/** That a training which gets a signal while its first codes are chosen can be resumed. */
export async function interruptFirstCodes(signal: NodeJS.Signals, code: number): Promise<void> {
  const { dir, photos, out } = await trainingFolders();
  const [module, here] = [path.join(dir, "patient.mjs"), path.join(dir, "here")];
  await writeFile(module, patientQuantizer(here));
  const run = ["--quantizer", "patient", "--quantizer-module", module, "--steps", "2", "--out", out];
  const { child, ended } = startProgram(["train", photos, ...SMALL, ...run]);
  while (!(await exists(here)) && child.exitCode === null) await new Promise((go) => setTimeout(go, 20));
  child.kill(signal);
  expect(await ended).toMatchObject({
    code,
    stderr: `Interrupted after step 0 of 2. To resume: vqkit train --resume ${out} --quantizer-module ${module}\n`,
  });
  expect((await readdir(out)).sort()).toEqual(["config.json", "metrics.jsonl", "timeline.vqt"]);
  const resume = ["train", "--resume", out, "--quantizer-module", module, "--quiet"];
  expect(await startProgram(resume).ended).toMatchObject({ code: 0 });
  expect(await readdir(out)).toContain("summary.json");
}
