import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { startProgram } from "./harness.js";
import { dist, exists, SMALL, trainingFolders } from "./interrupted-training.js";

let dir: string;
let photos: string;
let out: string;

beforeEach(async () => {
  ({ dir, photos, out } = await trainingFolders());
});

/** A quantizer that, once the program has been interrupted, keeps the thread busy for a minute when it is to be saved. */
const busyQuantizer = (here: string) => `
  import { writeFileSync } from "node:fs";
  import { createQuantizer, registerQuantizer as register } from ${JSON.stringify(new URL("src/quantizers/index.js", dist).href)};
  let interrupted = false;
  process.once("SIGINT", () => { interrupted = true; });
  function variables(inner) {
    if (interrupted) {
      writeFileSync(${JSON.stringify(here)}, "saving");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    }
    return inner.variables();
  }
  register({
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
