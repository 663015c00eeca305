import { type SpawnOptions, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { onTestFinished } from "vitest";
import { run } from "../../cli/program.js";
import type { Terminal } from "../../cli/terminal.js";
import { Random } from "../../src/core/random.js";

/** What a command line left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Sink extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Runs a command line in this process. */
export async function vqkit(
  args: readonly string[],
  signal: Terminal["signal"] = new AbortController().signal,
): Promise<Outcome> {
  const stdout = new Sink();
  const stderr = new Sink();
  const code = await run(args, { stdout, stderr, signal });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** The built program. */
export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Starts the built program in a process of its own. */
export function startProgram(args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"], ...options });
  let stderr = "";
  child.stderr?.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  const ended = new Promise<{ code: number | null; signal: string | null; stderr: string }>((done) =>
    child.on("close", (code, signal) => done({ code, signal, stderr })),
  );
  return { child, ended };
}

/** An empty folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), "vqkit-cli-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes `count` PNG files of smooth random colour, not square, into `dir`. */
export async function writeImages(
  dir: string,
  count: number,
  { width = 40, height = 24 }: { readonly width?: number; readonly height?: number } = {},
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const random = new Random(i, "cli test image");
    const coarse = Buffer.from(Array.from({ length: 5 * 3 * 3 }, () => random.integer(256)));
    await sharp(coarse, { raw: { width: 5, height: 3, channels: 3 } })
      .resize(width, height, { kernel: "cubic", fit: "fill" })
      .png()
      .toFile(path.join(dir, `image${i}.png`));
  }
}
