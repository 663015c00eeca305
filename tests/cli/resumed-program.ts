/** A training that is resumed, here or in a process of its own. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { startProgram } from "./harness.js";

/** What makes a training small. */
export const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--set", "evaluateUntrained=false"],
  ...["--quantizer", "fsq", "--levels", "5,4", "--threads", "1"],
];

/** The steps that a run has logged. */
export async function stepsOf(out: string): Promise<number[]> {
  const lines = (await readFile(path.join(out, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => (JSON.parse(line) as { step: number }).step);
}

/** The program in a process of its own, once it has logged its first steps. */
export async function started(photos: string, out: string) {
  const args = ["train", photos, ...SMALL, "--steps", "100000", "--out", out, "--quiet"];
  const { child, ended } = startProgram(args);
  while (
    (await readFile(path.join(out, "metrics.jsonl"), "utf8").catch(() => "")) === "" &&
    child.exitCode === null
  )
    await new Promise((go) => setTimeout(go, 20));
  return { child, ended };
}
