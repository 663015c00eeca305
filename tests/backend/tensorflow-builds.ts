/** Calls of tools/build-tfjs-node.mjs. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const tool = fileURLToPath(new URL("../../tools/build-tfjs-node.mjs", import.meta.url));
/** A folder that is removed when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "vqkit-tensorflow-build-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the tool; what it prints to standard error, line by line. */
export function build(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, ...args], { encoding: "utf8", env });
  return { status, stdout, lines: stderr.trimEnd().split("\n") };
}
