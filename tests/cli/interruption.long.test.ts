import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { startProgram } from "./harness.js";
import { exists, interruptFirstCodes, SMALL, trainingFolders } from "./interrupted-training.js";

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s while the first codes are chosen leaves a run that can be taken up", interruptFirstCodes);

test("a second Ctrl-C counts also when both came during one computation", async () => {
  const { dir, photos, out } = await trainingFolders();
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
  const { photos, out } = await trainingFolders();
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
