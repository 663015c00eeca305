import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { startProgram, temporaryFolder, writeImages } from "./harness.js";

const dist = new URL("../../dist/", import.meta.url);
const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--set", "evaluateUntrained=false"],
  ...["--threads", "1", "--quiet"],
];

let dir: string;
let photos: string;
let out: string;

beforeEach(async () => {
  dir = await temporaryFolder();
  [photos, out] = [path.join(dir, "photos"), path.join(dir, "run")];
  await mkdir(photos);
  await writeImages(photos, 4);
});

async function exists(file: string): Promise<boolean> {
  return readFile(file, "utf8").then(
    (text) => text !== "",
    () => false,
  );
}

/** A quantizer that, once the program has been interrupted, keeps the thread busy for a minute when it is to be saved. */
const busyQuantizer = (here: string) => `
  import { writeFileSync } from "node:fs";
  import { createQuantizer, registerQuantizer } from ${JSON.stringify(new URL("src/quantizers/index.js", dist).href)};
  let interrupted = false;
  process.once("SIGINT", () => { interrupted = true; });
  function variables(inner) {
    if (interrupted) {
      writeFileSync(${JSON.stringify(here)}, "saving");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    }
    return inner.variables();
  }
  registerQuantizer({
    kind: "busy",
    summary: "Takes long to save",
    options: [],
    parse: (value) => value,
    create: () => {
      const inner = createQuantizer({ kind: "fsq", levels: [5, 4] }, 0);
      return new Proxy(inner, {
        get: (_, name) => {
          if (name === "variables") return () => variables(inner);
          const value = inner[name];
          return typeof value === "function" ? value.bind(inner) : value;
        },
      });
    },
  });
`;

test("a second Ctrl-C leaves at once, also while nothing could answer; the run can be taken up", async () => {
  const [module, here] = [path.join(dir, "busy.mjs"), path.join(dir, "here")];
  await writeFile(module, busyQuantizer(here));
  const quantizer = ["--quantizer", "busy", "--quantizer-module", module];
  const { child, ended } = startProgram([
    "train",
    photos,
    ...SMALL,
    ...quantizer,
    "--steps",
    "100000",
    "--out",
    out,
  ]);
  while (!(await exists(path.join(out, "metrics.jsonl"))) && child.exitCode === null)
    await new Promise((go) => setTimeout(go, 20));
  child.kill("SIGINT");
  while (!(await exists(here)) && child.exitCode === null) await new Promise((go) => setTimeout(go, 20));
  const from = performance.now();
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: null, signal: "SIGINT" });
  expect(performance.now() - from).toBeLessThan(20_000); // of the minute that it would have taken
  const resume = ["train", "--resume", out, "--quantizer-module", module, "--steps", "2"];
  expect(await startProgram(resume).ended).toMatchObject({ code: 0 });
  expect(await readdir(out)).not.toContain(".vqkit.lock");
});

/** A quantizer that takes a while in each round of its k-means, and says when the first has begun. */
const patientQuantizer = (here: string) => `
  import { writeFileSync } from "node:fs";
  import { createQuantizer, registerQuantizer } from ${JSON.stringify(new URL("src/quantizers/index.js", dist).href)};
  const config = { kind: "vq", codebookSize: 32, codeDim: 4, initialization: "kmeans" };
  registerQuantizer({
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

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s while the first codes are chosen leaves a run that can be taken up", async (signal, code) => {
  const [module, here] = [path.join(dir, "patient.mjs"), path.join(dir, "here")];
  await writeFile(module, patientQuantizer(here));
  const run = ["--quantizer", "patient", "--quantizer-module", module, "--steps", "2", "--out", out];
  const { child, ended } = startProgram(["train", photos, ...SMALL, ...run]);
  while (!(await exists(here)) && child.exitCode === null) await new Promise((go) => setTimeout(go, 20));
  child.kill(signal);
  expect(await ended).toMatchObject({
    code,
    stderr: `Interrupted after step 0 of 2. To go on: vqkit train --resume ${out} --quantizer-module ${module}\n`,
  });
  expect((await readdir(out)).sort()).toEqual(["config.json", "metrics.jsonl", "timeline.vqt"]);
  const resume = ["train", "--resume", out, "--quantizer-module", module, "--quiet"];
  expect(await startProgram(resume).ended).toMatchObject({ code: 0 });
  expect(await readdir(out)).toContain("summary.json");
});

test("a second Ctrl-C counts also when both came during one computation", async () => {
  const [module, here] = [path.join(dir, "stall.mjs"), path.join(dir, "here")];
  // Stands for one long computation of the engine: nothing else runs meanwhile.
  await writeFile(
    module,
    `import { writeFileSync } from "node:fs";
     setTimeout(() => {
       writeFileSync(${JSON.stringify(here)}, "computing");
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
     }, 1).unref();`,
  );
  const { child, ended } = startProgram([
    ...["train", photos, ...SMALL, "--quantizer", "fsq", "--levels", "5,4", "--quantizer-module", module],
    ...["--steps", "100000", "--out", out],
  ]);
  while (!(await exists(here)) && child.exitCode === null) await new Promise((go) => setTimeout(go, 20));
  child.kill("SIGINT");
  await new Promise((go) => setTimeout(go, 200));
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: null, signal: "SIGINT", stderr: "" });
});

test("of two processes that begin a run in one folder, one trains and the other says why it does not", async () => {
  const args = [
    "train",
    photos,
    ...SMALL,
    "--quantizer",
    "fsq",
    "--levels",
    "5,4",
    "--steps",
    "20",
    "--out",
    out,
  ];
  const both = await Promise.all([startProgram(args).ended, startProgram(args).ended]);
  const [winner, loser] = both.sort((a, b) => (a.code ?? -1) - (b.code ?? -1));
  expect(winner).toMatchObject({ code: 0 });
  expect(loser).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: [^\n]+(locked by process \d+ on|got an earlier run)[^\n]+\n$/m),
  });
  const lines = (await readFile(path.join(out, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});
