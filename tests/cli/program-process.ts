/** The program as it is installed: what `npm run build` wrote, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import type { Outcome } from "./harness.js";

export const dist = path.resolve(import.meta.dirname, "../../dist");
export const main = path.join(dist, "cli/main.js");

/** Starts it; what it prints, when it has ended. */
export function start(
  args: readonly string[],
  cwd?: string,
): { child: ChildProcess; ended: Promise<Outcome> } {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, ...output }));
  });
  return { child, ended };
}

/** What makes a training small. */
export const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "evaluateUntrained=false", "--threads", "1"],
];
