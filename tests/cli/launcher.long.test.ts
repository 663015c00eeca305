/** The program as npx starts it, when that is killed. */
import { spawn, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { main, temporaryFolder, writeImages } from "./harness.js";
import { SMALL } from "./resumed-program.js";

const hasNpx = process.platform !== "win32" && spawnSync("npx", ["--version"]).status === 0;

/** A package whose program is vqkit, with images; what npx is given to train. */
async function folder(): Promise<{ dir: string; out: string; command: string[] }> {
  const dir = await temporaryFolder();
  const out = path.join(dir, "run");
  await mkdir(path.join(dir, "photos"));
  await writeImages(path.join(dir, "photos"), 3);
  await mkdir(path.join(dir, "node_modules/.bin"), { recursive: true });
  // npm makes what it links executable.
  const program = `#!/usr/bin/env node\nimport(${JSON.stringify(pathToFileURL(main).href)});\n`;
  await writeFile(path.join(dir, "node_modules/.bin/vqkit"), program, { mode: 0o755 });
  await writeFile(path.join(dir, "package.json"), '{"name":"uses-vqkit","version":"1.0.0"}');
  const train = ["train", "photos", ...SMALL, "--steps", "100000", "--out", out, "--quiet"];
  return { dir, out, command: ["--no-install", "vqkit", ...train] };
}

/** The number of the process that writes a run, once it has logged a step. */
async function writerOf(out: string): Promise<number> {
  const read = (name: string) => readFile(path.join(out, name), "utf8").catch(() => "");
  while ((await read("metrics.jsonl")) === "") await wait(50);
  return (JSON.parse(await read(".vqkit.lock")) as { pid: number }).pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for the end of a process, a minute at most. */
async function ended(pid: number): Promise<boolean> {
  for (let i = 0; i < 600 && isAlive(pid); i++) await wait(100);
  return !isAlive(pid);
}

describe.skipIf(!hasNpx)("npx vqkit train (needs npx)", () => {
  test.each(["SIGTERM", "SIGKILL", "SIGHUP"] as const)(
    "leaves no orphan when npx gets %s, but a run in order",
    async (signal) => {
      const { dir, out, command } = await folder();
      const npx = spawn("npx", command, { cwd: dir, stdio: "ignore" });
      const pid = await writerOf(out);
      onTestFinished(() => void (isAlive(pid) && process.kill(pid, "SIGKILL")));
      expect(pid).not.toBe(npx.pid);
      npx.kill(signal);
      expect(await ended(pid)).toBe(true);
      expect((await readdir(out)).sort()).toEqual([
        "checkpoints",
        "config.json",
        "metrics.jsonl",
        "timeline.vqt",
      ]);
      expect(await readdir(path.join(out, "checkpoints"))).not.toEqual([]);
    },
  );

  test("goes on under nohup when npx is killed", async () => {
    const { dir, out, command } = await folder();
    const npx = spawn("nohup", ["npx", ...command], {
      cwd: dir,
      stdio: "ignore",
      env: { ...process.env, _: "/usr/bin/nohup" },
    });
    const pid = await writerOf(out);
    onTestFinished(() => void (isAlive(pid) && process.kill(pid, "SIGKILL")));
    npx.kill("SIGKILL");
    await wait(2_500); // several looks
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGTERM");
    expect(await ended(pid)).toBe(true);
    expect(await readdir(path.join(out, "checkpoints"))).not.toEqual([]);
  });
});
