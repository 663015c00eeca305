/** A training whose terminal closes, in a process of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { main, startProgram, temporaryFolder, writeImages } from "./harness.js";

const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--set", "evaluateUntrained=false"],
  ...["--quantizer", "fsq", "--levels", "5,4", "--threads", "1", "--quiet"],
];
export const canHangUp = process.platform !== "win32" && spawnSync("bash", ["-c", "type nohup"]).status === 0;

/** A folder of images; the arguments of a training of them that does not end by itself; where it writes. */
async function longTraining(): Promise<{ args: string[]; out: string }> {
  const dir = await temporaryFolder();
  const [photos, out] = [path.join(dir, "photos"), path.join(dir, "run")];
  await mkdir(photos);
  await writeImages(photos, 4);
  return {
    args: ["train", photos, ...SMALL, "--steps", "1000000", "--checkpoint-every", "1000000", "--out", out],
    out,
  };
}

/** The steps that a run has written. */
async function stepsOf(out: string): Promise<number> {
  return (await readFile(path.join(out, "metrics.jsonl"), "utf8").catch(() => "")).split("\n").length - 1;
}

async function reaches(step: number, { out, child }: { out: string; child: ChildProcess }): Promise<void> {
  while ((await stepsOf(out)) < step && child.exitCode === null)
    await new Promise((go) => setTimeout(go, 20));
}

/** That a training which gets these signals ends in order, with a checkpoint. */
export async function expectOrderlyEnd(signals: readonly NodeJS.Signals[]): Promise<void> {
  const { args, out } = await longTraining();
  const { child, ended } = startProgram(args);
  await reaches(1, { out, child });
  for (const signal of signals) {
    child.kill(signal);
    await new Promise((go) => setTimeout(go, 5));
  }
  expect(await ended).toMatchObject({
    // Of two that wait together the system tells which comes first.
    code: signals.includes("SIGTERM") ? expect.toBeOneOf([129, 143]) : 129,
    stderr: expect.stringMatching(/^Interrupted after step \d+ of 1000000\. To resume: [^\n]+\n$/),
  });
  expect(await readdir(path.join(out, "checkpoints"))).toHaveLength(1);
  expect(await readdir(out)).not.toContain(".vqkit.lock");
}

/** That a training which this script starts goes on after hangups, and still ends in order when it is told to. */
export async function expectToGoOnUnder(script: string): Promise<void> {
  const { args, out } = await longTraining();
  const shell = spawn("bash", ["-c", script, `${out}.log`, process.execPath, main, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const code = new Promise((ended) => shell.once("close", ended));
  const pid = Number(await new Promise((told) => shell.stdout.once("data", (text) => told(String(text)))));
  await reaches(1, { out, child: shell });
  process.kill(pid, "SIGHUP");
  await reaches((await stepsOf(out)) + 3, { out, child: shell });
  process.kill(pid, "SIGHUP");
  await reaches((await stepsOf(out)) + 3, { out, child: shell });
  process.kill(pid, "SIGTERM");
  expect(await code).toBe(143); // as the shell was told
  expect(await readFile(`${out}.log`, "utf8")).toMatch(/Interrupted after step \d+ of 1000000\./);
  expect(await readdir(path.join(out, "checkpoints"))).toHaveLength(1);
}
